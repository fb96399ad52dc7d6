// A stranger's first five minutes, with the tarball that would be published: init, install, test, types, dev, call.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { offline } from "./offline.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

const MINUTES = 60_000;

let folder: string;
let tarball: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lovage-init-"));
  const args = ["pack", "--ignore-scripts", "--pack-destination", folder];
  await run("npm", args, { cwd: ROOT, env: npmEnvironment() });
  tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
});
afterAll(() => rm(folder, { recursive: true, force: true }), 10 * MINUTES);

const packageOf = (directory: string) => JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));

/** npm under the Node that runs this, as on a machine that has no other, and without what a test runner adds. */
function npmEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|AWS_|LOVAGE_|VITEST|NODE_(ENV|OPTIONS)$|INIT_CWD)/i.test(name),
  );
  return { ...Object.fromEntries(kept), PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
}

// npm and its registry have a pace of their own.
describe.each([
  { name: "plain", options: ["--no-infra"], infra: false },
  { name: "whole", options: [], infra: true },
])("lovage init $name $options makes a project", { timeout: 10 * MINUTES }, ({ name, options, infra }) => {
  const env = npmEnvironment();
  const cwd = () => join(folder, name);
  const npm = async (...args: readonly string[]) => (await run("npm", args, { cwd: cwd(), env })).stdout;

  test("that installs", async () => {
    await run("npx", ["--yes", `./${tarball}`, "init", name, ...options], { cwd: folder, env });
    expect(packageOf(cwd()).dependencies.lovage).toBe(`file:../${tarball}`);
    await npm("install", "--no-audit", "--no-fund", "--prefer-offline");
  });

  test("whose tests and types pass", async () => {
    expect(await npm("test")).toMatch(/pass 2\b/);
    await npm("run", "types");
  });

  test.runIf(infra)(
    "that is synthesized without a network, an account or Docker, its tasks in its functions",
    async () => {
      const without = offline(env, join(folder, "offline"));
      await run("npm", ["run", "synth"], { cwd: cwd(), env: without.env });
      expect(without.tried()).toEqual([]);
      const made = readdirSync(join(cwd(), "cdk.out"));
      expect(made.filter((file) => file.endsWith(".template.json")).length).toBeGreaterThanOrEqual(3);
      const bundles = made.filter(
        (file) => file.startsWith("asset.") && readdirSync(join(cwd(), "cdk.out", file)).includes("index.mjs"),
      );
      expect(bundles.length).toBeGreaterThan(0);
      for (const bundle of bundles) {
        const code = readFileSync(join(cwd(), "cdk.out", bundle, "index.mjs"), "utf8");
        for (const task of ["add", "ping", "primes"]) expect(code).toMatch(new RegExp(`\\.task\\(\\s*"${task}"`));
      }
    },
  );

  test("that runs: dev and call", async () => {
    const dev = spawn("npm", ["run", "dev"], { cwd: cwd(), env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const ready = Promise.withResolvers<void>();
    for (const stream of [dev.stdout, dev.stderr]) {
      stream.on("data", (chunk) => {
        said += chunk;
        if (said.includes(`ready ${name}`)) ready.resolve();
      });
    }
    dev.once("exit", () => ready.reject(new Error(`it ended: ${said}`)));
    await ready.promise;
    try {
      expect(await npm("run", "call")).toContain("2 + 3 = 5\n5133 primes up to 50000\n");
    } finally {
      const { pid } = JSON.parse(readFileSync(join(cwd(), ".lovage/dev.json"), "utf8"));
      process.kill(pid, "SIGTERM");
      await once(dev, "close");
    }
    expect(readdirSync(join(cwd(), ".lovage"))).toEqual([]);
  });
});
