// ctx.replace(): a task puts another, or a workflow, in its place.
import { describe, expect, test } from "vitest";
import type { App } from "../../lib/app.ts";
import { chain, chord, group, signature } from "../../lib/canvas.ts";
import { Replace, TaskFailed, TaskRevoked } from "../../lib/index.ts";
import type { Task } from "../../lib/task.ts";
import { type MemoryAppOptions, memoryApp } from "../support/memory-app.ts";

function replacing(options: MemoryAppOptions = {}) {
  const calls: unknown[][] = [];
  return memoryApp((app: App) => {
    const add = app.task("add", (x: number, y: number) => {
      calls.push(["add", x, y]);
      return x + y;
    });
    const note = app.task("note", { bind: true }, (ctx, what: unknown) => {
      calls.push(["note", what, ctx.parentId]);
    });
    const fail = app.task("fail", (why: string): number => {
      throw new RangeError(why);
    });
    const slow = app.task("slow", { bind: true }, async (ctx, x: number) => {
      await ctx.sleep("20s");
      return x;
    });
    const down: Task<[number], number> = app.task("down", { bind: true }, (ctx, n: number): number =>
      n === 0 ? 0 : ctx.replace(down.s(n - 1)),
    );
    return {
      ...{ add, note, fail, slow, down },
      swap: app.task("swap", { bind: true }, (ctx, x: number) => {
        calls.push(["swap", x]);
        return ctx.replace(add.s(x, 100));
      }),
      steps: app.task("steps", { bind: true }, (ctx, x: number) =>
        ctx.replace(chain(add.s(x, 1), add.s(10), add.s(100))),
      ),
      fan: app.task("fan", { bind: true }, (ctx, n: number) =>
        ctx.replace(group(Array.from({ length: n }, (_, i) => add.s(i, i)))),
      ),
      broken: app.task("broken", { bind: true }, (ctx, why: string) => ctx.replace(chain(fail.s(why), add.s(1)))),
      later: app.task("later", { bind: true }, (ctx, x: number) => ctx.replace(slow.s(x).set({ countdown: 60 }))),
      empty: app.task("empty", { bind: true }, (ctx) =>
        ctx.replace(signature<[], number>({ task: "celery.chain", kwargs: { tasks: [] } }, app)),
      ),
      junk: app.task("junk", { bind: true }, (ctx) => ctx.replace(add as never)),
      byHand: app.task("by_hand", (x: number): number => {
        throw new Replace(add.s(x, 0));
      }),
      sum: app.task("sum", (all: readonly number[]) => all.reduce((total, one) => total + one, 0)),
    };
  }, options).then((it) => Object.assign(it, { calls }));
}

describe("a task that is replaced", () => {
  test("has the result of the one in its place", async () => {
    await using it = await replacing();
    const result = await it.tasks.swap.delay(7);
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toBe(107);
    expect(await it.app.result(result.id).get()).toBe(107);
    expect(it.record(result)).toMatchObject({ state: "REPLACED", replacementSig: expect.stringContaining('"add"') });
  });

  test("waits for it, and tells of it", async () => {
    await using it = await replacing();
    const result = await it.tasks.later.delay(7);
    await it.until("it was replaced", () => it.record(result)?.state === "REPLACED");
    expect([await result.state(), await result.ready()]).toEqual(["PENDING", false]);
    await it.advance(65);
    const replacement = it.record(result)?.replacement;
    expect(await result.info()).toMatchObject({ id: result.id, state: "STARTED", task: "slow", replacement });
    expect(await it.during(result.get())).toBe(7);
  });

  test("by a chain has its last step's result, and its root", async () => {
    await using it = await replacing();
    const result = await it.tasks.steps.delay(1);
    expect(await it.during(result.get())).toBe(112);
    const [first] = it.calls;
    expect(first).toEqual(["add", 1, 1]);
  });

  test("by a group ends when all of its members have", async () => {
    await using it = await replacing();
    const result = await it.tasks.fan.delay(3);
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.calls).toHaveLength(3);
  });

  test("again and again leads to the last one; nobody reads the way twice", async () => {
    await using it = await replacing();
    const result = await it.tasks.down.delay(5);
    expect(await it.during(result.get())).toBe(0);
    const asked: string[] = [];
    const read = it.store.read.bind(it.store);
    it.store.read = async (id) => {
      asked.push(id);
      return await read(id);
    };
    expect([await result.get(), asked.length]).toEqual([0, 1]);
    expect([await it.app.result(result.id).get(), asked.length]).toEqual([0, 7]);
  });

  test("may throw it by hand", async () => {
    await using it = await replacing();
    expect(await it.during((await it.tasks.byHand.delay(3)).get())).toBe(3);
  });

  test("eagerly, too", async () => {
    await using it = await replacing({ worker: false });
    using _ = it.app.eager();
    expect(await (await it.tasks.steps.delay(1)).get()).toBe(112);
  });

  test("eagerly, and fails where failures are thrown", async () => {
    await using it = await replacing({ worker: false });
    using _ = it.app.eager({ propagates: true });
    await expect(it.tasks.broken.delay("no")).rejects.toThrow(TaskFailed);
  });

  test("called directly throws Replace, as retry() throws Retry", async () => {
    await using it = await replacing({ worker: false });
    expect(() => it.tasks.swap(1)).toThrow(Replace);
  });
});

describe("its place in its workflow", () => {
  test("its callback is handed the result of the one in its place, and no other", async () => {
    await using it = await replacing();
    const result = await it.tasks.swap.applyAsync([7], { link: it.tasks.note.s() });
    await it.settle(result);
    await it.advance(5);
    expect(it.calls).toEqual([
      ["swap", 7],
      ["add", 7, 100],
      ["note", 107, it.record(result)?.replacement],
    ]);
  });

  test("its error callback is called once, whichever step fails", async () => {
    await using it = await replacing();
    const result = await it.tasks.broken.applyAsync(["no"], { linkError: it.tasks.note.s() });
    expect(await it.settle(result)).toBe("FAILURE");
    await it.advance(5);
    expect((await result.info()).failure).toMatchObject({ type: "RangeError", message: "no" });
    expect(it.calls).toEqual([["note", expect.any(String), expect.any(String)]]);
  });

  test("the rest of its chain comes after it", async () => {
    await using it = await replacing();
    const { add, steps, swap } = it.tasks;
    const result = await chain(add.s(1, 1), swap.s(), steps.s(), add.s(1_000)).delay();
    expect(await it.during(result.get())).toBe(1_213);
  });

  test("a member of a group is counted when the one in its place has ended: failed where that has", async () => {
    await using it = await replacing();
    const { add, swap, broken, sum } = it.tasks;
    const failed = await chord([add.s(1, 1), swap.s(1), broken.s("no")], sum.s()).delay();
    await expect(it.during(failed.get())).rejects.toMatchObject({
      cause: {
        name: "ChordError",
        message: expect.stringContaining("member 2 of its group"),
        cause: { message: "no" },
      },
    });
    expect(it.calls).toContainEqual(["add", 1, 100]);
  });
});

describe("whatever happens,", () => {
  test("it is replaced once: its message comes twice", async () => {
    await using it = await replacing({ worker: false });
    const result = await it.tasks.swap.applyAsync([7], { link: it.tasks.note.s() });
    await it.duplicate();
    await it.startWorker();
    await it.settle(result);
    await it.advance(3_600);
    expect(it.calls.map(([task]) => task)).toEqual(["swap", "add", "note"]);
  });

  test.each(["send", "delete"] as const)("it goes on where its worker died before its %s", async (step) => {
    await using it = await replacing({ worker: false });
    const result = await it.tasks.steps.delay(1);
    const first = await it.startWorker();
    first.killBefore(step);
    await it.until("it was replaced", () => it.record(result)?.state === "REPLACED");
    await it.startWorker();
    expect(await it.during(result.get())).toBe(112);
    expect(it.calls).toHaveLength(3);
  });

  test("a revoke reaches the one in its place", async () => {
    await using it = await replacing();
    const result = await it.tasks.later.delay(7);
    await it.until("it was replaced", () => it.record(result)?.state === "REPLACED");
    expect(await result.revoke()).toBe("revoked");
    expect(await it.settle(result)).toBe("REVOKED");
    await expect(result.get()).rejects.toThrow(TaskRevoked);
    expect(await it.app.result(result.id).revoke()).toBe("ended");
  });

  test("forget() forgets the result, and who replaced whom stays known", async () => {
    await using it = await replacing();
    const result = await it.tasks.swap.delay(7);
    await it.settle(result);
    await result.forget();
    expect(await result.info()).toMatchObject({ state: "SUCCESS", forgotten: true });
    expect(it.record(result)).toMatchObject({ state: "REPLACED" });
  });

  test.each([
    ["empty", "InvalidOption", "a chain has no steps"],
    [
      "junk",
      "InvalidOption",
      "replace() takes a signature, such as task.s(...) or chain(...), and was given the function add",
    ],
  ] as const)("what cannot take its place fails it: %s", async (task, type, message) => {
    await using it = await replacing();
    const result = await it.tasks[task].applyAsync([], { linkError: it.tasks.note.s() });
    expect(await it.settle(result)).toBe("FAILURE");
    expect((await result.info()).failure).toMatchObject({ type, message: expect.stringContaining(message) });
    await it.advance(5);
    expect(it.calls).toEqual([["note", result.id, result.id]]);
  });

  test("a task that is mapped cannot replace the map", async () => {
    await using it = await replacing();
    const result = await it.tasks.swap.map([1, 2]).delay();
    await it.settle(result);
    expect((await result.info()).failure).toMatchObject({
      type: "WrongContext",
      message: expect.stringContaining("item 0 of celery.map called replace()"),
    });
  });
});
