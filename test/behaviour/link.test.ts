import { describe, expect, test, vi } from "vitest";
import { RequestRefused, Retry } from "../../lib/errors.ts";
import { DEAD, memoryApp, QUEUE } from "../support/memory-app.ts";

function linking(calls: unknown[][] = [], options: Parameters<typeof memoryApp>[1] = {}) {
  return memoryApp(
    (app) => ({
      add: app.task("add", (x: number, y: number) => x + y),
      fails: app.task("fails", (): number => {
        throw new TypeError("no");
      }),
      retries: app.task("retries", { bind: true, maxRetries: 1 }, (ctx): number => {
        if (ctx.retries === 0) throw new Retry({ countdown: 1 });
        return 9;
      }),
      note: app.task("note", { bind: true }, (ctx, ...args: unknown[]) => {
        calls.push(args);
        return [ctx.rootId, ctx.parentId];
      }),
    }),
    options,
  );
}

describe("link", () => {
  test("is called once, with the result first (test_canvas.py: link)", async () => {
    const calls: unknown[][] = [];
    await using it = await linking(calls);
    const { add, note } = it.tasks;
    await it.settle(await add.applyAsync([2, 3], { link: note.s("a", 1), linkError: note.si("failed") }));
    await it.advance(60);
    expect(calls).toEqual([[5, "a", 1]]);
  });

  test("may be several, which are all called", async () => {
    const calls: unknown[][] = [];
    await using it = await linking(calls);
    const { add, fails, note } = it.tasks;
    await it.settle(await add.applyAsync([2, 3], { link: [note.s("a"), note.si("b")] }));
    const failed = await fails.s().linkError(note.s("c")).linkError(note.si("d")).delay();
    await it.settle(failed);
    await it.advance(60);
    expect(calls.toSorted()).toEqual([[5, "a"], ["b"], [failed.id, "c"], ["d"]].toSorted());
  });

  test("has this task for a parent, and the same root", async () => {
    await using it = await linking();
    const result = await it.tasks.add.applyAsync([2, 3], { link: it.tasks.note.si() });
    await it.settle(result);
    await it.advance(5);
    const [linked] = [...it.store.records.values()].filter(({ task }) => task === "note");
    expect(JSON.parse(linked?.result ?? "")).toEqual([result.id, result.id]);
  });

  test.each(["default", QUEUE])("goes to the queue its signature asks for, called %s", async (queue) => {
    const calls: unknown[][] = [];
    await using it = await linking(calls);
    const link = it.tasks.note.s();
    await it.settle(await it.tasks.add.applyAsync([2, 3], { link: { wire: { ...link.wire, options: { queue } } } }));
    await it.advance(5);
    expect(calls).toEqual([[5]]);
  });

  test("immutable, is handed nothing", async () => {
    const calls: unknown[][] = [];
    await using it = await linking(calls);
    await it.settle(await it.tasks.add.applyAsync([2, 3], { link: it.tasks.note.si("only", "these") }));
    await it.advance(5);
    expect(calls).toEqual([["only", "these"]]);
  });

  test("waits for the retries to end", async () => {
    const calls: unknown[][] = [];
    await using it = await linking(calls);
    await it.settle(await it.tasks.retries.applyAsync([], { link: it.tasks.note.s() }));
    await it.advance(5);
    expect(calls).toEqual([[9]]);
  });

  test("is called where the result itself is ignored", async () => {
    const calls: unknown[][] = [];
    await using it = await linking(calls);
    await it.tasks.add.applyAsync([2, 3], { link: it.tasks.note.s(), ignoreResult: true });
    await it.advance(5);
    expect(calls).toEqual([[5]]);
  });

  test("is not called after a failure or a revoke", async () => {
    const calls: unknown[][] = [];
    await using it = await linking(calls);
    const { fails, add, note } = it.tasks;
    const failed = await fails.applyAsync([], { link: note.s() });
    const revoked = await add.applyAsync([2, 3], { countdown: 5, link: note.s(), linkError: note.si() });
    await revoked.revoke();
    await it.settle(failed, revoked);
    await it.advance(30);
    expect(calls).toEqual([]);
  });

  test("to a queue that does not exist does not keep the task's own message for ever", async () => {
    await using it = await linking();
    const { wire } = it.tasks.note.s();
    const result = await it.tasks.add.applyAsync([2, 3], { link: { wire: { ...wire, options: { queue: "celery" } } } });
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(3_600);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });

  test("whose message is refused for good is a failure of its own, and the task's own message is done", async () => {
    await using it = await linking();
    const { wire } = it.tasks.note.s();
    const send = it.broker.send.bind(it.broker);
    vi.spyOn(it.broker, "send").mockImplementation(async (queue, message) => {
      if (queue !== QUEUE) throw new RequestRefused("the policy of this queue says no");
      await send(queue, message);
    });
    const result = await it.tasks.add.applyAsync([2, 3], { link: { wire: { ...wire, options: { queue: "mail" } } } });
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(1);
    const [linked] = [...it.store.records.values()].filter(({ task }) => task === "note");
    expect(linked).toMatchObject({ state: "FAILURE", failure: { type: "RequestRefused" } });
    expect(await it.app.result(linked?.id as string).state()).toBe("FAILURE");
    await it.advance(600);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
    expect(it.record(result)).toMatchObject({ state: "SUCCESS", runs: 1 });
  });

  test("of a task that is unknown here becomes a failure of its own", async () => {
    await using it = await linking();
    const foreign = { wire: { ...it.tasks.note.s().wire, task: "elsewhere" } };
    await it.settle(await it.tasks.add.applyAsync([2, 3], { link: foreign }));
    await it.advance(120);
    const [linked] = [...it.store.records.values()].filter(({ task }) => task === "elsewhere");
    expect(linked).toMatchObject({ state: "FAILURE", failure: { type: "NotRegistered" } });
  });
});

describe("linkError", () => {
  test("is called once, with the failed task's id first", async () => {
    const calls: unknown[][] = [];
    await using it = await linking(calls);
    const result = await it.tasks.fails.applyAsync([], { linkError: it.tasks.note.s("and", "more") });
    await it.settle(result);
    await it.advance(60);
    expect(calls).toEqual([[result.id, "and", "more"]]);
  });

  test("can read the failure from that id", async () => {
    let message: string | undefined;
    await using it = await memoryApp((app) => ({
      fails: app.task("fails", () => {
        throw new TypeError("no");
      }),
      report: app.task("report", async (id: string) => {
        message = (await app.result(id).info()).failure?.message;
      }),
    }));
    await it.settle(await it.tasks.fails.applyAsync([], { linkError: it.tasks.report.s() }));
    await it.advance(5);
    expect(message).toBe("no");
  });
});

// t/smoke/tests/test_dedup_chain_dispatch.py: a redelivered, already successful task still dispatches its callback, once
describe("a callback is sent exactly once where the worker dies", () => {
  test.each(["send", "delete"] as const)("right before it would %s", async (step) => {
    const calls: unknown[][] = [];
    await using it = await linking(calls, { worker: false });
    const doomed = await it.startWorker();
    doomed.killBefore(step);
    const result = await it.tasks.add.applyAsync([2, 3], { link: it.tasks.note.s() });
    await it.advance(1);
    expect(await result.state()).toBe("SUCCESS");
    await it.startWorker();
    await it.advance(90);
    expect(calls).toEqual([[5]]);
    expect(it.record(result)?.runs).toBe(1);
    expect(it.messages()).toEqual([]);
  });
});
