// celery.map and celery.starmap: one message, one task called for each item, one after another.
import { describe, expect, test } from "vitest";
import { TaskFailed } from "../../lib/index.ts";
import type { TaskOptions } from "../../lib/settings.ts";
import { onFargate } from "../../lib/workload.ts";
import { type MemoryAppOptions, memoryApp } from "../support/memory-app.ts";

const WORKLOADS = { default: onFargate({ work: "io" }), renders: onFargate({ work: "io", byCall: true }) };

const NUMBERS = {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate: (value: unknown) =>
      typeof value === "number" ? { value: value + 100 } : { issues: [{ message: "not a number" }] },
  },
};

function mapping(options: MemoryAppOptions & { readonly slow?: TaskOptions } = {}) {
  const ran: unknown[][] = [];
  const { slow = {}, ...rest } = options;
  return memoryApp(
    (app) => ({
      add: app.task("add", (x: number, y: number) => {
        ran.push(["add", x, y]);
        return x + y;
      }),
      half: app.task("half", (x: number) => {
        ran.push(["half", x]);
        if (x % 2 !== 0) throw new RangeError(`${x} is odd`);
        return x / 2;
      }),
      silent: app.task("silent", (_: string) => {}),
      facts: app.task("facts", { bind: true }, (ctx, x: number) => [x, ctx.id, ctx.task, ctx.args.length]),
      again: app.task("again", { bind: true, maxRetries: 1 }, (ctx, x: number): number => {
        ran.push([ctx.retries, x]);
        if (ctx.retries === 0 && x === 2) ctx.retry({ countdown: 1 });
        return x;
      }),
      flaky: app.task("flaky", { bind: true, autoRetryFor: [RangeError], retryBackoff: true }, (ctx, x: number) => {
        if (ctx.retries === 0) throw new RangeError("not yet");
        return x;
      }),
      slow: app.task("slow", { bind: true, ...slow }, async (ctx, x: number) => {
        ran.push(["began", x]);
        await ctx.sleep("10s");
        ran.push(["ended", x]);
        return [ctx.timeLimit, ctx.delivery.workload] as const;
      }),
      checked: app.task("checked", { args: [NUMBERS], result: NUMBERS }, (x: unknown) => x as number), // the schema has made it one
    }),
    { workloads: WORKLOADS, ...rest },
  ).then((it) => Object.assign(it, { ran }));
}

describe("a map", () => {
  test("calls the task for each item, in order, and gives the list of results (test_canvas.py: test_map)", async () => {
    await using it = await mapping();
    const result = await it.tasks.half.map([2, 4, 6]).delay();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toEqual([1, 2, 3]);
    expect(it.ran).toEqual([
      ["half", 2],
      ["half", 4],
      ["half", 6],
    ]);
  });

  test("of lists of arguments is a starmap", async () => {
    await using it = await mapping();
    const result = await it.tasks.add
      .starmap([
        [1, 2],
        [10, 20],
      ])
      .delay();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toEqual([3, 30]);
  });

  test("of nothing gives nothing; a task that returns nothing gives null", async () => {
    await using it = await mapping();
    const none = await it.tasks.half.map([]).delay();
    const nulls = await it.tasks.silent.map(["a", "b"]).delay();
    await it.settle(none, nulls);
    expect([await none.get(), await nulls.get()]).toEqual([[], [null, null]]);
  });

  test("waits for one call before it makes the next", async () => {
    await using it = await mapping();
    await it.settle(await it.tasks.slow.map([1, 2]).delay());
    expect(it.ran).toEqual([
      ["began", 1],
      ["ended", 1],
      ["began", 2],
      ["ended", 2],
    ]);
  });

  test("hands on the map's own context", async () => {
    await using it = await mapping();
    const result = await it.tasks.facts.map([7]).delay();
    await it.settle(result);
    expect(await result.get()).toEqual([[7, result.id, "celery.map", 0]]);
  });

  test("runs in its task's workload, within its limits; a call may say others", async () => {
    await using it = await mapping({ slow: { workload: "renders", timeLimit: "40s" } });
    const own = await it.tasks.slow.map([1]).delay();
    const asked = await it.tasks.slow.map([1]).applyAsync([], { workload: "default", timeLimit: 33 });
    await it.settle(own, asked);
    expect([await own.get(), await asked.get()]).toEqual([[[40, "renders"]], [[33, "default"]]]);
  });

  test("and is over when its time is", async () => {
    await using it = await mapping({ slow: { timeLimit: "25s", softTimeLimit: "15s" } });
    const result = await it.tasks.slow.map([1, 2, 3]).delay();
    await it.settle(result);
    expect((await result.info()).failure?.type).toBe("SoftTimeLimitExceeded");
    expect(it.ran).toEqual([
      ["began", 1],
      ["ended", 1],
      ["began", 2],
    ]);
  });

  test("that is revoked makes no further call", async () => {
    await using it = await mapping();
    const result = await it.tasks.slow.map([1, 2, 3]).delay();
    await it.until("it runs", async () => (await result.state()) === "STARTED");
    await result.revoke();
    expect(await it.settle(result)).toBe("REVOKED");
    expect(it.ran).not.toContainEqual(["began", 3]);
  });

  test("checks each item and each result by its task's schemas", async () => {
    await using it = await mapping();
    const good = await it.tasks.checked.map([1, 2]).delay();
    const bad = await it.app.sendTask("celery.map", [], { kwargs: { task: { task: "checked" }, it: [1, "2"] } });

    await it.settle(good, bad);
    expect(await good.get()).toEqual([201, 202]);
    expect((await bad.info()).failure).toMatchObject({
      type: "InvalidArguments",
      message: expect.stringContaining("item 1 of celery.map: "),
    });
  });

  test("fails with the error of the item that failed, which it names; no further call is made", async () => {
    await using it = await mapping();
    const result = await it.tasks.half.map([2, 3, 4]).delay();
    expect(await it.settle(result)).toBe("FAILURE");
    expect((await result.info()).failure).toMatchObject({
      type: "RangeError",
      message: "item 1 of celery.map: 3 is odd",
    });
    await expect(result.get()).rejects.toThrow(TaskFailed);
    expect(it.ran).toHaveLength(2);
  });

  test("is retried as a whole, by its task's rules: where the task asks for it, and where its errors do", async () => {
    await using it = await mapping();
    const asked = await it.tasks.again.map([1, 2]).delay();
    const flaky = await it.tasks.flaky.map([5]).delay();
    await it.settle(asked, flaky);
    expect(await asked.get()).toEqual([1, 2]);
    expect(await flaky.get()).toEqual([5]);
    expect(it.ran).toEqual([
      [0, 1],
      [0, 2],
      [1, 1],
      [1, 2],
    ]);
  });

  test("too large for a message works the same through the payload store, in its task's settings", async () => {
    await using it = await mapping({ payloads: { bucket: "ducklings" }, slow: { timeLimit: "40s" } });
    const large = await it.tasks.silent.map(["x".repeat(400_000)]).delay();
    const limits = await it.app.sendTask("celery.map", [], {
      kwargs: { task: { task: "slow" }, it: [1], more: "x".repeat(400_000) },
    });
    expect(await it.settle(large, limits)).toBe("SUCCESS");
    expect(await large.get()).toEqual([null]);
    expect(await limits.get()).toEqual([[40, "default"]]);
  });

  test("runs eagerly, too", async () => {
    await using it = await mapping({ worker: false });
    using _ = it.app.eager();
    const result = await it.tasks.half.map([2, 4]).delay();
    expect(await result.get()).toEqual([1, 2]);
  });
});

describe("a map that cannot run fails, and says why:", () => {
  const bad = async (task: string, kwargs: Record<string, unknown>, options: MemoryAppOptions = {}) => {
    await using it = await mapping(options);
    const result = await it.app.sendTask(task, [], { kwargs });
    expect(await it.settle(result)).toBe("FAILURE");
    return (await result.info()).failure;
  };

  test("its task is not registered", async () => {
    const failure = await bad("celery.map", { task: { task: "gone" }, it: [1] });
    expect(failure).toMatchObject({ type: "NotRegistered", message: expect.stringContaining('task "gone" is not') });
  });

  test("nor where only its arguments could tell", async () => {
    const kwargs = { task: { task: "gone" }, it: ["x".repeat(400_000)] };
    const failure = await bad("celery.starmap", kwargs, { payloads: { bucket: "ducklings" } });
    expect(failure).toMatchObject({ type: "NotRegistered", message: expect.stringContaining('task "gone" is not') });
  });

  test("maps are not mapped", async () => {
    const failure = await bad("celery.map", { task: { task: "celery.map" }, it: [] });
    expect(failure).toMatchObject({ type: "InvalidOption", message: expect.stringContaining("task of celery.map") });
  });

  test.each([
    ["it names no task", "celery.map", { it: [1] }, "task of celery.map is no signature"],
    ["it names null", "celery.map", { task: null, it: [1] }, "task of celery.map is no signature"],
    ["it has no items", "celery.map", { task: { task: "half" } }, "it of celery.map is undefined; it takes a list"],
    ["it has no arguments at all", "celery.map", {}, "it of celery.map is undefined; it takes a list"],
    [
      "an item is no list of arguments",
      "celery.starmap",
      { task: { task: "add" }, it: [[1, 2], 3] },
      "item 1 of celery.starmap: it is a number; celery.starmap takes a list of lists of arguments",
    ],
  ])("%s", async (_why, task, kwargs, message) =>
    expect(await bad(task, kwargs)).toMatchObject({ type: "InvalidOption", message: expect.stringContaining(message) }),
  );
});
