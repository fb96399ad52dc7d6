import { type } from "arktype";
import * as v from "valibot";
import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type AsyncResult, createApp, type Task, type TaskContext } from "../../lib/index.ts";

const app = createApp("duckling");
const add = app.task("add", (x: number, y: number) => x + y);
const greet = app.task("greet", async (name: string, title?: string) => ({ text: `${title ?? ""}${name}` }));
const bound = app.task(
  "bound",
  { bind: true },
  (ctx, id: string, force: boolean = false) => ctx.retries + id.length + Number(force),
);
const tuned = app.task("tuned", { maxRetries: 5, workload: "default" }, async (x: number) => `${x}`);
const nothing = app.task("nothing", () => {});
const log = app.task("log", (message: string) => message.length);
const many = app.task("many", (first: number, ...rest: string[]) => rest.length + first);

describe("a task", () => {
  test("is typed by its handler, awaited", () => {
    expectTypeOf(add).toEqualTypeOf<Task<[x: number, y: number], number, number>>();
    expectTypeOf(greet).toEqualTypeOf<
      Task<[name: string, title?: string | undefined], { text: string }, Promise<{ text: string }>>
    >();
    expectTypeOf(tuned).toEqualTypeOf<Task<[x: number], string, Promise<string>>>();
    expectTypeOf(nothing).toEqualTypeOf<Task<[], void, void>>();
  });

  test("with bind: true takes what follows the context", () => {
    expectTypeOf(bound.delay).parameters.toEqualTypeOf<[id: string, force?: boolean | undefined]>();
    app.task("x", { bind: true }, (ctx) => {
      expectTypeOf(ctx).toEqualTypeOf<TaskContext>();
    });
  });

  test("without it gets no context", () => {
    // @ts-expect-error: ctx has no type of its own without bind
    app.task("x", { maxRetries: 1 }, (ctx) => ctx.retry());
  });

  test("is called as the function it is", () => {
    expectTypeOf(add(1, 2)).toEqualTypeOf<number>();
    // @ts-expect-error: x and y are numbers
    add("1", 2);
  });

  test("takes options by Celery's names", () => {
    app.task(
      "x",
      { autoRetryFor: [TypeError, "Throttled"], retryBackoff: "2s", softTimeLimit: "3s", maxRetries: null },
      () => 1,
    );
    // @ts-expect-error: snake case is Python's
    app.task("x", { max_retries: 3 }, () => 1);
    // @ts-expect-error: a duration has a unit
    app.task("x", { timeLimit: "30" }, () => 1);
    // @ts-expect-error: instances are no classes
    app.task("x", { autoRetryFor: [new TypeError()] }, () => 1);
    // @ts-expect-error: a handler is a function
    app.task("x", { maxRetries: 3 });
  });
});

describe("delay()", () => {
  test("takes the handler's arguments and gives a typed result", () => {
    expectTypeOf(add.delay(2, 3)).toEqualTypeOf<Promise<AsyncResult<number>>>();
    expectTypeOf(greet.delay("Ada", "Dr ")).resolves.toEqualTypeOf<AsyncResult<{ text: string }>>();
    void greet.delay("Ada");
    void bound.delay("a");
    void bound.delay("a", true);
    void many.delay(1, "a", "b");
  });

  test("refuses others", () => {
    // @ts-expect-error: y is missing
    void add.delay(2);
    // @ts-expect-error: y is a number
    void add.delay(2, "3");
    // @ts-expect-error: there is no third
    void add.delay(2, 3, 4);
    // @ts-expect-error: the context is not the caller's to give
    void bound.delay({} as TaskContext, "a");
    // @ts-expect-error: it takes nothing
    void nothing.delay(1);
  });
});

describe("applyAsync()", () => {
  test("takes the same arguments in an array, and options", () => {
    expectTypeOf(add.applyAsync([2, 3], { countdown: "30s", expires: new Date() })).resolves.toEqualTypeOf<
      AsyncResult<number>
    >();
    void greet.applyAsync(["Ada"]);
    // @ts-expect-error: y is missing
    void add.applyAsync([2]);
    // @ts-expect-error: an array, as in Celery
    void add.applyAsync(2, 3);
    // @ts-expect-error: there is no such option
    void add.applyAsync([2, 3], { priority: 3 });
    void add.applyAsync([2, 3], { hops: 0 });
    // @ts-expect-error -- the number is counted, only a new line is asked for
    void add.applyAsync([2, 3], { hops: 3 });
    // @ts-expect-error: an eta is a Date
    void add.applyAsync([2, 3], { eta: "2026-01-01" });
  });

  test("links what takes its result", () => {
    void add.applyAsync([2, 3], { link: add.s(4), linkError: log.s() });
    void log.applyAsync(["a"], { link: add.s(4) });
    void greet.applyAsync(["Ada"], { link: add.si(1, 2) });
    // @ts-expect-error: log takes a string, add returns a number
    void add.applyAsync([2, 3], { link: log.s() });
    // @ts-expect-error: an error callback is handed an id, a string
    void add.applyAsync([2, 3], { linkError: add.s(4) });
    // @ts-expect-error: a task is no signature
    void add.applyAsync([2, 3], { link: add });
  });
});

describe("results", () => {
  test("get() is what the task returns", () => {
    expectTypeOf(add.result("id")).toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(add.result("id").get({ timeout: "3s" })).resolves.toBeNumber();
    expectTypeOf(greet.result("id").get()).resolves.toEqualTypeOf<{ text: string }>();
    expectTypeOf(nothing.result("id").get()).resolves.toBeVoid();
    expectTypeOf(app.result("id").get()).resolves.toBeUnknown();
    expectTypeOf(app.result<string[]>("id").get()).resolves.toEqualTypeOf<string[]>();
    // @ts-expect-error: milliseconds are written "3000ms"
    void add.result("id").get({ timeout: "3000" });
  });

  test("state() is one of ten words", () => {
    expectTypeOf(add.result("id").state()).resolves.toEqualTypeOf<
      "UNKNOWN" | "PENDING" | "STARTED" | "STALLED" | "RETRY" | "SUCCESS" | "FAILURE" | "REVOKED" | "LOST" | "UNTRACKED"
    >();
  });
});

describe("sendTask()", () => {
  test("takes any arguments, and its result is unknown unless it is named", () => {
    expectTypeOf(app.sendTask("proj.tasks.add", [2], { kwargs: { y: 3 } })).resolves.toEqualTypeOf<
      AsyncResult<unknown>
    >();
    expectTypeOf(app.sendTask<number>("proj.tasks.add", [2, 3])).resolves.toEqualTypeOf<AsyncResult<number>>();
    void app.sendTask<string>("proj.tasks.name", [], { link: log.s() });
    // @ts-expect-error: log takes a string
    void app.sendTask<number>("proj.tasks.add", [], { link: log.s() });
  });
});

describe("the context", () => {
  test("retry() never returns", () => {
    app.task("x", { bind: true }, (ctx, x: number): number => {
      if (x > 1) return x;
      return ctx.retry({ countdown: "30s", args: [x + 1] });
    });
    expectTypeOf<TaskContext["retry"]>().returns.toBeNever();
  });

  test("progress() takes JSON", () => {
    app.task("x", { bind: true }, async (ctx) => {
      await ctx.progress({ done: 1 });
      // @ts-expect-error: a Date is not JSON
      await ctx.progress(new Date());
    });
  });
});

describe("a task with schemas", () => {
  const order = app.task(
    "order",
    {
      args: [z.object({ at: z.coerce.date<string>() }), z.number().optional()],
      result: z.object({ total: z.number() }),
    },
    async ({ at }, count) => ({ total: at.getTime() + (count ?? 0) }),
  );

  test("is called with what the schemas take; the last ones may be left out where they may be undefined", () => {
    expectTypeOf(order.delay).parameters.toEqualTypeOf<[{ at: string }, (number | undefined)?]>();
    // @ts-expect-error: the date travels as text
    order.delay({ at: new Date() });
    // @ts-expect-error: the count is a number
    order.delay({ at: "2026-11-21" }, "2");
  });

  test("hands its handler what they return", () => {
    app.task("x", { args: [z.coerce.date<string>(), z.string().default("a")] }, (at, text) => {
      expectTypeOf(at).toEqualTypeOf<Date>();
      expectTypeOf(text).toEqualTypeOf<string>();
    });
    app.task("x", { bind: true, args: [z.string()] }, (ctx, text) => {
      expectTypeOf(ctx).toEqualTypeOf<TaskContext>();
      expectTypeOf(text).toEqualTypeOf<string>();
    });
    // @ts-expect-error: the schema says string
    app.task("x", { args: [z.string()] }, (n: number) => n);
  });

  test("gives the type of its result's schema", () => {
    expectTypeOf(order.delay({ at: "2026-11-21" })).resolves.toEqualTypeOf<AsyncResult<{ total: number }>>();
    // @ts-expect-error: total is a number
    app.task("x", { result: z.object({ total: z.number() }) }, () => ({ total: "3" }));
  });

  test("may have one schema for all arguments, of any of the libraries", () => {
    const zod = app.task("x", { args: z.tuple([z.string(), z.number()]) }, (text, n) => text.repeat(n));
    const valibot = app.task("x", { args: v.tuple([v.string(), v.number()]) }, (text, n) => text.repeat(n));
    const arktype = app.task("x", { args: type(["string", "number"]) }, (text, n) => text.repeat(n));
    expectTypeOf(zod.delay).parameters.toEqualTypeOf<[string, number]>();
    expectTypeOf(valibot.delay).parameters.toEqualTypeOf<[string, number]>();
    expectTypeOf(arktype.delay).parameters.toEqualTypeOf<[string, number]>();
    const each = app.task("x", { args: [type("string"), v.optional(v.number())] }, (text, n) => text.repeat(n ?? 1));
    expectTypeOf(each.delay).parameters.toEqualTypeOf<[string, (number | undefined)?]>();
  });
});

describe("hooks and events", () => {
  test("are typed by their names", () => {
    app.on("taskRetry", ({ ctx, error, retryAt }) => {
      expectTypeOf(ctx.id).toEqualTypeOf<string>();
      expectTypeOf(error).toEqualTypeOf<Error | undefined>();
      expectTypeOf(retryAt).toEqualTypeOf<Date>();
    });
    // @ts-expect-error: no event has this name
    app.on("task_retry", () => {});
    // @ts-expect-error: onFailure gets the context first
    app.task("x", { onFailure: (error: Error) => void error }, () => 1);
  });

  test("resources have the type of what they open", () => {
    const db = app.resource("db", { open: async () => new Map<string, number>() });
    expectTypeOf(db.get()).resolves.toEqualTypeOf<Map<string, number>>();
    app.resource("session", {
      per: "task",
      open: (ctx) => ctx.id.length,
      close: (value) => expectTypeOf(value).toEqualTypeOf<number>(),
    });
  });
});
