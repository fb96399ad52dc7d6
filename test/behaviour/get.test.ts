import { expect, test } from "vitest";
import { ResultTimeout, WrongContext } from "../../lib/errors.ts";
import { memoryApp } from "../support/memory-app.ts";

const tasks = () =>
  memoryApp((app) => ({
    slow: app.task("slow", { bind: true }, async (ctx, seconds: number) => {
      await ctx.sleep(seconds);
      return seconds;
    }),
  }));

test("get() gives up after its timeout and the task is unaffected (test_tasks.py::test_timeout)", async () => {
  await using it = await tasks();
  const result = await it.tasks.slow.delay(10);
  const began = it.clock.now();
  await expect(it.during(result.get({ timeout: "5s" }))).rejects.toThrow(ResultTimeout);
  expect(it.clock.now() - began).toBeLessThan(7_000);
  expect(await result.state()).toBe("STARTED");
  await it.settle(result);
  expect(await result.get()).toBe(10);
});

test("a timeout says what it waited for, and what state that is in", async () => {
  await using it = await tasks();
  const result = await it.tasks.slow.delay(10);
  const message = `task ${result.id} is STARTED after 2 s; it goes on, only the waiting ended`;
  await expect(it.during(result.get({ timeout: 2 }))).rejects.toThrow(message);
});

test("a timeout of 0 looks once", async () => {
  await using it = await tasks();
  const result = await it.tasks.slow.delay(1);
  await expect(result.get({ timeout: 0 })).rejects.toThrow("after 0 s");
  await it.settle(result);
  expect(await result.get({ timeout: 0 })).toBe(1);
});

test("a signal ends the waiting with its reason, before and while", async () => {
  await using it = await tasks();
  const result = await it.tasks.slow.delay(10);
  await expect(result.get({ signal: AbortSignal.abort(new Error("too late")) })).rejects.toThrow("too late");
  const stop = new AbortController();
  const waiting = result.get({ signal: stop.signal });
  waiting.catch(() => {}); // it is awaited below
  await it.advance(1);
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});

test("get() inside a task throws: it would hold a slot that the other one needs", async () => {
  await using it = await memoryApp((app) => {
    const inner = app.task("inner", () => 1);
    return { outer: app.task("outer", async () => (await inner.delay()).get()) };
  });
  const result = await it.tasks.outer.delay();
  expect(await it.settle(result)).toBe("FAILURE");
  await expect(result.get()).rejects.toMatchObject({ type: WrongContext.name });
});

test("state(), ready() and info() may be asked inside a task", async () => {
  await using it = await memoryApp((app) => {
    const inner = app.task("inner", { bind: true }, (ctx) => ctx.sleep(1));
    return {
      outer: app.task("outer", async () => {
        const result = await inner.delay();
        return [(await result.state()) !== "UNKNOWN", await result.ready(), (await result.info()).id === result.id];
      }),
    };
  });
  const result = await it.tasks.outer.delay();
  await it.settle(result);
  expect(await result.get()).toEqual([true, false, true]);
});
