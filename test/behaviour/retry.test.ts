import { describe, expect, test } from "vitest";
import { MAX_RESULT_BYTES } from "../../lib/defaults.ts";
import { Retry } from "../../lib/errors.ts";
import type { App, TaskContext } from "../../lib/index.ts";
import { memoryApp, QUEUE } from "../support/memory-app.ts";

/** A task that asks to be retried until it has run often enough, or for ever. */
const retrying = (enough = Number.POSITIVE_INFINITY, seen: TaskContext[] = []) =>
  memoryApp((app: App) => ({
    task: app.task("retrying", { bind: true, maxRetries: 3 }, (ctx, ..._args: number[]) => {
      seen.push(ctx);
      if (ctx.retries >= enough) return `after ${ctx.retries} retries`;
      throw new Retry({ countdown: 10, cause: new RangeError("not yet") });
    }),
    note: app.task("note", (_value: string) => {}),
  }));

describe("a task that asks for a retry (test_tasks.py::test_retry)", () => {
  test("reads RETRY until the next run, and then SUCCESS with its value", async () => {
    await using it = await retrying(2);
    const result = await it.tasks.task.delay();
    await it.advance(1);
    expect(await result.state()).toBe("RETRY");
    const info = await result.info();
    expect(info).toMatchObject({ retries: 1, runs: 1, failure: { type: "RangeError", message: "not yet" } });
    expect(info.retryAt?.getTime()).toBeGreaterThan(it.clock.now());
    expect(await result.ready()).toBe(false);
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toBe("after 2 retries");
    expect(await result.info()).toMatchObject({ retries: 2, runs: 3 });
    expect((await result.info()).failure).toBeUndefined();
  });

  test("fails with its own error once its retries are exhausted", async () => {
    const seen: TaskContext[] = [];
    await using it = await retrying(undefined, seen);
    const result = await it.tasks.task.delay();
    expect(await it.settle(result)).toBe("FAILURE");
    expect(seen.map(({ retries }) => retries)).toEqual([0, 1, 2, 3]);
    await expect(result.get()).rejects.toMatchObject({ type: "RangeError", message: "not yet" });
  });

  test("fails with MaxRetriesExceeded where it gave no error of its own", async () => {
    await using it = await memoryApp((app) => ({
      task: app.task("task", { bind: true, maxRetries: 1, defaultRetryDelay: 1 }, (ctx) => ctx.retry()),
    }));
    const result = await it.tasks.task.delay();
    expect(await it.settle(result)).toBe("FAILURE");
    await expect(result.get()).rejects.toMatchObject({
      type: "MaxRetriesExceeded",
      message: `cannot retry task[${result.id}]: 1 retries are exhausted`,
    });
  });

  test("runs no earlier than it asked for", async () => {
    const runs: number[] = [];
    await using it = await memoryApp((app) => ({
      task: app.task("task", { bind: true }, (ctx) => {
        runs.push(app.clock.now());
        if (ctx.retries === 0) ctx.retry({ countdown: "30s" });
        if (ctx.retries === 1) ctx.retry({ eta: new Date(app.clock.now() + 20_500) });
        if (ctx.retries === 2) ctx.retry({ countdown: 0 });
      }),
    }));
    await it.settle(await it.tasks.task.delay());
    const pauses = runs.slice(1).map((at, i) => (at - (runs[i] as number)) / 1_000);
    expect(pauses[0]).toBeGreaterThanOrEqual(30);
    expect(pauses[1]).toBeGreaterThanOrEqual(20.5);
    expect(pauses[2]).toBeLessThan(1);
    expect(pauses.map((pause) => Math.floor(pause))).toEqual([30, 21, 0]);
  });

  test("waits longer than SQS can by hopping", async () => {
    let runs = 0;
    await using it = await memoryApp((app) => ({
      task: app.task("task", { bind: true }, (ctx) => {
        runs++;
        if (ctx.retries === 0) ctx.retry({ countdown: "40m" });
      }),
    }));
    const result = await it.tasks.task.delay();
    await it.advance(39 * 60);
    expect([runs, await result.state()]).toEqual([1, "RETRY"]);
    await it.settle(result);
    expect(runs).toBe(2);
  });
});

describe("a retry keeps", () => {
  test("expires, headers, parents, limits and link (test_task_retried_once_with_expires, _headers)", async () => {
    const seen: TaskContext[] = [];
    await using it = await retrying(1, seen);
    const { task, note } = it.tasks;
    const result = await task.applyAsync([1, 2], {
      expires: "1h",
      headers: { tenant: "a" },
      timeLimit: 20,
      link: note.s(),
    });
    const [first] = it.messages();
    await it.advance(2);
    const [second] = it.messages();
    expect(second).toEqual({ ...first, retries: 1, eta: expect.any(Number) });
    expect(second).toMatchObject({
      expires: first?.expires,
      headers: { tenant: "a" },
      link: [{ task: "note" }],
      timeLimit: 20,
    });
    await it.settle(result);
    expect(seen.map(({ args, headers, timeLimit, rootId }) => ({ args, headers, timeLimit, rootId }))).toEqual(
      Array.from({ length: 2 }, () => ({ args: [1, 2], headers: { tenant: "a" }, timeLimit: 20, rootId: result.id })),
    );
  });

  test("nothing of its expiry's mercy: a retry after `expires` is revoked", async () => {
    await using it = await retrying();
    const result = await it.tasks.task.applyAsync([], { expires: "5s" });
    expect(await it.settle(result)).toBe("REVOKED");
  });
});

test("a retry may run with other arguments, and the rest stays", async () => {
  const seen: unknown[] = [];
  await using it = await memoryApp((app) => ({
    task: app.task("task", { bind: true, defaultRetryDelay: 1 }, (ctx, ...args: unknown[]) => {
      seen.push(args);
      if (ctx.retries === 0) ctx.retry({ args: ["b"] });
      if (ctx.retries === 1) ctx.retry({ kwargs: { k: 1 } });
    }),
  }));
  await it.settle(await it.tasks.task.delay("a"));
  expect(seen).toEqual([["a"], ["b"], ["b", { k: 1 }]]);
});

test("a retry with arguments JSON cannot hold, or SQS cannot carry, fails there and then", async () => {
  await using it = await memoryApp((app) => ({
    odd: app.task("odd", { bind: true }, (ctx) => ctx.retry({ args: [new Map()] })),
    big: app.task("big", { bind: true }, (ctx) => ctx.retry({ args: ["x".repeat(1_048_576)] })),
    both: app.task("both", { bind: true }, (ctx) => ctx.retry({ countdown: 1, eta: new Date() })),
    milliseconds: app.task("milliseconds", { bind: true }, (ctx) => ctx.retry({ countdown: 30_000 })),
  }));
  for (const [name, type] of [
    ["odd", "NotSerializable"],
    ["big", "MessageTooLarge"],
    ["both", "InvalidOption"],
    ["milliseconds", "InvalidOption"],
  ] as const) {
    const result = await it.tasks[name].delay();
    expect(await it.settle(result)).toBe("FAILURE");
    expect(await result.info()).toMatchObject({ failure: { type }, runs: 1 });
  }
});

test("a retry may have a limit of its own, or none", async () => {
  let runs = 0;
  await using it = await memoryApp((app) => ({
    task: app.task("task", { bind: true, maxRetries: 0 }, (ctx) => {
      runs++;
      if (ctx.retries < 6) ctx.retry({ countdown: 1, maxRetries: null });
    }),
  }));
  expect(await it.settle(await it.tasks.task.delay())).toBe("SUCCESS");
  expect(runs).toBe(7);
});

describe("a retry is not lost, and not doubled, where the worker dies", () => {
  test.each(["write", "send", "delete"] as const)("right before it would %s for it", async (step) => {
    const seen: number[] = [];
    await using it = await memoryApp(
      (app) => ({
        task: app.task("task", { bind: true }, async (ctx) => {
          seen.push(ctx.retries);
          if (ctx.retries > 0) return "done";
          await ctx.sleep(1);
          return ctx.retry({ countdown: 5 });
        }),
      }),
      { worker: false },
    );
    const doomed = await it.startWorker();
    const result = await it.tasks.task.delay();
    await it.advance(0.5);
    doomed.killBefore(step);
    await it.advance(2);
    await it.startWorker();
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(120);
    expect(seen).toEqual(step === "write" ? [0, 0, 1] : [0, 1]);
    expect(it.messages()).toEqual([]);
  });
});

describe("arguments changed by a retry are kept", () => {
  /** The first run asks for "b" instead of "a", the second one sleeps and asks for nothing but another. */
  const changing = (seen: unknown[][]) =>
    memoryApp(
      (app) => ({
        task: app.task("task", { bind: true }, async (ctx, letter: string) => {
          seen.push([ctx.retries, letter]);
          if (ctx.retries === 0) ctx.retry({ countdown: 1, args: ["b"] });
          if (ctx.retries === 2) return;
          await ctx.sleep(10);
          ctx.retry({ countdown: 5 });
        }),
      }),
      { worker: false },
    );

  test("where the publish of a later, plain retry is lost and a duplicate of the first message makes up for it", async () => {
    const seen: unknown[][] = [];
    await using it = await changing(seen);
    const doomed = await it.startWorker();
    const result = await it.tasks.task.delay("a");
    const [first] = it.broker.bodies(QUEUE);
    await it.advance(5);
    doomed.killBefore("send");
    await it.advance(10);
    expect(it.record(result)).toMatchObject({ state: "RETRY", attempt: 2 });
    expect(it.messages().map(({ retries }) => retries)).toEqual([1]); // and out of sight: its worker is dead

    await it.send(first as string);
    await it.startWorker();
    await it.advance(0);
    expect(it.messages().filter(({ retries }) => retries === 2)).toMatchObject([{ args: ["b"] }]);
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(120);
    expect(seen).toEqual([
      [0, "a"],
      [1, "b"],
      [2, "b"],
    ]);
    expect(it.messages()).toEqual([]);
  });

  test("where a shutdown interrupts the run that has them and a duplicate of the first message comes", async () => {
    const seen: unknown[][] = [];
    await using it = await changing(seen);
    const worker = await it.startWorker({ graceSeconds: 1 });
    const result = await it.tasks.task.delay("a");
    const [first] = it.broker.bodies(QUEUE);
    await it.advance(3);
    await worker.stop();
    expect(it.record(result)).toMatchObject({ state: "RETRY", attempt: 1 });
    await it.broker.receive(QUEUE, { max: 1, waitSeconds: 0, visibilitySeconds: 600 }); // by somebody who dies with it

    await it.send(first as string);
    await it.startWorker();
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(900);
    expect(seen).toEqual([
      [0, "a"],
      [1, "b"],
      [1, "b"],
      [2, "b"],
    ]);
    expect(it.messages()).toEqual([]);
  });
});

describe("what a record or a message cannot hold", () => {
  test("ends a retry that asks for it there and then, as any other failure", async () => {
    const failed: string[] = [];
    await using it = await memoryApp((app) => ({
      note: app.task("note", (id: string) => void failed.push(id)),
      big: app.task("big", { bind: true }, (ctx) => ctx.retry({ args: ["x".repeat(MAX_RESULT_BYTES)] })),
      late: app.task("late", { bind: true }, (ctx) => ctx.retry({ countdown: "9999999d" })),
    }));
    for (const [name, type] of [
      ["big", "MessageTooLarge"],
      ["late", "InvalidOption"],
    ] as const) {
      const result = await it.tasks[name].applyAsync([], { linkError: it.tasks.note.s() });
      await it.advance(1);
      expect(await result.info()).toMatchObject({ state: "FAILURE", failure: { type }, runs: 1 });
      expect(failed.splice(0)).toEqual([result.id]);
    }
    await it.advance(120);
    expect(it.messages()).toEqual([]);
  });

  test("does not matter to a retry that keeps its arguments, however large", async () => {
    await using it = await memoryApp((app) => ({
      task: app.task("task", { bind: true }, (ctx, text: string) => {
        if (ctx.retries < 2) ctx.retry({ countdown: 1 });
        return text.length;
      }),
    }));
    const result = await it.tasks.task.delay("x".repeat(500_000));
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toBe(500_000);
    expect(await result.info()).toMatchObject({ retries: 2, runs: 3 });
  });
});
