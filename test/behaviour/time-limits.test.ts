import { describe, expect, test } from "vitest";
import { InvalidOption, SoftTimeLimitExceeded } from "../../lib/errors.ts";
import { memoryApp } from "../support/memory-app.ts";

const forever = () => new Promise<never>(() => {});

test("at the soft limit the signal aborts, and code that waits on it fails with SoftTimeLimitExceeded", async () => {
  await using it = await memoryApp((app) => ({
    slow: app.task("slow", { bind: true, softTimeLimit: "3s" }, (ctx) => ctx.sleep("1m")),
  }));
  const result = await it.tasks.slow.delay();
  const began = it.clock.now();
  expect(await it.settle(result)).toBe("FAILURE");
  expect(it.clock.now() - began).toBeLessThan(5_000);
  await expect(result.get()).rejects.toMatchObject({
    type: "SoftTimeLimitExceeded",
    message: "soft time limit of 3 s exceeded",
  });
});

test("the soft limit's error arrives also where an AbortError was thrown for it", async () => {
  await using it = await memoryApp((app) => ({
    slow: app.task("slow", { bind: true, softTimeLimit: "3s" }, async (ctx) => {
      await new Promise((_, reject) =>
        ctx.signal.addEventListener("abort", () =>
          reject(new DOMException("This operation was aborted", "AbortError")),
        ),
      );
    }),
  }));
  const result = await it.tasks.slow.delay();
  await it.settle(result);
  await expect(result.get()).rejects.toMatchObject({ type: "SoftTimeLimitExceeded" });
});

test("a task may catch the soft limit and clean up (test_chord_soft_timeout_recuperation)", async () => {
  await using it = await memoryApp((app) => ({
    slow: app.task("slow", { bind: true, softTimeLimit: "3s" }, async (ctx) => {
      try {
        await ctx.sleep("1m");
      } catch (error) {
        if (error instanceof SoftTimeLimitExceeded) return "cleaned up";
      }
      return "slept";
    }),
  }));
  const result = await it.tasks.slow.delay();
  expect(await it.settle(result)).toBe("SUCCESS");
  expect(await result.get()).toBe("cleaned up");
});

test("at the hard limit the task fails, whatever it does", async () => {
  await using it = await memoryApp((app) => ({ hangs: app.task("hangs", { timeLimit: "10s" }, forever) }));
  const result = await it.tasks.hangs.delay();
  expect(await it.settle(result)).toBe("FAILURE");
  await expect(result.get()).rejects.toMatchObject({
    type: "TimeLimitExceeded",
    message: "hard time limit of 10 s exceeded",
  });
  expect(it.messages()).toEqual([]);
});

test("the hard limit ends the task even where its errors are retried (docs/protocol.md, row 14)", async () => {
  let runs = 0;
  await using it = await memoryApp((app) => ({
    hangs: app.task("hangs", { timeLimit: "10s", autoRetryFor: [Error], defaultRetryDelay: 1 }, () => {
      runs++;
      return forever();
    }),
  }));
  const result = await it.tasks.hangs.delay();
  expect(await it.settle(result)).toBe("FAILURE");
  expect(runs).toBe(1);
});

test("a task within its limits outlives many leases", async () => {
  let runs = 0;
  await using it = await memoryApp((app) => ({
    long: app.task("long", { bind: true, timeLimit: "1h" }, (ctx) => {
      runs++;
      return ctx.sleep("30m");
    }),
  }));
  const result = await it.tasks.long.delay();
  await it.advance(29 * 60);
  expect(await result.state()).toBe("STARTED");
  expect(await it.settle(result)).toBe("SUCCESS");
  expect(runs).toBe(1);
});

// t/integration/test_tasks.py::test_soft_time_limit_exceeding_time_limit
test("a soft limit over the hard one is refused at the call", async () => {
  await using it = await memoryApp((app) => ({ add: app.task("add", () => 1) }));
  await expect(it.tasks.add.applyAsync([], { timeLimit: 5, softTimeLimit: 6 })).rejects.toThrow(InvalidOption);
  expect(it.messages()).toEqual([]);
});

describe("limits are visible in the context (test_tasks.py::test_request_time_limits_*)", () => {
  test.each<[string, object, object, [number, number]]>([
    ["the defaults", {}, {}, [300, 270]],
    ["the declaration", { timeLimit: 20, softTimeLimit: 10 }, {}, [20, 10]],
    [
      "a call overrides the declaration",
      { timeLimit: 20, softTimeLimit: 10 },
      { timeLimit: 40, softTimeLimit: 30 },
      [40, 30],
    ],
    ["a call's soft limit beside the declared hard one", { timeLimit: 20 }, { softTimeLimit: 5 }, [20, 5]],
    ["a call's hard limit above the default brings its own soft one", {}, { timeLimit: "1h" }, [3_600, 3_240]],
    ["a call's hard limit below the default soft one", {}, { timeLimit: "10s" }, [10, 9]],
    ["a call's hard limit brings its own soft one", { timeLimit: 20, softTimeLimit: 10 }, { timeLimit: 5 }, [5, 4.5]],
  ])("%s", async (_, declared, called, expected) => {
    await using it = await memoryApp((app) => ({
      limits: app.task("limits", { bind: true, ...declared }, (ctx) => [ctx.timeLimit, ctx.softTimeLimit]),
    }));
    const result = await it.tasks.limits.applyAsync([], called);
    await it.settle(result);
    expect(await result.get()).toEqual(expected);
  });
});
