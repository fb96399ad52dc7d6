// Every TypeScript block of docs/guides/*.md, of docs/canvas.md and of docs/deploy.md, is compiled and executed; guide.ts says how a block is marked. Needs the build.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { start } from "../cli/lovage.ts";
import { filesOf, type GuideFile, unexecuted } from "./guide.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const GUIDES = `${ROOT}/docs/guides`;
const SECONDS = 1_000;

const TSCONFIG = {
  extends: "../../tsconfig.json",
  compilerOptions: { paths: {}, noEmit: true },
  include: ["**/*.ts"],
  exclude: [],
};

const guides = readdirSync(GUIDES).filter((name) => name.endsWith(".md"));
describe.each([...guides.map((name) => `guides/${name}`), "canvas.md", "deploy.md"])("docs/%s", (guide) => {
  const files = filesOf(readFileSync(`${ROOT}/docs/${guide}`, "utf8"));
  let cwd: string;

  // A folder inside the repository, where "lovage" is the package itself.
  beforeAll(async () => {
    await mkdir(`${ROOT}/.lovage`, { recursive: true });
    cwd = await mkdtemp(`${ROOT}/.lovage/guide-${basename(guide, ".md")}-`);
    await writeFile(`${cwd}/tsconfig.json`, JSON.stringify(TSCONFIG));
    // What a deployment takes for a project: the directory of the lock file, and in it the Dockerfile of its containers.
    await writeFile(`${cwd}/package-lock.json`, "{}");
    await copyFile(`${ROOT}/examples/starter/Dockerfile`, `${cwd}/Dockerfile`);
    for (const { name, code } of files) {
      await mkdir(dirname(`${cwd}/${name}`), { recursive: true });
      await writeFile(`${cwd}/${name}`, code);
    }
  });
  afterAll(() => rm(cwd, { recursive: true, force: true }));

  test("has TypeScript, and all of it is executed or says why not", () => {
    expect(files).not.toEqual([]);
    expect(unexecuted(files)).toEqual([]);
  });

  test(
    "compiles",
    async () => {
      const tsc = fileURLToPath(import.meta.resolve("typescript/package.json")).replace("package.json", "bin/tsc");
      expect(await run([tsc, "--project", cwd], cwd)).toEqual({ code: 0, output: "" });
    },
    60 * SECONDS,
  );

  const of = (how: GuideFile["how"]) => files.filter((file) => file.how === how).map(({ name }) => name);

  if (of("test").length > 0)
    test.each(of("test"))(
      "%s passes",
      async (name) => {
        const { code, output } = await run(["--test", name], cwd);
        expect(code, output).toBe(0);
        expect(output).toMatch(/^# pass [1-9]|ℹ pass [1-9]/m); // a file without a test passes too
      },
      60 * SECONDS,
    );

  if (of("run").length > 0)
    test.each(of("run"))(
      "%s runs",
      async (name) => {
        const { code, output } = await run([name], cwd);
        expect(code, output).toBe(0);
      },
      60 * SECONDS,
    );

  if (of("run local").length > 0)
    test.each(of("run local"))(
      "%s runs on the local stack",
      async (name) => {
        await using dev = start(["dev", "--app", "./app.ts"], { cwd });
        await dev.said("ready ");
        const { environment } = JSON.parse(await readFile(`${cwd}/.lovage/dev.json`, "utf8"));
        const { code, output } = await run([name], cwd, environment);
        expect(code, output).toBe(0);
        dev.kill("SIGTERM");
        await dev.ended();
      },
      60 * SECONDS,
    );
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Nothing of this process's environment but where things are: neither a test runner's marks nor AWS credentials. */
async function run(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const { PATH = "", HOME = "" } = process.env;
  const child: ChildProcess = spawn(process.execPath, args, { cwd, env: { PATH, HOME, ...env } });
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  child.stderr?.on("data", (chunk) => (output += chunk));
  await once(child, "close");
  return { code: child.exitCode, output };
}
