// Lifecycle events: Celery's signals (celery/signals.py), who hears of what and where.
import { describe, expect, test } from "vitest";
import { type App, createApp, type EventName, InvalidOption, Reject } from "../../lib/index.ts";
import { type MemoryApp, memoryApp, QUEUE } from "../support/memory-app.ts";

const ALL: readonly EventName[] = [
  "beforeTaskPublish",
  "afterTaskPublish",
  "taskReceived",
  "taskPrerun",
  "taskPostrun",
  "taskSuccess",
  "taskRetry",
  "taskFailure",
  "taskRevoked",
  "taskRejected",
  "taskUnknown",
  "taskInternalError",
  "heartbeatSent",
  "workerInit",
  "workerReady",
  "workerShuttingDown",
  "workerShutdown",
];

function tasks(app: App, seen: string[] = []) {
  for (const name of ALL) app.on(name, () => void seen.push(name));
  return {
    seen,
    ok: app.task("ok", () => 1),
    fail: app.task("fail", () => {
      throw new RangeError("no");
    }),
    retry: app.task("retry", { bind: true, maxRetries: 1 }, (ctx) => {
      if (ctx.retries === 0) ctx.retry({ countdown: "1s" });
    }),
    reject: app.task("reject", () => {
      throw new Reject({ reason: "not mine" });
    }),
    long: app.task("long", { bind: true }, (ctx) => ctx.sleep("8s")),
  };
}

/** The app of the caller listens too, and shares its list with the worker's. */
async function listening(): Promise<{ it: MemoryApp<ReturnType<typeof tasks>>; seen: string[] }> {
  const seen: string[] = [];
  const it = await memoryApp((app) => tasks(app, seen));
  return { it, seen };
}

describe("events of a task", () => {
  test("from the call to the record", async () => {
    const { it, seen } = await listening();
    await using _ = it;
    seen.splice(0);
    await it.settle(await it.tasks.ok.delay());
    expect(seen).toEqual([
      "beforeTaskPublish",
      "afterTaskPublish",
      "taskReceived",
      "taskPrerun",
      "taskPostrun",
      "taskSuccess",
    ]);
  });

  test.each([
    ["fail", ["taskPrerun", "taskPostrun", "taskFailure"]],
    ["retry", ["taskPrerun", "taskPostrun", "taskRetry", "taskReceived", "taskPrerun", "taskPostrun", "taskSuccess"]],
    ["reject", ["taskPrerun", "taskPostrun", "taskRejected"]],
    ["long", ["taskPrerun", "heartbeatSent", "taskPostrun", "taskSuccess"]],
  ] as const)("of %s", async (name, expected) => {
    const { it, seen } = await listening();
    await using _ = it;
    const result = await it.tasks[name].delay();
    seen.splice(0);
    await it.settle(result);
    await it.advance(1);
    expect(seen.slice(1)).toEqual(expected);
  });

  test("of one that was revoked before it started, where its message comes", async () => {
    const { it, seen } = await listening();
    await using _ = it;
    const result = await it.tasks.ok.applyAsync([], { countdown: "60s" });
    await result.revoke();
    await it.advance(90);
    expect(seen).toContain("taskRevoked");
    expect(seen).not.toContain("taskPrerun");
  });

  test("of one that is unknown: that, then that it failed", async () => {
    const { it, seen } = await listening();
    await using _ = it;
    const result = await it.app.sendTask("unknown");
    await it.settle(result);
    await it.advance(1);
    expect(seen.slice(-2)).toEqual(["taskUnknown", "taskFailure"]);
  });

  test("a back end that fails in the middle is an internal error", async () => {
    const seen: unknown[] = [];
    await using it = await memoryApp((app) => {
      app.on("taskInternalError", ({ error, queue }) => void seen.push([String(error), queue]));
      return { ok: app.task("ok", () => 1) };
    });
    it.store.write = async () => {
      throw new TypeError("a bug in an adapter");
    };
    await it.tasks.ok.delay();
    await it.advance(1);
    expect(seen[0]).toEqual(["TypeError: a bug in an adapter", QUEUE]);
  });
});

test("events of a worker, from its start to its end", async () => {
  const seen: string[] = [];
  const it = await memoryApp((app) => tasks(app, seen));
  await it.advance(1);
  await it[Symbol.asyncDispose]();
  expect(seen).toEqual(["workerInit", "workerReady", "workerShuttingDown", "workerShutdown"]);
});

describe("beforeTaskPublish", () => {
  test("may add headers, which reach the task", async () => {
    await using it = await memoryApp((app) => {
      app.on("beforeTaskPublish", ({ headers, task }) => {
        headers["x-trace"] = `trace of ${task}`;
      });
      return { headers: app.task("headers", { bind: true }, (ctx) => ctx.headers) };
    });
    const result = await it.tasks.headers.applyAsync([], { headers: { tenant: "acme" } });
    await it.settle(result);
    expect(await result.get()).toEqual({ tenant: "acme", "x-trace": "trace of headers" });
  });

  test("that sets what no message can carry is logged, and the call goes out as it was", async () => {
    await using it = await memoryApp((app) => {
      app.on("beforeTaskPublish", ({ headers }) => {
        headers.task = "another";
      });
      return { headers: app.task("headers", { bind: true }, (ctx) => ctx.headers) };
    });
    const result = await it.tasks.headers.delay();
    await it.settle(result);
    expect(await result.get()).toEqual({});
    expect(it.logs.some(({ message }) => message === "a listener of beforeTaskPublish set wrong headers")).toBe(true);
  });
});

describe("a listener", () => {
  test("that fails, at once or later, is logged and breaks nothing", async () => {
    await using it = await memoryApp((app) => {
      for (const name of ["beforeTaskPublish", "taskPrerun", "taskSuccess"] as const) {
        app.on(name, () => {
          throw new TypeError("at once");
        });
        app.on(name, async () => {
          throw new TypeError("later");
        });
      }
      return { ok: app.task("ok", () => 1) };
    });
    const result = await it.tasks.ok.delay();
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(1);
    expect(it.logs.filter(({ message }) => /^a listener of \w+ failed$/.test(message))).toHaveLength(6);
  });

  test("is removed by disposing of it, and the same function may be added twice", () => {
    const app = createApp("listeners");
    const listener = () => {};
    const one = app.on("workerReady", listener);
    const two = app.on("workerReady", listener);
    one[Symbol.dispose]();
    expect(app.events.has("workerReady")).toBe(true);
    two[Symbol.dispose]();
    expect(app.events.has("workerReady")).toBe(false);
  });

  test("of no event is refused, with the nearest name", () => {
    const app = createApp("listeners");
    expect(() => app.on("taskSucces" as never, () => {})).toThrow(/did you mean taskSuccess/);
    expect(() => app.on("toString" as never, () => {})).toThrow(InvalidOption);
    expect(() => app.on("taskSuccess", "log" as never)).toThrow(InvalidOption);
  });
});

test("a listener of taskReceived that does not end holds its message up for a while, and not for ever", async () => {
  await using it = await memoryApp((app) => {
    app.on("taskReceived", () => new Promise<void>(() => {}));
    return app.task("ok", () => 1);
  });
  const result = await it.tasks.delay();
  await it.advance(60);
  expect(await result.state()).toBe("SUCCESS");
  expect(it.logs).toContainEqual(
    expect.objectContaining({ level: "error", message: expect.stringContaining("taskReceived took longer than 30 s") }),
  );
});
