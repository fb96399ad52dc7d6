import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import { RESULT_POLL_MS } from "../../lib/defaults.ts";
import {
  AccessDenied,
  PayloadStoreUnavailable,
  ResultTimeout,
  StoreUnavailable,
  WrongContext,
} from "../../lib/errors.ts";
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

test("a signal and a clock that outlive many get()s keep nothing of them", async () => {
  await using it = await tasks();
  const left = new Set<object>();
  const timer = it.clock.timer.bind(it.clock);
  vi.spyOn(it.clock, "timer").mockImplementation((ms, fire) => {
    if (ms < 3_600_000) return timer(ms, fire);
    const one = {}; // for longer than any other part of the app sets one
    left.add(one);
    const cancel = timer(ms, fire);
    return () => {
      left.delete(one);
      cancel();
    };
  });
  const { signal } = new AbortController();
  const result = await it.tasks.slow.delay(3);
  expect(await it.during(result.get({ timeout: "1d", signal }))).toBe(3);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  expect(left.size).toBe(0);
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

describe("where the table does not answer", () => {
  const outage = () => Promise.reject(new StoreUnavailable("DynamoDB did not answer"));

  test("get() waits on: hundreds of them, and each has its value when the table is back", async () => {
    await using it = await tasks();
    const results = await Promise.all(Array.from({ length: 300 }, () => it.tasks.slow.delay(0)));
    await it.settle(...results);
    const read = vi.spyOn(it.store, "read").mockImplementation(outage);
    const values = Promise.all(results.map((result) => result.get({ timeout: "60s" })));
    await it.advance(30);
    read.mockRestore();
    expect(await it.during(values)).toEqual(results.map(() => 0));
  });

  test("get() gives up at its timeout, and says why nothing is known", async () => {
    await using it = await tasks();
    const result = await it.tasks.slow.delay(0);
    vi.spyOn(it.store, "read").mockImplementation(outage);
    const began = it.clock.now();
    const error = await it.during(result.get({ timeout: "5s" })).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ResultTimeout);
    expect(error).toMatchObject({
      message: `what became of task ${result.id} could not be read within 5 s: DynamoDB did not answer; the task is unaffected, ask again`,
      cause: expect.any(StoreUnavailable),
    });
    expect(it.clock.now() - began).toBeLessThan(7_000);
  });

  test("a read that never comes back does not hold get() beyond its timeout and the last look", async () => {
    await using it = await tasks();
    const result = await it.tasks.slow.delay(0);
    vi.spyOn(it.store, "read").mockImplementation(() => new Promise(() => {}));
    for (const [timeout, atMost] of [
      [5, 5_000],
      [0, RESULT_POLL_MS.lastLook],
    ] as const) {
      const began = it.clock.now();
      const waiting = result.get({ timeout }).catch((caught: unknown) => [caught, it.clock.now() - began]);
      expect(await it.during(waiting)).toEqual([expect.any(ResultTimeout), atMost]);
    }
    const stop = new AbortController();
    const aborted = result.get({ signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
  });

  test("get() without a timeout gives up after a minute without an answer, and an answer in between starts it anew", async () => {
    await using it = await tasks();
    const result = await it.tasks.slow.delay(600);
    const read = vi.spyOn(it.store, "read").mockImplementation(outage);
    const ended: unknown[] = [];
    result.get().catch((error: unknown) => ended.push(error));
    await it.advance(RESULT_POLL_MS.outage / 1_000 - 10);
    read.mockRestore();
    await it.advance(5);
    vi.spyOn(it.store, "read").mockImplementation(outage);
    await it.advance(RESULT_POLL_MS.outage / 1_000 - 10);
    expect(ended).toEqual([]);
    await it.advance(15);
    expect(ended).toEqual([expect.any(StoreUnavailable)]);
  });

  test("a permission that is missing ends get() at once: no waiting mends it", async () => {
    await using it = await tasks();
    const result = await it.tasks.slow.delay(0);
    vi.spyOn(it.store, "read").mockImplementation(() => Promise.reject(new AccessDenied("dynamodb:GetItem")));
    await expect(result.get({ timeout: "1h" })).rejects.toThrow(AccessDenied);
  });

  test("a payload store that does not answer is waited for as well", async () => {
    await using it = await memoryApp((app) => ({ long: app.task("long", () => "x".repeat(100_000)) }), {
      payloads: { bucket: "ducklings" },
    });
    const result = await it.tasks.long.delay();
    await it.settle(result);
    const get = vi
      .spyOn(it.payloads, "get")
      .mockImplementation(() => Promise.reject(new PayloadStoreUnavailable("S3 did not answer")));
    const value = result.get({ timeout: "60s" });
    await it.advance(30);
    get.mockRestore();
    expect(await it.during(value)).toHaveLength(100_000);
  });
});
