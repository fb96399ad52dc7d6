// Something opened once for each worker, or once for each run of a task.
import { describe, expect, test } from "vitest";
import { type App, createApp, InvalidOption, WrongContext } from "../../lib/index.ts";
import { memoryApp } from "../support/memory-app.ts";

/** A database whose sessions note what becomes of them. */
function database(app: App, notes: string[] = []) {
  let opened = 0;
  const db = app.resource("db", {
    open: async () => {
      notes.push(`open db ${++opened}`);
      return { number: opened };
    },
    close: ({ number }) => void notes.push(`close db ${number}`),
  });
  const session = app.resource("session", {
    per: "task",
    open: async (ctx) => {
      await db.get();
      notes.push(`begin ${ctx.args[0]}`);
      return { of: ctx.args[0] };
    },
    close: ({ of }, error) => {
      notes.push(`${error === undefined ? "commit" : "rollback"} ${of}`);
      if (of === "cannot commit") throw new RangeError("the commit failed");
    },
  });
  return {
    db,
    session,
    notes,
    work: app.task("work", async (name: string) => {
      const [one, two] = await Promise.all([session.get(), session.get()]);
      if (name === "throws") throw new TypeError("no good");
      return one === two && one.of === name;
    }),
  };
}

const running = async () => {
  const notes: string[] = [];
  const it = await memoryApp((app) => database(app, notes));
  return { it, notes };
};

/** A resource of a task that notes what each was closed with. */
function closingWith(app: App, errors: unknown[]) {
  return app.resource("session", {
    per: "task",
    open: () => "session",
    close: (_, error) => void errors.push(error),
  });
}

describe("a resource of the worker", () => {
  test("is opened at its first use, shared by all tasks, and closed when the worker ends", async () => {
    const { it, notes } = await running();
    await it.settle(await it.tasks.work.delay("a"), await it.tasks.work.delay("b"));
    expect(notes.filter((note) => / db /.test(note))).toEqual(["open db 1"]);
    await it[Symbol.asyncDispose]();
    expect(notes.at(-1)).toBe("close db 1");
  });

  test("works outside tasks too, and is closed with the app", async () => {
    const app = createApp("resources");
    const { db, notes } = database(app);
    expect(await db.get()).toBe(await db.get());
    await app.close();
    expect(notes).toEqual(["open db 1", "close db 1"]);
    await db.get();
    await app.close();
    expect(notes.slice(2)).toEqual(["open db 2", "close db 2"]);
  });

  test("that could not be opened is tried again at the next use", async () => {
    const app = createApp("resources");
    let tries = 0;
    const flaky = app.resource("flaky", {
      open: () => {
        if (++tries === 1) throw new TypeError("not yet");
        return "open";
      },
    });
    await expect(flaky.get()).rejects.toThrow("not yet");
    expect(await flaky.get()).toBe("open");
    await app.close();
  });

  test("that could not be opened, and says so late, does not take the next one with it", async () => {
    const app = createApp("resources");
    const first = Promise.withResolvers<string>();
    const opening = [first.promise, Promise.resolve("open")];
    const closed: string[] = [];
    const slow = app.resource("slow", {
      open: () => opening.shift() as Promise<string>, // it is opened twice
      close: (it) => void closed.push(it),
    });
    const refused = slow.get();
    const ended = app.close();
    await Promise.resolve(); // the worker's end has begun
    const next = slow.get();
    first.reject(new TypeError("too late"));
    await expect(refused).rejects.toThrow("too late");
    await ended;
    expect(await next).toBe("open");
    await app.close();
    expect(closed).toEqual(["open"]);
  });

  test("are closed in the reverse order of their opening, also where closing one fails", async () => {
    const app = createApp("resources", {
      logger: { ...console, error: () => {}, child: () => console as never } as never,
    });
    const closed: string[] = [];
    const resource = (name: string) =>
      app.resource(name, {
        open: () => name,
        close: (it) => {
          closed.push(it);
          if (it === "second") throw new Error("stuck");
        },
      });
    for (const one of [resource("first"), resource("second"), resource("third")]) await one.get();
    await app.close();
    expect(closed).toEqual(["third", "second", "first"]);
  });
});

describe("a resource of a task", () => {
  test("is one for each run, and closed when its code has ended", async () => {
    const { it, notes } = await running();
    await using _ = it;
    const results = [await it.tasks.work.delay("a"), await it.tasks.work.delay("b")];
    await it.settle(...results);
    expect(await Promise.all(results.map((result) => result.get()))).toEqual([true, true]);
    expect(notes.filter((note) => !/db/.test(note)).sort()).toEqual(["begin a", "begin b", "commit a", "commit b"]);
  });

  test("hears of the error that ended the run", async () => {
    const { it, notes } = await running();
    await using _ = it;
    expect(await it.settle(await it.tasks.work.delay("throws"))).toBe("FAILURE");
    expect(notes.at(-1)).toBe("rollback throws");
  });

  test("whose closing fails, fails the task: a commit that failed is no success", async () => {
    const { it } = await running();
    await using _ = it;
    const result = await it.tasks.work.delay("cannot commit");
    expect(await it.settle(result)).toBe("FAILURE");
    await expect(result.get()).rejects.toMatchObject({ type: "RangeError", message: "the commit failed" });
  });

  test("hears of the hard limit where the run is no longer waited for, however its code ends later", async () => {
    const errors: unknown[] = [];
    await using it = await memoryApp((app) => {
      const session = closingWith(app, errors);
      const deaf = async () => {
        await session.get();
        await app.clock.sleep(20_000);
      };
      return app.task("deaf", { timeLimit: "5s" }, deaf);
    });
    expect(await it.settle(await it.tasks.delay())).toBe("FAILURE");
    await it.advance(30);
    expect(errors).toEqual([expect.objectContaining({ name: "TimeLimitExceeded" })]);
  });

  test("hears of a shutdown that gave the run to another worker", async () => {
    const errors: unknown[] = [];
    await using it = await memoryApp(
      (app) => {
        const session = closingWith(app, errors);
        return app.task("deaf", async () => {
          await session.get();
          await app.clock.sleep(20_000);
        });
      },
      { worker: false },
    );
    const { stop } = await it.startWorker({ graceSeconds: 1 });
    await it.tasks.delay();
    await it.advance(1);
    await stop();
    await it.advance(30);
    expect(errors).toEqual([expect.objectContaining({ name: "TaskRevoked" })]);
  });

  test("hears of an error also where nothing is what was thrown", async () => {
    const errors: unknown[] = [];
    await using it = await memoryApp((app) => {
      const session = closingWith(app, errors);
      return app.task("throws", async () => {
        await session.get();
        await Promise.reject();
      });
    });
    expect(await it.settle(await it.tasks.delay())).toBe("FAILURE");
    expect(errors).toEqual([expect.any(Error)]);
  });

  test("that another one opens while it closes is closed too", async () => {
    const notes: string[] = [];
    await using it = await memoryApp((app) => {
      const audit = app.resource("audit", {
        per: "task",
        open: () => void notes.push("open audit"),
        close: () => void notes.push("close audit"),
      });
      const session = app.resource("session", {
        per: "task",
        open: () => void notes.push("open session"),
        close: async () => {
          await audit.get();
          notes.push("close session");
        },
      });
      return app.task("work", () => session.get());
    });
    expect(await it.settle(await it.tasks.delay())).toBe("SUCCESS");
    expect(notes).toEqual(["open session", "open audit", "close session", "close audit"]);
  });

  test("is refused to code that its run has left behind: nobody would close it", async () => {
    const late = Promise.withResolvers<void>();
    let opened = 0;
    let answer: Promise<unknown> | undefined;
    await using it = await memoryApp((app) => {
      const session = app.resource("session", { per: "task", open: () => ++opened });
      return app.task("hasty", () => {
        answer = late.promise.then(() => session.get());
        answer.catch(() => {});
      });
    });
    expect(await it.settle(await it.tasks.delay())).toBe("SUCCESS");
    late.resolve();
    await expect(answer).rejects.toThrow(/its run has ended/);
    expect(opened).toBe(0);
  });

  test("may send when it closes, as an outbox does after its commit: the run ends when that is accepted", async () => {
    await using it = await memoryApp((app) => {
      const after = app.task("after", () => {});
      const session = app.resource("session", {
        per: "task",
        open: () => "session",
        close: () => void after.applyAsync([], { countdown: "10m" }),
      });
      return app.task("work", () => session.get().then(() => {}));
    });
    const accepted = Promise.withResolvers<void>();
    const { send } = it.broker;
    const result = await it.tasks.delay();
    it.broker.send = async (...args) => {
      await accepted.promise;
      return send.apply(it.broker, args);
    };
    await it.advance(2);
    expect(await result.state()).toBe("STARTED");
    accepted.resolve();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.messages().map(({ task }) => task)).toEqual(["after"]);
  });

  test("exists in a task only", async () => {
    const { session } = database(createApp("resources"));
    await expect(session.get()).rejects.toThrow(WrongContext);
  });
});

test("a test puts something else in its place, for a while", async () => {
  const app = createApp("resources");
  const { db, session } = database(app);
  {
    using _ = db.use({ number: 99 });
    using __ = session.use({ of: "a test" });
    expect((await db.get()).number).toBe(99);
    expect(await session.get()).toEqual({ of: "a test" });
  }
  expect((await db.get()).number).toBe(1);
  await app.close();
});

test("options that cannot work are refused", () => {
  const app = createApp("resources");
  expect(() => app.resource("x", { per: "request" } as never)).toThrow(/"request"; it takes "worker" or "task"/);
  expect(() => app.resource("x", {} as never)).toThrow(/has no open/);
  expect(() => app.resource("", { open: () => 1 })).toThrow(InvalidOption);
  expect(() => app.resource("x", { open: () => 1, closed: () => {} } as never)).toThrow(/did you mean close/);
});
