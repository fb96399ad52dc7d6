// A project of somebody's own: the packed tarball, an app, a handler, a CDK app. It is synthesized without a network and without
// Docker, it runs, and each mistake a stranger makes is one clear line.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { offline } from "./offline.ts";
import { ownEnvironment, pack, ROOT, say, temporaryFolder } from "./projects.ts";

const MINUTES = 60_000;
const FILES = {
  "app.ts": `import { createApp, onLambda } from "lovage";
export const app = createApp("shop", { include: ["./tasks.ts"], workloads: { default: onLambda({ timeout: "30s" }) } });
`,
  "tasks.ts": `import { app } from "./app.ts";
export const add = app.task("add", (x: number, y: number) => x + y);
`,
  "functions/worker.ts": `import { createLambdaHandler } from "lovage/lambda";
import { app } from "../app.ts";
export * as tasks from "../tasks.ts";
export const handler = createLambdaHandler(app);
`,
  "infra.ts": `import { App, Stack } from "aws-cdk-lib";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { TaskApp } from "lovage/infra";
import { app } from "./app.ts";
import "./tasks.ts";

const cdk = new App();
const tasks = new TaskApp(cdk, "Shop", { app, entry: process.env.ENTRY ?? "functions/worker.ts" });
const api = new Stack(cdk, "api");
const caller = new LambdaFunction(api, "Caller", {
  runtime: Runtime.NODEJS_24_X,
  handler: "index.handler",
  code: Code.fromInline("exports.handler = async () => {};"),
});
tasks.grantSend(caller);
`,
  "cdk.json": '{ "app": "node infra.ts", "notices": false, "context": { "cli-telemetry": false } }\n',
} as const;

let folder: string;
let cwd: string;
const inProject = (...names: readonly string[]) => join(cwd, ...names);
const synth = (env: NodeJS.ProcessEnv = {}) => say("npx", ["cdk", "synth", "--quiet"], { cwd, env });

/** The line that says what is wrong: what Node prints of an error that nobody caught. */
async function refusal(env: NodeJS.ProcessEnv = {}): Promise<readonly string[]> {
  const error = await synth(env).catch((refused: Error) => refused);
  return String((error as Error).message).match(/^(?:InvalidOption|LovageError): .*$/gm) ?? [];
}

/** Bundles of the latest synthesis. */
async function bundles(): Promise<readonly string[]> {
  const assets = (await readdir(inProject("cdk.out"))).filter((name) => name.startsWith("asset."));
  return assets.map((name) => inProject("cdk.out", name, "index.mjs"));
}

beforeAll(async () => {
  folder = await temporaryFolder();
  cwd = join(folder, "shop");
  await mkdir(inProject("functions"), { recursive: true });
  // Whoever writes a library has this in every package.json; what has no side effects may be left out of a bundle.
  await writeFile(inProject("package.json"), '{"name":"shop","private":true,"type":"module","sideEffects":false}');
  for (const [name, content] of Object.entries(FILES)) await writeFile(inProject(name), content);
  const { devDependencies } = JSON.parse(await readFile(`${ROOT}/package.json`, "utf8"));
  const tools = ["aws-cdk", "aws-cdk-lib", "constructs", "esbuild", "fauxqs"].map(
    (name) => `${name}@${devDependencies[name]}`,
  );
  const emulators = JSON.parse(await readFile(`${ROOT}/scripts/emulators/package.json`, "utf8")).optionalDependencies;
  const platform = Object.entries(emulators).map(([name, version]) => `${name}@${version}`);
  const install = (...packages: readonly string[]) =>
    say("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...packages], { cwd });
  await install(await pack(folder));
  await install("--save-dev", ...tools);
  await install("--save-optional", ...platform);
}, 10 * MINUTES);
afterAll(() => rm(folder, { recursive: true, force: true }), 10 * MINUTES);

test("its CDK app is short", () => {
  expect(FILES["infra.ts"].split("\n").length).toBeLessThan(30);
});

describe("cdk synth", { timeout: 3 * MINUTES }, () => {
  test("needs no network, no account and no Docker", async () => {
    const without = offline(ownEnvironment(), join(folder, "offline"));
    await synth(without.env);
    expect(without.tried()).toEqual([]);
    const made = await readdir(inProject("cdk.out"));
    expect(made.filter((name) => name.endsWith(".template.json"))).toHaveLength(3); // table, workload, api
  });

  test('its functions have their tasks, though package.json says "sideEffects": false', async () => {
    const files = await bundles();
    expect(files).toHaveLength(1); // one bundle, for the worker and for dead letters
    const { handler, tasks } = await import(pathToFileURL(files[0] ?? "").href);
    expect(tasks.add(2, 3)).toBe(5);
    expect(await handler({ Records: [] }, { getRemainingTimeInMillis: () => 30_000 })).toEqual({
      batchItemFailures: [],
    });
  });
});

describe("a mistake is one clear line at synth", { timeout: 3 * MINUTES }, () => {
  test("tasks that a bundler would leave out", async () => {
    const module = FILES["functions/worker.ts"].replace("export * as tasks from", "import");
    await writeFile(inProject("functions/imports.ts"), module);
    expect(await refusal({ ENTRY: "functions/imports.ts" })).toEqual([
      expect.stringMatching(
        /cannot bundle functions\/imports\.ts, .* write: export \* as tasks from "\.\.\/tasks\.ts"$/,
      ),
    ]);
  });

  test("a handler by another name", async () => {
    const module = FILES["functions/worker.ts"].replace("const handler", "const handle");
    await writeFile(inProject("functions/handle.ts"), module);
    expect(await refusal({ ENTRY: "functions/handle.ts" })).toEqual([
      'InvalidOption: functions/handle.ts exports no "handler"; write there: export const handler = createLambdaHandler(app)',
    ]);
  });

  test.each(["functions/nowhere.ts", "functions"])("an entry that is no file: %s", async (entry) => {
    expect(await refusal({ ENTRY: entry })).toEqual([
      expect.stringMatching(
        `^InvalidOption: entry is "${entry}", but there is no file /.*; it takes the module that exports`,
      ),
    ]);
  });

  test.each([
    [
      "esbuild",
      "node_modules/esbuild",
      /^InvalidOption: esbuild is not installed in .*; run npm install --save-dev esbuild$/,
    ],
    [
      "the lock file",
      "package-lock.json",
      /^InvalidOption: no lock file \(.*\) lies in .* or above it; run npm install in your project$/,
    ],
  ])("%s is missing", async (_name, path, problem) => {
    await rename(inProject(path), inProject("elsewhere"));
    try {
      expect(await refusal()).toEqual([expect.stringMatching(problem)]);
    } finally {
      await rename(inProject("elsewhere"), inProject(path));
    }
  });
});

test("runs here: lovage dev, send, result", { timeout: 3 * MINUTES }, async () => {
  const dev = spawn("npx", ["lovage", "dev"], { cwd, env: ownEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(dev, "close");
  let said = "";
  const ready = Promise.withResolvers<void>();
  for (const stream of [dev.stdout, dev.stderr])
    stream.on("data", (chunk) => {
      said += chunk;
      if (said.includes("ready shop")) ready.resolve();
    });
  dev.once("exit", () => ready.reject(new Error(said)));
  await ready.promise;
  try {
    const { stdout } = await say("npx", ["lovage", "send", "add", "2", "3", "--local"], { cwd });
    const result = await say("npx", ["lovage", "result", stdout.trim(), "--wait", "--local", "--json"], { cwd });
    expect(JSON.parse(result.stdout)).toMatchObject({ state: "SUCCESS", value: 5 });
  } finally {
    process.kill(JSON.parse(await readFile(inProject(".lovage/dev.json"), "utf8")).pid, "SIGTERM");
    await closed;
  }
});
