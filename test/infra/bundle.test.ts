// What is bundled is looked at before it is deployed: by whoever synthesizes, and not by the first message.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { App, Stack } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TaskApp } from "../../infra/index.ts";
import { createApp, onLambda } from "../../lib/index.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
beforeAll(async () => {
  await mkdir(`${ROOT}/.lovage`, { recursive: true });
  folder = await mkdtemp(`${ROOT}/.lovage/bundle-`); // in a project: with a lock file above it, and esbuild
  await writeFile(
    join(folder, "tasks.ts"),
    'export const rows = []; rows.push(["add"]); send("tidy up"); function send() {}',
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Warnings of a deployment whose handler is this module, and whose app has these tasks. */
async function warnings(module: string, tasks: readonly string[]): Promise<readonly unknown[]> {
  const entry = join(folder, "worker.ts");
  await writeFile(entry, module);
  const app = createApp("shop", { workloads: { default: onLambda() } });
  for (const name of tasks) app.task(name, () => {});
  const stack = new Stack(new App(), "Shop");
  new TaskApp(stack, "Tasks", { app, entry });
  return Annotations.fromStack(stack)
    .findWarning("*", Match.anyValue())
    .map(({ entry: { data } }) => data);
}

const WITH_TASKS = 'export * as tasks from "./tasks.ts"; export const handler = () => {};';

test("a handler and its tasks: nothing to say", async () => {
  expect(await warnings(WITH_TASKS, ["tidy up"])).toEqual([]);
});

test("a task that the bundle does not name is a warning, for a name may be put together at run time", async () => {
  const said = await warnings(WITH_TASKS, ["tidy up", "add", "ship"]); // "add" is there, but defines nothing
  expect(said).toHaveLength(2); // the worker's function, and that of its dead letters
  expect(said[0]).toMatch(/worker\.ts does not name "add", "ship": export the modules that define its tasks there/);
});

test("a name that esbuild writes in another way is no reason to warn", async () => {
  expect(await warnings(WITH_TASKS, ["größe"])).toEqual([]);
});

test.each([
  [
    'export * as tasks from "./tasks.ts"; export const handle = () => {};',
    /worker\.ts exports no "handler"; write there/,
  ],
  ['import handler from "./nowhere.ts"; export { handler };', /esbuild cannot bundle .*worker\.ts, and says why above/],
])("%s is refused", async (module, problem) => {
  await expect(warnings(module, [])).rejects.toThrow(problem);
});
