// What the options of a function's bundle are for, tried on code that needs them.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { esbuildOptions, FUNCTION_BUNDLING } from "../../infra/constructs/bundling.ts";

const run = promisify(execFile);
const resolveDir = fileURLToPath(new URL(".", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lovage-bundling-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the code prints, as a file of its own without node_modules beside it. */
async function printed(contents: string, bundling = FUNCTION_BUNDLING): Promise<string> {
  const outfile = join(folder, "index.mjs");
  await build({ ...esbuildOptions(bundling), stdin: { contents, resolveDir, loader: "ts" }, outfile });
  return (await run(process.execPath, [outfile])).stdout.trim();
}

test("a CommonJS package that requires parts of Node loads", async () => {
  expect(await printed('import { PNG } from "pngjs"; console.log(typeof PNG.sync.read);')).toBe("function");
});

test("code may make a require() of its own", async () => {
  const code = `
    import { createRequire } from "node:module";
    const require = createRequire(import.meta.url);
    console.log(typeof require("node:fs").readFileSync);`;
  expect(await printed(code)).toBe("function");
});

test.each([false, true])("an error keeps its name beside another of that name; minified: %s", async (minify) => {
  const code = `
    import { TimeoutError as Other } from "data:text/javascript,export class TimeoutError extends Error {}";
    class TimeoutError extends Error {}
    console.log(TimeoutError.name, Other.name);`;
  expect(await printed(code, { ...FUNCTION_BUNDLING, minify })).toBe("TimeoutError TimeoutError");
});

test("a function's bundle has what runs tasks, and no CDK, command line, emulator, pool or server", async () => {
  const entryPoints = [fileURLToPath(new URL("../../functions/worker/handler.ts", import.meta.url))];
  const { metafile, warnings } = await build({ ...esbuildOptions(), entryPoints, outdir: folder, metafile: true });
  expect(warnings).toEqual([]);
  const inputs = Object.keys(metafile.inputs);
  const has = (part: string) => inputs.some((path) => path.includes(part));
  for (const part of ["lib/worker/execute.ts", "examples/duckling/tasks.ts", "@aws-sdk/client-sqs"])
    expect(has(part), part).toBe(true);
  const idle = ["infra/", "lib/cli/", "lib/local/", "lib/memory/", "lib/testing/", "lib/worker/pool.ts"];
  const packages = ["aws-cdk", "constructs", "commander", "cli-progress", "tinypool", "fauxqs", "dynoxide", "esbuild"];
  const unwanted = [...idle, "lib/worker/worker.ts", "lib/worker/health", ...packages.map((name) => `/${name}`)];
  expect(unwanted.filter(has)).toEqual([]);
});

// "sideEffects" in package.json: what nobody takes anything from may be left out. A module of tasks is imported for its effect.
describe.each([false, ["./other.ts"]])("in a project whose package.json has sideEffects: %j", (sideEffects) => {
  async function bundled(handler: string): Promise<string> {
    const project = await mkdtemp(join(folder, "project-"));
    const files = {
      "package.json": JSON.stringify({ type: "module", sideEffects }),
      "app.ts": "export const names: string[] = [];",
      "tasks.ts": 'import { names } from "./app.ts"; export const add = names.push("add"); names.push("not exported");',
      "functions/worker.ts": `import { names } from "../app.ts"; ${handler} console.log(names.join());`,
    };
    await mkdir(join(project, "functions"));
    for (const [name, content] of Object.entries(files)) await writeFile(join(project, name), content);
    const outfile = join(project, "index.mjs");
    const entryPoints = [join(project, "functions/worker.ts")];
    await build({ ...esbuildOptions(), entryPoints, outfile, logLevel: "silent" });
    return (await run(process.execPath, [outfile])).stdout.trim();
  }

  test("tasks that the entry exports are in the bundle", async () => {
    expect(await bundled('export * as tasks from "../tasks.ts";')).toBe("add,not exported");
  });

  test("tasks that are only imported fail it, and are not left out in silence", async () => {
    await expect(bundled('import "../tasks.ts";')).rejects.toThrow(/Ignoring this import because .*tasks\.ts/);
  });
});
