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
