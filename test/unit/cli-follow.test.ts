// `result --follow`: every change once, in order, and an end.
import { expect, test } from "vitest";
import type { App } from "../../lib/app.ts";
import { follow } from "../../lib/cli/follow.ts";
import type { TaskInfo } from "../../lib/result.ts";
import { memoryApp } from "../support/memory-app.ts";

const never = new AbortController().signal;

async function all(changes: AsyncIterable<TaskInfo>): Promise<readonly TaskInfo[]> {
  const found: TaskInfo[] = [];
  for await (const info of changes) found.push(info);
  return found;
}

test("each change is told once, down to the last", async () => {
  const define = (app: App) => ({
    steps: app.task("steps", { bind: true, maxRetries: 1 }, async (ctx) => {
      await ctx.sleep("10s");
      await ctx.progress({ done: 1 });
      await ctx.sleep("10s");
      if (ctx.retries === 0) throw ctx.retry({ countdown: "30s" });
      return "done";
    }),
  });
  await using it = await memoryApp(define, { worker: false });
  const result = await it.tasks.steps.delay();
  const told = all(follow(result, { clock: it.clock, signal: never }));
  await it.advance(3);
  await it.startWorker();
  expect((await it.during(told)).map(({ state, retries, progress }) => [state, retries, progress])).toEqual([
    ["PENDING", undefined, undefined],
    ["STARTED", 0, undefined],
    ["STARTED", 0, { done: 1 }],
    ["RETRY", 1, undefined],
    ["STARTED", 1, undefined],
    ["STARTED", 1, { done: 1 }],
    ["SUCCESS", 1, undefined],
  ]);
});

test("an id of nobody's, and time that is over, end it", async () => {
  await using it = await memoryApp((app) => ({ add: app.task("add", () => 1) }), { worker: false });
  const unknown = it.app.result("of-nobody");
  expect((await all(follow(unknown, { clock: it.clock, signal: never }))).map(({ state }) => state)).toEqual([
    "UNKNOWN",
  ]);
  const waiting = await it.tasks.add.delay();
  const told = await it.during(all(follow(waiting, { clock: it.clock, signal: never, limitMs: 5_000 })));
  expect(told.map(({ state }) => state)).toEqual(["PENDING"]);
  expect(await waiting.state()).toBe("PENDING");
});

test("asked to stop, it leaves the task alone", async () => {
  await using it = await memoryApp((app) => ({ add: app.task("add", () => 1) }), { worker: false });
  const waiting = await it.tasks.add.delay();
  const asked = new AbortController();
  const told = all(follow(waiting, { clock: it.clock, signal: asked.signal }));
  await it.advance(3);
  asked.abort();
  expect(await told).toHaveLength(1);
  expect(await waiting.state()).toBe("PENDING");
});
