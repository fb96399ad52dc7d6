// Schemas of arguments and results, with the three libraries that made Standard Schema.
import { runInNewContext } from "node:vm";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type App, type ArgsSchema, createApp, InvalidArguments, InvalidOption } from "../../lib/index.ts";
import { encode } from "../../lib/wire/envelope.ts";
import { memoryApp } from "../support/memory-app.ts";

/** An order: a customer's e-mail address and how many. The count has a default, the address is put in lower case. */
const LIBRARIES: Readonly<Record<string, { readonly each: ArgsSchema; readonly tuple: ArgsSchema }>> = {
  zod: {
    each: [z.object({ email: z.email().toLowerCase() }), z.number().int().min(1).default(1)],
    tuple: z.tuple([z.object({ email: z.email().toLowerCase() }), z.number().int().min(1).default(1)]),
  },
  valibot: {
    each: [
      v.object({ email: v.pipe(v.string(), v.email(), v.toLowerCase()) }),
      v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    ],
    tuple: v.tuple([
      v.object({ email: v.pipe(v.string(), v.email(), v.toLowerCase()) }),
      v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    ]),
  },
  arktype: {
    each: [
      type({ email: "string.email |> string.lower" }),
      type("number.integer >= 1 | undefined").pipe((n) => n ?? 1),
    ],
    tuple: type([{ email: "string.email |> string.lower" }, "number.integer >= 1 = 1"]),
  },
};

type Order = (customer: { email: string }, count?: number) => Promise<unknown>;

describe.each(Object.entries(LIBRARIES))("arguments checked by %s", (_, schemas) => {
  describe.each(Object.entries(schemas))("given as %s", (__, args) => {
    const define = (app: App) => {
      const order = app.task("order", { args }, (...given) => given);
      return { order, delay: order.delay as unknown as Order }; // one suite for all libraries: types are tested in test/types
    };

    test("reach the handler as the schema returns them, defaults filled in", async () => {
      await using it = await memoryApp(define);
      await it.tasks.delay({ email: "Ada@Example.org" });
      await it.advance(1);
      const [message] = it.store.records.values();
      expect(message?.result).toBe('[{"email":"ada@example.org"},1]');
    });

    test("travel as they were given: the worker's schema has the last word", async () => {
      await using it = await memoryApp(define, { worker: false });
      await it.tasks.delay({ email: "Ada@Example.org" });
      expect(it.messages()[0]?.args).toEqual([{ email: "Ada@Example.org" }]);
    });

    test("are refused where they are sent, with the path, and nothing is sent", async () => {
      await using it = await memoryApp(define, { worker: false });
      const refused = it.tasks.delay({ email: "nobody" }, 0);
      await expect(refused).rejects.toThrow(InvalidArguments);
      const { issues } = (await refused.catch(
        (error: InvalidArguments) => error as InvalidArguments,
      )) as InvalidArguments;
      expect(issues.map(({ path }) => path)).toEqual(["args[0].email", "args[1]"]);
      expect(it.messages()).toEqual([]);
    });

    test("are refused where they run: the task fails with the path, and is not retried for being an Error", async () => {
      await using it = await memoryApp((app) => {
        const ran: unknown[] = [];
        app.task("order", { args, autoRetryFor: [Error] }, (...given) => void ran.push(given));
        return { ran };
      });
      const result = it.app.result("from-python");
      await it.send(message([{ email: "nobody" }]));
      expect(await it.settle(result)).toBe("FAILURE");
      expect(it.tasks.ran).toEqual([]);
      await expect(result.get()).rejects.toMatchObject({ type: "InvalidArguments" });
      await expect(result.get()).rejects.toThrow(/args\[0\]\.email: /);
    });

    test("are checked in a plain call too", () => {
      const { order } = define(createApp("plain"));
      const call = order as unknown as (...args: readonly unknown[]) => unknown; // as above
      expect(call({ email: "ADA@example.org" }, 2)).toEqual([{ email: "ada@example.org" }, 2]);
      expect(() => call({ email: "ada@example.org" }, 0.5)).toThrow(InvalidArguments);
    });
  });
});

function message(args: readonly unknown[]): string {
  const task = { id: "from-python", task: "order", args: args as [], kwargs: {}, rootId: "from-python", retries: 0 };
  const rest = { ignoreResult: false, lang: "py", headers: {}, link: [], linkError: [], chain: [] };
  return encode({ ...task, ...rest }, "default");
}

describe("arguments", () => {
  test("more than the schema has are refused", async () => {
    const app = createApp("arguments");
    const none = app.task("none", { args: [] }, () => {});
    const one = app.task("one", { args: [z.string()] }, (text) => text);
    await expect((none.delay as (...args: unknown[]) => Promise<unknown>)(1)).rejects.toThrow(
      "args: 1 arguments, the task takes none",
    );
    await expect((one.delay as (...args: unknown[]) => Promise<unknown>)("a", "b")).rejects.toThrow(
      "args: 2 arguments, the task takes at most 1",
    );
  });

  test("from Python's kwargs are the last one", async () => {
    await using it = await memoryApp((app) => ({
      task: app.task(
        "task",
        { args: [z.string(), z.object({ size: z.coerce.number() })] },
        (text, { size }) => text.length + size,
      ),
    }));
    const result = await it.app.sendTask<number>("task", ["four"], { kwargs: { size: "38" } });
    await it.settle(result);
    expect(await result.get()).toBe(42);
    await expect(it.app.sendTask("task", ["four"], { kwargs: { size: "many" } })).rejects.toThrow("args[1].size: ");
  });

  test("of si() are checked, of s() are not: its first one is still to come", () => {
    const app = createApp("arguments");
    const one = app.task("one", { args: [z.string(), z.number()] }, (text, n) => text.repeat(n));
    expect(() => one.si("a", "b" as never)).toThrow(InvalidArguments);
    expect(one.s(2).wire.args).toEqual([2]);
  });

  test("whose path has names that are no words are quoted", async () => {
    const app = createApp("arguments");
    const task = app.task("task", { args: [z.record(z.string(), z.array(z.number()))] }, () => {});
    await expect(task.delay({ "a b": [1, "2" as never] })).rejects.toThrow('args[0]["a b"][1]: ');
  });
});

describe("a result", () => {
  test("is recorded as its schema returns it", async () => {
    await using it = await memoryApp((app) => ({
      task: app.task("task", { result: z.object({ total: z.number() }) }, () => ({ total: 3, secret: "gone" })),
    }));
    const result = await it.tasks.task.delay();
    await it.settle(result);
    expect(await result.get()).toEqual({ total: 3 });
  });

  test("that its schema refuses fails the task, with the path, and closes its session with that", async () => {
    const closed: unknown[] = [];
    await using it = await memoryApp((app) => {
      const session = app.resource("session", {
        per: "task",
        open: () => 1,
        close: (_, error) => void closed.push((error as Error | undefined)?.name),
      });
      return {
        task: app.task("task", { result: z.object({ total: z.number() }), autoRetryFor: [Error] }, async () => {
          await session.get();
          return { total: "three" as never };
        }),
      };
    });
    const result = await it.tasks.task.delay();
    expect(await it.settle(result)).toBe("FAILURE");
    await expect(result.get()).rejects.toMatchObject({ type: "InvalidResult" });
    await expect(result.get()).rejects.toThrow(/result\.total: /);
    expect(closed).toEqual(["InvalidResult"]);
  });
});

describe("schemas that cannot work are refused", () => {
  const app = createApp("schemas");
  test.each([
    ["no schema", { args: { email: "string" } as never }, /args of task "x" is .*; it takes a Standard Schema/],
    [
      "a list with something else in it",
      { args: [z.string(), String as never] },
      /at \[1\]; it takes a Standard Schema/,
    ],
    ["no schema of a result", { result: "number" as never }, /result of task "x" is "number"/],
  ])("%s", (_, options, expected) => {
    expect(() => app.task("x", options as never, () => {})).toThrow(InvalidOption);
    expect(() => app.task("x", options as never, () => {})).toThrow(expected);
  });

  test("one that checks asynchronously, at the call", async () => {
    const task = app.task("async", { args: [z.string().refine(async () => true)] }, () => {});
    await expect(task.delay("a")).rejects.toThrow(/args of task "async" checks asynchronously/);
  });

  test("one for all arguments that does not return a list", async () => {
    const task = app.task("no list", { args: z.tuple([z.string()]).transform(([text]) => text as never) }, () => {});
    await expect((task.delay as (text: string) => Promise<unknown>)("a")).rejects.toThrow(
      /it takes the schema of a tuple/,
    );
  });
});

test("a schema that answers with another realm's promise is asynchronous too: that promise is no value", async () => {
  const validate = () => runInNewContext("Promise.resolve({ value: 1 })");
  const odd = { "~standard": { version: 1, vendor: "odd", validate } } as never; // no schema the types know
  const app = createApp("schemas", { eager: true });
  const order = app.task("order", { args: [odd] as readonly never[] }, () => "ran");
  await expect((order.delay as unknown as (n: number) => Promise<unknown>)(1)).rejects.toThrow(/checks asynchronously/);
});
