// Bases, hooks and lifecycle events (celery/app/task.py; t/smoke/tests/test_signals.py).
import { describe, expect, test } from "vitest";
import {
  type App,
  createApp,
  type HookContext,
  InvalidOption,
  Reject,
  StoreUnavailable,
  type TaskOptions,
  taskBase,
} from "../../lib/index.ts";
import { memoryApp, QUEUE } from "../support/memory-app.ts";

/** Hooks that note what they were called with, under a name. */
function noting(seen: unknown[], who: string): TaskOptions {
  return {
    beforeStart: (ctx) => void seen.push([who, "beforeStart", ctx.retries]),
    onSuccess: (_ctx, result) => void seen.push([who, "onSuccess", result]),
    onRetry: (_ctx, error) => void seen.push([who, "onRetry", error?.message]),
    onFailure: (_ctx, error) => void seen.push([who, "onFailure", error.message]),
    afterReturn: (_ctx, state) => void seen.push([who, "afterReturn", state]),
  };
}

const define = (options: TaskOptions) => (app: App) => ({
  double: app.task("double", options, (x: number) => x * 2),
  fail: app.task("fail", options, () => {
    throw new RangeError("no good");
  }),
  retry: app.task("retry", { ...options, bind: true, maxRetries: 1 }, (ctx) =>
    ctx.retry({ countdown: "1s", cause: new Error("not yet") }),
  ),
  reject: app.task("reject", options, () => {
    throw new Reject();
  }),
});

describe("hooks", () => {
  test("are called in Celery's order: before the run, with the outcome, at the end", async () => {
    const seen: unknown[] = [];
    await using it = await memoryApp(define(noting(seen, "task")));
    const result = await it.tasks.double.delay(21);
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(seen).toEqual([
      ["task", "beforeStart", 0],
      ["task", "onSuccess", 42],
      ["task", "afterReturn", "SUCCESS"],
    ]);
  });

  test("of a task that retries until it fails", async () => {
    const seen: unknown[] = [];
    await using it = await memoryApp(define(noting(seen, "task")));
    expect(await it.settle(await it.tasks.retry.delay())).toBe("FAILURE");
    expect(seen).toEqual([
      ["task", "beforeStart", 0],
      ["task", "onRetry", "not yet"],
      ["task", "beforeStart", 1],
      ["task", "onFailure", "not yet"],
      ["task", "afterReturn", "FAILURE"],
    ]);
  });

  test("of the app come first, then its base's base, then its base, then its own; all run", async () => {
    const seen: unknown[] = [];
    const outer = taskBase(noting(seen, "outer"));
    const base = taskBase({ base: outer, ...noting(seen, "base") });
    await using it = await memoryApp(define({ base, ...noting(seen, "task") }), { defaults: noting(seen, "app") });
    await it.settle(await it.tasks.fail.delay());
    const failures = seen.filter((call) => (call as string[])[1] === "onFailure");
    expect(failures.map((call) => (call as string[])[0])).toEqual(["app", "outer", "base", "task"]);
  });

  test("that fail are logged, and break nothing", async () => {
    const broken = () => {
      throw new TypeError("a hook's own mistake");
    };
    await using it = await memoryApp(
      define({ beforeStart: broken, onSuccess: broken, afterReturn: async () => broken(), onFailure: broken }),
    );
    const result = await it.tasks.double.delay(1);
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toBe(2);
    const logged = it.logs.filter(({ level }) => level === "error").map(({ message }) => message);
    expect(logged).toEqual([
      'beforeStart of task "double" failed',
      'onSuccess of task "double" failed',
      'afterReturn of task "double" failed',
    ]);
    expect(it.messages(QUEUE)).toEqual([]);
  });

  test("that never end hold their slot for 30 s, and the task has long ended", async () => {
    await using it = await memoryApp(
      (app: App) => ({
        slow: app.task("slow", { onSuccess: () => new Promise(() => {}) }, () => "done"),
      }),
      { worker: { concurrency: 1 } },
    );
    const first = await it.tasks.slow.delay();
    const second = await it.tasks.slow.delay();
    await it.advance(5);
    expect([await first.state(), await second.state()].sort()).toEqual(["PENDING", "SUCCESS"]);
    expect(it.messages(QUEUE)).toHaveLength(1);
    await it.advance(35);
    expect(await second.state()).toBe("SUCCESS");
    expect(it.logs.some(({ message }) => /took longer than 30 s/.test(message))).toBe(true);
    await it.advance(40);
  });

  test("see the task: its id, arguments, headers and delivery", async () => {
    const seen: HookContext[] = [];
    await using it = await memoryApp(define({ onSuccess: (ctx) => void seen.push(ctx) }));
    const result = await it.tasks.double.applyAsync([4], { headers: { tenant: "acme" } });
    await it.settle(result);
    expect(seen[0]).toMatchObject({
      id: result.id,
      task: "double",
      args: [4],
      retries: 0,
      headers: { tenant: "acme" },
      workload: "default",
      receiveCount: 1,
    });
  });

  test("hear once of a task whose message comes twice", async () => {
    const seen: unknown[] = [];
    await using it = await memoryApp(define(noting(seen, "task")), { worker: false });
    await it.tasks.double.delay(1);
    await it.duplicate();
    await it.startWorker();
    await it.advance(120);
    expect(seen.filter((call) => (call as string[])[1] === "onSuccess")).toHaveLength(1);
  });

  test("hear of an ending whose write arrived while its answer was lost", async () => {
    const seen: unknown[] = [];
    await using it = await memoryApp(define(noting(seen, "task")));
    const write = it.store.write.bind(it.store);
    const lost = new Set<string>();
    it.store.write = async (change) => {
      const answer = await write(change);
      if ((change.kind !== "succeed" && change.kind !== "retry") || lost.has(change.kind)) return answer;
      lost.add(change.kind);
      throw new StoreUnavailable("the answer was lost");
    };
    await it.settle(await it.tasks.double.delay(1), await it.tasks.retry.delay());
    expect(lost.size).toBe(2);
    const called = seen.map((call) => (call as string[])[1]);
    expect(called.filter((name) => name === "onSuccess" || name === "onRetry").sort()).toEqual([
      "onRetry",
      "onSuccess",
    ]);
  });

  test("are called for a task that died with its worker in every delivery", async () => {
    const seen: unknown[] = [];
    await using it = await memoryApp((app: App) => define({})(app), { worker: false, defaults: noting(seen, "app") });
    const result = await it.tasks.double.delay(1);
    for (let i = 0; i < 9; i++) {
      const doomed = await it.startWorker();
      doomed.killBefore("write");
      await it.advance(70);
    }
    await it.startWorker();
    expect(await it.settle(result)).toBe("FAILURE");
    await it.advance(1);
    expect(seen.at(-1)).toEqual(["app", "afterReturn", "FAILURE"]);
    expect((seen.at(-2) as string[])[1]).toBe("onFailure");
  });

  test("the app's are called for a task its worker does not know", async () => {
    const seen: unknown[] = [];
    await using it = await memoryApp(define({}), { defaults: noting(seen, "app") });
    const result = await it.app.sendTask("nobody.knows.me");
    expect(await it.settle(result)).toBe("FAILURE");
    await it.advance(1);
    expect(seen.map((call) => (call as string[])[1])).toEqual(["onFailure", "afterReturn"]);
  });

  test("are not called after Reject, as in Celery", async () => {
    const seen: unknown[] = [];
    await using it = await memoryApp(define(noting(seen, "task")));
    await it.settle(await it.tasks.reject.delay());
    expect(seen).toEqual([["task", "beforeStart", 0]]);
  });
});

describe("a base", () => {
  test("gives its options to tasks that do not say otherwise; the app's defaults come last", () => {
    const base = taskBase({ base: taskBase({ maxRetries: 7, retryBackoff: true }), maxRetries: 5 });
    const settings = (options: TaskOptions, defaults: TaskOptions = {}) => {
      const { tasks } = { tasks: define(options)(newApp(defaults)) };
      return tasks.double.settings;
    };
    expect(settings({ base })).toMatchObject({ maxRetries: 5, retryBackoff: 1 });
    expect(settings({ base, maxRetries: null, retryBackoff: false })).toMatchObject({
      maxRetries: null,
      retryBackoff: false,
    });
    expect(settings({ base }, { maxRetries: 9, ignoreResult: true })).toMatchObject({
      maxRetries: 5,
      ignoreResult: true,
    });
  });

  test("has its soft limit count beside its own hard one", () => {
    const soft = (options: TaskOptions) => define(options)(newApp()).double.settings.softTimeLimit;
    const base = taskBase({ timeLimit: "100s", softTimeLimit: "20s" });
    expect(soft({ base })).toBe(20);
    expect(soft({ base, timeLimit: "10s" })).toBe(9);
  });

  test("that is none, or has an unknown option, is refused", () => {
    expect(() => define({ base: { onFailure: () => {} } as never })(newApp())).toThrow(InvalidOption);
    expect(() => taskBase({ onFailur: () => {} } as never)).toThrow(/did you mean onFailure/);
    expect(() => taskBase({ onFailure: "log it" } as never)).toThrow(
      /onFailure of a task base is "log it"; it takes a function/,
    );
  });
});

function newApp(defaults: TaskOptions = {}): App {
  return createApp("bases", { defaults });
}

test("a base that is reached twice, by the app's defaults and by the task's own base, is told once", async () => {
  const seen: unknown[] = [];
  const common = taskBase({ onFailure: () => void seen.push("common") });
  const special = taskBase({ base: common, onFailure: () => void seen.push("special") });
  await using it = await memoryApp(
    (app) =>
      app.task("fail", { base: special }, () => {
        throw new RangeError("no good");
      }),
    { defaults: { base: common } },
  );
  expect(await it.settle(await it.tasks.delay())).toBe("FAILURE");
  expect(seen).toEqual(["common", "special"]);
});

test.each<[string, () => never]>([
  [
    "an object without a prototype",
    () => {
      throw Object.create(null);
    },
  ],
  [
    "an error whose message cannot be read",
    () => {
      throw Object.defineProperty(new Error(), "message", {
        get: () => {
          throw new TypeError("no");
        },
      });
    },
  ],
])("a hook and a resource that throw %s break nothing", async (_, fail) => {
  await using it = await memoryApp((app) => {
    const session = app.resource("session", { per: "task", open: () => 1, close: fail });
    app.on("taskReceived", fail);
    return app.task("work", { onFailure: fail }, () => session.get());
  });
  const result = await it.tasks.delay();
  await it.advance(1);
  expect(await result.info()).toMatchObject({ state: "FAILURE", runs: 1 });
  expect(
    it.logs.filter(({ message }) =>
      /of "work" failed|of task "work" failed|taskReceived failed|could not be closed/.test(message),
    ),
  ).toHaveLength(3);
});
