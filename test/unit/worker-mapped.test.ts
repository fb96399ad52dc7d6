// What of a map is not seen in a deployment (test/behaviour/map.test.ts is the rest).
import { expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { createApp, Ignore } from "../../lib/index.ts";
import { taskOf } from "../../lib/worker/mapped.ts";

/** Runs a map whose calls take 15 ms each, and never wait. */
async function run(handler: (x: number) => unknown, it: readonly number[]) {
  let now = 0;
  const app = createApp("duckling", { clock: { ...systemClock, monotonic: () => now } });
  app.task("busy", (x: number) => {
    now += 15;
    return handler(x);
  });
  const turns: number[] = [];
  const sleep = async () => void turns.push(now);
  const ctx = { signal: new AbortController().signal, sleep } as never; // what a map needs of it
  const kwargs = { task: { task: "busy" }, it };
  const call = taskOf(app, { task: "celery.map", kwargs })?.handler as (...args: unknown[]) => Promise<unknown>; // the map's
  return { turns, result: await call(ctx, kwargs).catch((error: unknown) => error) };
}

test("calls that never wait let others have their turn: what shares their thread, and their own heartbeat", async () => {
  const { turns, result } = await run((x) => x, [1, 2, 3, 4, 5]);
  expect(result).toEqual([1, 2, 3, 4, 5]);
  expect(turns).toEqual([30, 60]);
});

test("what is said of the whole run, or cannot be changed, is left as it is", async () => {
  const frozen = Object.freeze(new TypeError("cold"));
  for (const error of [new Ignore("enough"), frozen, "no error"]) {
    const { result } = await run(() => {
      throw error;
    }, [1]);
    expect(result).toBe(error);
  }
  expect([new Ignore("enough").message, frozen.message]).toEqual(["enough", "cold"]);
});

test("an app may have tasks of its own by these names", () => {
  const app = createApp("duckling");
  const own = app.task("celery.map", () => "mine");
  expect(taskOf(app, { task: "celery.map", kwargs: {} })?.settings).toBe(own.settings);
});
