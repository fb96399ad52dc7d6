// A stranger's first five minutes, with the tarball that would be published: init, install, test, types, dev, call.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lovage-init-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const packageOf = (directory: string) => JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));

/** npm under the Node that runs this, as on a machine that has no other, and without what a test runner adds. */
function npmEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|AWS_|LOVAGE_|VITEST|NODE_(ENV|OPTIONS)$|INIT_CWD)/i.test(name),
  );
  return { ...Object.fromEntries(kept), PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
}

test("lovage init makes a project that runs", async () => {
  const env = npmEnvironment();
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: ROOT, env });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  await run("npx", ["--yes", `./${tarball}`, "init", "first", "--no-infra"], { cwd: folder, env });
  const cwd = join(folder, "first");
  expect(packageOf(cwd).dependencies.lovage).toBe(`file:../${tarball}`);
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], { cwd, env });
  expect((await run("npm", ["test"], { cwd, env })).stdout).toMatch(/pass 2\b/);
  await run("npm", ["run", "types"], { cwd, env });

  const dev = spawn("npm", ["run", "dev"], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const ready = Promise.withResolvers<void>();
  for (const stream of [dev.stdout, dev.stderr]) {
    stream.on("data", (chunk) => {
      said += chunk;
      if (said.includes("ready first")) ready.resolve();
    });
  }
  dev.once("exit", () => ready.reject(new Error(`it ended: ${said}`)));
  await ready.promise;
  try {
    const { stdout } = await run("npm", ["run", "call"], { cwd, env });
    expect(stdout).toContain("2 + 3 = 5\n5133 primes up to 50000\n");
  } finally {
    const { pid } = JSON.parse(readFileSync(join(cwd, ".lovage/dev.json"), "utf8"));
    process.kill(pid, "SIGTERM");
    await once(dev, "close");
  }
  expect(readdirSync(join(cwd, ".lovage"))).toEqual([]);
}, 600_000); // npm and its registry have a pace of their own
