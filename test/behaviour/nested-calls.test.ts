import { describe, expect, onTestFinished, test, vi } from "vitest";
import { StoreUnavailable } from "../../lib/errors.ts";
import { currentTask } from "../../lib/index.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { type MemoryApp, memoryApp } from "../support/memory-app.ts";

const recordsOf = (it: MemoryApp<unknown>, task: string): TaskRecord[] =>
  [...it.store.records.values()].filter((record) => record.task === task);

describe("root and parent (test_tasks.py::test_apply_single_task_ids, test_canvas.py::test_parent_ids)", () => {
  test("a task on its own is its own root and has no parent", async () => {
    await using it = await memoryApp((app) => ({
      ids: app.task("ids", { bind: true }, (ctx) => [ctx.rootId, ctx.parentId ?? null]),
    }));
    const result = await it.tasks.ids.delay();
    await it.settle(result);
    expect(await result.get()).toEqual([result.id, null]);
  });

  test("along ten nested calls the root stays and the parent is the caller", async () => {
    await using it = await memoryApp((app) => {
      const nested = app.task("nested", { bind: true }, async (ctx, depth: number): Promise<unknown> => {
        const next = depth === 0 ? null : await nested.delay(depth - 1);
        return { rootId: ctx.rootId, parentId: ctx.parentId ?? null, next: next?.id ?? null };
      });
      return { nested };
    });
    const first = await it.tasks.nested.delay(10);
    await it.until(
      "all have ended",
      () => recordsOf(it, "nested").filter(({ state }) => state === "SUCCESS").length === 11,
    );
    let parent: string | null = null;
    let id: string | null = first.id;
    for (let depth = 10; depth >= 0; depth--) {
      const one = (await it.app.result(id as string).get()) as {
        rootId: string;
        parentId: string | null;
        next: string | null;
      };
      expect(one).toMatchObject({ rootId: first.id, parentId: parent });
      [parent, id] = [id, one.next];
    }
    expect(id).toBeNull();
  });
});

/** A task that sends three others and then waits, so that its worker may die in between. */
const sending = () =>
  memoryApp(
    (app) => {
      const child = app.task("child", (_name: string) => {});
      return {
        parent: app.task("parent", { bind: true }, async (ctx) => {
          await child.delay("a");
          await child.delay("a");
          await child.delay("b");
          await ctx.sleep("20s");
        }),
        retries: app.task("retries", { bind: true, maxRetries: 1, defaultRetryDelay: 1 }, async (ctx) => {
          await child.delay("a");
          if (ctx.retries === 0) ctx.retry();
        }),
        forgetful: app.task("forgetful", () => void child.delay("a")),
        elsewhere: app.task("elsewhere", async () => (await child.applyAsync(["a"], { taskId: "chosen" })).id),
      };
    },
    { worker: false },
  );

describe("tasks sent inside a task", () => {
  test("are not doubled where it runs again after a crash", async () => {
    await using it = await sending();
    const doomed = await it.startWorker();
    const result = await it.tasks.parent.delay();
    await it.until("the children have run", () => recordsOf(it, "child").length === 3);
    doomed.kill();
    await it.startWorker();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.record(result)?.runs).toBe(2);
    expect(recordsOf(it, "child")).toHaveLength(3);
    expect(recordsOf(it, "child").map(({ runs }) => runs)).toEqual([1, 1, 1]);
  });

  test("are sent again by a retry: that is another run, as in Celery", async () => {
    await using it = await sending();
    await it.startWorker();
    await it.settle(await it.tasks.retries.delay());
    await it.advance(1);
    expect(recordsOf(it, "child")).toHaveLength(2);
  });

  test("and not awaited there leave before it ends", async () => {
    await using it = await sending();
    const doomed = await it.startWorker();
    doomed.killBefore("delete");
    await it.tasks.forgetful.delay();
    await it.advance(0);
    expect(it.messages().map(({ task }) => task)).toContain("child");
  });

  test("keep an id that was chosen", async () => {
    await using it = await sending();
    await it.startWorker();
    const result = await it.tasks.elsewhere.delay();
    await it.settle(result);
    expect(await result.get()).toBe("chosen");
    await it.advance(1);
    expect(await it.app.result("chosen").state()).toBe("SUCCESS");
  });
});

describe("currentTask()", () => {
  test("reaches the context from anywhere below, also after awaiting, and only of its own run", async () => {
    const below = async () => {
      await Promise.resolve();
      return currentTask().args[0];
    };
    await using it = await memoryApp((app) => ({
      task: app.task("task", async (n: number) => {
        await app.clock.sleep(1_000);
        return (await below()) === n;
      }),
    }));
    const results = await Promise.all([1, 2, 3].map((n) => it.tasks.task.delay(n)));
    await it.settle(...results);
    expect(await Promise.all(results.map((result) => result.get()))).toEqual([true, true, true]);
  });

  test("throws outside a task", () => {
    expect(() => currentTask()).toThrow("currentTask() was called outside a running task");
  });
});

describe("the context", () => {
  test("says who runs what, where and from which message", async () => {
    await using it = await memoryApp((app) => ({
      task: app.task("task", { bind: true }, (ctx, _x: number) => {
        const { id, task, args, kwargs, retries, delivery, calledDirectly } = ctx;
        return { id, task, args, kwargs, retries, delivery, calledDirectly, worker: ctx.worker };
      }),
    }));
    const result = await it.tasks.task.delay(7);
    await it.settle(result);
    expect(await result.get()).toEqual({
      id: result.id,
      task: "task",
      args: [7],
      kwargs: {},
      retries: 0,
      delivery: { workload: "default", messageId: expect.any(String), receiveCount: 1 },
      calledDirectly: false,
      worker: expect.any(String),
    });
    expect((await result.info()).worker).toBe(((await result.get()) as { worker: string }).worker);
  });

  test("progress and a custom state show in info() while it runs", async () => {
    await using it = await memoryApp((app) => ({
      task: app.task("task", { bind: true }, async (ctx) => {
        await ctx.progress({ done: 1, of: 3 });
        await ctx.sleep(2);
        await ctx.updateState("RENDERING", { done: 2 });
        await ctx.sleep(2);
        await ctx.progress({ done: 3 });
        await ctx.sleep(2);
      }),
    }));
    const result = await it.tasks.task.delay();
    await it.advance(1);
    expect(await result.info()).toMatchObject({ state: "STARTED", progress: { done: 1, of: 3 } });
    await it.advance(2);
    expect(await result.info()).toMatchObject({ state: "STARTED", customState: "RENDERING", progress: { done: 2 } });
    await it.advance(2);
    expect(await result.info()).toMatchObject({ customState: "RENDERING", progress: { done: 3 } });
    await it.settle(result);
    expect(await result.info()).not.toHaveProperty("progress");
  });

  test("logs with the task's name, id and attempt", async () => {
    await using it = await memoryApp((app) => ({
      task: app.task("task", { bind: true }, (ctx) => ctx.log.info({ rows: 3 }, "imported")),
    }));
    const result = await it.tasks.task.delay();
    await it.settle(result);
    expect(it.logs).toContainEqual({
      level: "info",
      message: "imported",
      rows: 3,
      task: "task",
      id: result.id,
      attempt: 0,
    });
  });
});

test("a delay() nobody awaits leaves with the current turn, and flush() waits for all of them", async () => {
  await using it = await memoryApp((app) => ({ note: app.task("note", (_n: number) => {}) }), { worker: false });
  for (let i = 0; i < 5; i++) void it.tasks.note.delay(i);
  await it.app.flush();
  expect(it.messages().map(({ args }) => args[0])).toEqual([0, 1, 2, 3, 4]);
});

describe("a mistake in what nobody awaits inside a task is logged, and ends neither the task nor its worker", () => {
  const unhandledRejections = () => {
    const unhandled: unknown[] = [];
    const hear = (reason: unknown) => void unhandled.push(reason);
    process.on("unhandledRejection", hear);
    onTestFinished(() => void process.off("unhandledRejection", hear));
    return unhandled;
  };

  test("a call that cannot be sent", async () => {
    const unhandled = unhandledRejections();
    await using it = await memoryApp((app) => {
      const other = app.task("other", (_values: unknown[]) => {});
      return { task: app.task("task", () => void other.delay([undefined])) };
    });
    const result = await it.tasks.task.delay();
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(5);
    expect(unhandled).toEqual([]);
    expect(it.logs).toContainEqual(
      expect.objectContaining({
        level: "error",
        message: "a call was refused",
        call: "other",
        id: result.id,
        error: expect.stringContaining("NotSerializable"),
      }),
    );
  });

  test("progress that cannot be stored, or is no JSON", async () => {
    const unhandled = unhandledRejections();
    await using it = await memoryApp((app) => ({
      task: app.task("task", { bind: true }, async (ctx) => {
        void ctx.progress({ done: 1 });
        void ctx.progress(new Map() as never);
        void ctx.updateState("RENDERING", { done: 2 });
        await ctx.sleep(1);
      }),
    }));
    const write = it.store.write.bind(it.store);
    vi.spyOn(it.store, "write").mockImplementation(async (change) => {
      if (change.kind === "report") throw new StoreUnavailable("down");
      return write(change);
    });
    const result = await it.tasks.task.delay();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(unhandled).toEqual([]);
    const lines = it.logs.filter(({ message }) => message === "progress could not be stored");
    expect(lines.map(({ error }) => String(error).split(":")[0]).sort()).toEqual([
      "NotSerializable",
      "StoreUnavailable",
      "StoreUnavailable",
    ]);
  });
});
