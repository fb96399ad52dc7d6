import { describe, expectTypeOf, test } from "vitest";
import {
  type AsyncResult,
  chain,
  chord,
  chunks,
  createApp,
  type Group,
  type GroupResult,
  group,
  type LovageError,
  type Signature,
  signature,
} from "../../lib/index.ts";

const app = createApp("duckling");
const add = app.task("add", (x: number, y: number) => x + y);
const double = app.task("double", async (x: number) => 2 * x);
const greet = app.task("greet", async (name: string, title?: string) => ({ text: `${title ?? ""}${name}` }));
const show = app.task("show", (x: number) => `${x}`);
const log = app.task("log", (message: string) => message.length);
const nothing = app.task("nothing", () => {});
const onNull = app.task("on_null", (x: null) => x === null);
const maybe = app.task("maybe", (x: number): number | undefined => (x > 0 ? x : undefined));
const onMaybe = app.task("on_maybe", (x: number | null) => x ?? 0);
const many = app.task("many", (first: number, ...rest: string[]) => rest.length + first);
const sum = app.task("sum", (xs: readonly number[]) => xs.length);
const sumMutable = app.task("sum_mutable", (xs: number[]) => xs.length);
const sumStream = app.task(
  "sum_stream",
  { bind: true },
  async (_, xs: AsyncIterable<number>): Promise<string> => typeof xs,
);
const sumTexts = app.task("sum_texts", (xs: readonly string[]) => xs.length);
const pair = app.task("pair", (both: readonly [number, { text: string }]) => both[1].text);
const anything = app.task("anything", (x: unknown) => x);

type Of<In extends readonly unknown[], Out> = Signature<In, Out, AsyncResult<Out>>;

describe("a signature", () => {
  test("lacks the first arguments", () => {
    expectTypeOf(add.s(1, 2)).toEqualTypeOf<Of<[], number>>();
    expectTypeOf(add.s(2)).toEqualTypeOf<Of<[number], number>>();
    expectTypeOf(add.s()).toEqualTypeOf<Of<[x: number, y: number], number>>();
    expectTypeOf(add.si(1, 2)).toEqualTypeOf<Of<[] | [unknown], number>>();
    // @ts-expect-error: x and y are numbers
    add.s("2");
    // @ts-expect-error: there is no third
    add.s(1, 2, 3);
    // @ts-expect-error: an immutable one is told all
    add.si(1);
  });

  test("may lack one more where arguments are optional, or go on", () => {
    expectTypeOf(greet.s("Ada")).toEqualTypeOf<Of<[] | [string], { text: string }>>();
    expectTypeOf(many.s("a", "b")).toEqualTypeOf<Of<[number, ...string[]], number>>();
    expectTypeOf(many.s(1, "a")).toEqualTypeOf<Of<[], number>>();
    // @ts-expect-error: the first is a number, the others are strings
    many.s(1, 2);
  });

  test("is called with what it lacks", () => {
    expectTypeOf(add.s(2).delay(1)).resolves.toEqualTypeOf<AsyncResult<number>>();
    expectTypeOf(add.s(1, 2).applyAsync([], { countdown: "1s" })).resolves.toEqualTypeOf<AsyncResult<number>>();
    // @ts-expect-error: x is missing
    add.s(2).delay();
    // @ts-expect-error: x is a number
    add.s(2).delay("1");
    // @ts-expect-error: nothing is missing
    add.s(1, 2).delay(3);
  });

  test("keeps its type through set(), clone() and callbacks, which take its result", () => {
    expectTypeOf(add.s(2).set({ countdown: "1s" }).clone()).toEqualTypeOf<Of<[number], number>>();
    expectTypeOf(add.s(2).link(show.s()).linkError(log.s())).toEqualTypeOf<Of<[number], number>>();
    nothing.s().link(onNull.s());
    // @ts-expect-error: log takes a string
    add.s(2).link(log.s());
    // @ts-expect-error: an error callback is handed an id
    add.s(2).linkError(double.s());
    // @ts-expect-error: there is no such option
    add.s(2).set({ countDown: "1s" });
    // @ts-expect-error: log takes a string
    add.s(2).set({ link: log.s() });
  });
});

describe("a chain", () => {
  test("takes what its first step lacks, and gives what its last one gives", () => {
    expectTypeOf(chain(add.s(1, 2), double.s(), show.s())).toEqualTypeOf<Of<[], string>>();
    expectTypeOf(chain(add.s(1), show.s())).toEqualTypeOf<Of<[number], string>>();
    expectTypeOf(chain(add.s(1, 2))).toEqualTypeOf<Of<[], number>>();
    expectTypeOf(add.s(1, 2).pipe(show.s()).pipe(log.s())).toEqualTypeOf<Of<[], number>>();
  });

  test("refuses a step that cannot take the result before it, where it stands", () => {
    chain(
      add.s(1, 2),
      // @ts-expect-error: log takes a string
      log.s(),
      show.s(),
    );
    chain(
      add.s(1, 2),
      show.s(),
      // @ts-expect-error: double takes a number
      double.s(),
    );
    // @ts-expect-error: log takes a string
    add.s(1, 2).pipe(log.s());
    // @ts-expect-error: both of its arguments are missing
    chain(add.s(1, 2), add.s());
    // @ts-expect-error: none of its arguments is missing
    chain(add.s(1, 2), add.s(1, 2));
    // @ts-expect-error: a task is no signature
    chain(add.s(1, 2), double);
    // @ts-expect-error: a chain has a step
    chain();
  });

  test("hands nothing to an immutable step, and null for no value", () => {
    expectTypeOf(chain(add.s(1, 2), greet.si("Ada"), nothing.si(), onNull.s())).toEqualTypeOf<Of<[], boolean>>();
    expectTypeOf(chain(maybe.s(1), onMaybe.s())).toEqualTypeOf<Of<[], number>>();
    // @ts-expect-error: what gives nothing hands on null
    chain(nothing.s(), double.s());
    // @ts-expect-error: it may hand on null
    chain(maybe.s(1), double.s());
  });

  test("is a step itself, and any task takes what an any gives", () => {
    expectTypeOf(chain(chain(add.s(1, 2), show.s()), chain(log.s(), show.s()))).toEqualTypeOf<Of<[], string>>();
    // @ts-expect-error: the inner chain takes a string
    chain(add.s(1, 2), chain(log.s(), show.s()));
    expectTypeOf(chain(add.s(1, 2), anything.s())).toEqualTypeOf<Of<[], unknown>>();
    // @ts-expect-error: unknown is no number
    chain(anything.s(1), double.s());
  });
});

describe("a group", () => {
  test("of a list has the results in its order", () => {
    const both = group([add.s(1, 2), greet.s("Ada")]);
    expectTypeOf(both).toEqualTypeOf<Group<[], [number, { text: string }]>>();
    expectTypeOf(group([])).toEqualTypeOf<Group<[] | [unknown], []>>();
  });

  test("of any number has an array of them", () => {
    const doubles = group([1, 2, 3].map((n) => double.s(n)));
    expectTypeOf(doubles).toEqualTypeOf<Group<[], number[]>>();
    expectTypeOf(group(new Set([double.s(1)]))).toEqualTypeOf<typeof doubles>();
    expectTypeOf(doubles.delay()).resolves.toEqualTypeOf<GroupResult<number[]>>();
  });

  test("its handle gives the results by their places; errors among them where they do not propagate", () => {
    const handle = {} as GroupResult<[number, string]>;
    expectTypeOf(handle.get()).resolves.toEqualTypeOf<[number, string]>();
    expectTypeOf(handle.get({ timeout: "1s" })).resolves.toEqualTypeOf<[number, string]>();
    expectTypeOf(handle.get({ propagate: false })).resolves.toEqualTypeOf<
      [number | LovageError, string | LovageError]
    >();
    expectTypeOf(handle.iterate()).toEqualTypeOf<AsyncGenerator<[index: number, value: number | string]>>();
    expectTypeOf(handle.iterate({ propagate: false })).toEqualTypeOf<
      AsyncGenerator<[index: number, value: number | string | LovageError]>
    >();
    expectTypeOf(handle.results).toEqualTypeOf<readonly [AsyncResult<number>, AsyncResult<string>]>();
    expectTypeOf(handle.at(0)).toEqualTypeOf<AsyncResult<number | string>>();
  });

  test("takes what all of its members take", () => {
    expectTypeOf(chain(add.s(1, 2), group([double.s(), add.s(1), greet.si("Ada")]))).toEqualTypeOf<
      Signature<[], [number, number, { text: string }], GroupResult<[number, number, { text: string }]>>
    >();
    const optional = app.task("optional", (x?: number) => x ?? 0);
    expectTypeOf(chain(add.s(1, 2), group([optional.s(), greet.si("Ada")]))).toHaveProperty("wire");
    // @ts-expect-error: one of them takes a string
    chain(add.s(1, 2), group([double.s(), log.s()]));
    // @ts-expect-error: one of them takes nothing
    chain(add.s(1, 2), group([double.s(), double.s(1)]));
    // @ts-expect-error: tasks are no signatures
    group([double, double]);
  });

  test("in a group is unrolled", () => {
    const nested = group([group([add.s(1, 2), show.s(1)]), double.s(1)]);
    expectTypeOf(nested).toEqualTypeOf<Group<[], [number, string, number]>>();
    const chained = group([chain(add.s(1, 2), group([double.s(), show.s()])), double.s(1)]);
    expectTypeOf(chained.delay()).resolves.toEqualTypeOf<GroupResult<[[number, string], number]>>();
    const lists = [1, 2].map((n) => group([double.s(n), double.s(n)]));
    expectTypeOf(group(lists).delay()).resolves.toEqualTypeOf<GroupResult<number[]>>();
  });
});

describe("a chord", () => {
  test("has a body that takes the list of results, or one after another", () => {
    expectTypeOf(chord([add.s(1, 2), double.s(1)], sum.s())).toEqualTypeOf<Of<[], number>>();
    expectTypeOf(
      chord(
        [1, 2].map((n) => double.s(n)),
        sumMutable.s(),
      ),
    ).toEqualTypeOf<Of<[], number>>();
    expectTypeOf(
      chord(
        [1, 2].map((n) => double.s(n)),
        sumStream.s(),
      ).delay(),
    ).resolves.toHaveProperty("id");
    expectTypeOf(chord([add.s(1, 2), greet.s("Ada")], pair.s())).toEqualTypeOf<Of<[], string>>();
    expectTypeOf(chord(group([add.s(2), add.s(1)]), sum.s())).toEqualTypeOf<Of<[number], number>>();
    expectTypeOf(chord([], sum.s(), { errbackOnHeader: true })).toEqualTypeOf<Of<[] | [unknown], number>>();
    // @ts-expect-error: the results are numbers
    chord([add.s(1, 2), double.s(1)], sumTexts.s());
    // @ts-expect-error: a list comes, and no number
    chord([add.s(1, 2)], double.s());
    // @ts-expect-error: in another order
    chord([greet.s("Ada"), add.s(1, 2)], pair.s());
  });

  test("is what a group followed by a step is", () => {
    expectTypeOf(chain(group([add.s(1, 2), greet.s("Ada")]), pair.s(), log.s())).toEqualTypeOf<Of<[], number>>();
    expectTypeOf(chain(double.s(1), group([double.s(), double.s()]), sum.s())).toEqualTypeOf<Of<[], number>>();
    expectTypeOf(group([add.s(1), add.s(2)]).pipe(sumStream.s())).toEqualTypeOf<Of<[number], string>>();
    expectTypeOf(chain(group([double.s(1)]), group([sum.s(), anything.s()]), anything.s())).toHaveProperty("wire");
    // @ts-expect-error: the results are numbers
    chain(group([double.s(1)]), sumTexts.s());
  });

  test("may be a member and a body", () => {
    const inner = chord([double.s(1), double.s(2)], sum.s());
    expectTypeOf(chord([inner, inner], chord([sum.s(), sumMutable.s()], sum.s()))).toEqualTypeOf<Of<[], number>>();
    // @ts-expect-error: the inner header is handed numbers
    chord([inner, inner], chord([sum.s(), sumTexts.s()], sum.s()));
  });
});

describe("map, starmap and chunks", () => {
  test("take what their task takes, and give lists", () => {
    expectTypeOf(double.map([1, 2])).toEqualTypeOf<Of<[] | [unknown], number[]>>();
    expectTypeOf(greet.map(["Ada"])).toEqualTypeOf<Of<[] | [unknown], { text: string }[]>>();
    expectTypeOf(add.starmap([[1, 2]])).toEqualTypeOf<Of<[] | [unknown], number[]>>();
    expectTypeOf(nothing.starmap([[]])).toEqualTypeOf<Of<[] | [unknown], null[]>>();
    expectTypeOf(chunks(add, [[1, 2]], 10)).toEqualTypeOf<Group<[] | [unknown], number[][]>>();
    // @ts-expect-error: double takes numbers
    double.map(["1"]);
    // @ts-expect-error: add takes two arguments
    add.map([1]);
    // @ts-expect-error: add takes two numbers
    add.starmap([[1, "2"]]);
    // @ts-expect-error: add takes two numbers
    chunks(add, [[1]], 10);
  });

  test("fit into workflows", () => {
    expectTypeOf(chain(double.map([1, 2]), sum.s())).toEqualTypeOf<Of<[] | [unknown], number>>();
    expectTypeOf(chain(add.s(1, 2), double.map([1]), sum.s())).toEqualTypeOf<Of<[], number>>();
    const total = app.task("total", (parts: readonly (readonly number[])[]) => parts.length);
    expectTypeOf(chain(chunks(add, [[1, 2]], 10), total.s())).toEqualTypeOf<Of<[] | [unknown], number>>();
    // @ts-expect-error: lists come, of numbers
    chain(chunks(add, [[1, 2]], 10), sum.s());
  });
});

describe("a signature from JSON", () => {
  test("is what it is said to be", () => {
    const wire = add.s(1, 2).toJSON();
    expectTypeOf(signature<[], number, AsyncResult<number>>(wire, app)).toEqualTypeOf<Of<[], number>>();
    expectTypeOf(signature(wire, app).delay()).resolves.toBeUnknown();
    // @ts-expect-error: unknown is no number
    chain(signature(wire, app), double.s());
  });
});

describe("ctx.replace", () => {
  test("gives what takes the task's place gives", () => {
    const one = app.task("one", { bind: true }, (ctx, x: number) => ctx.replace(add.s(x, 1)));
    expectTypeOf(one.delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>();
    const all = app.task("all", { bind: true }, (ctx) => ctx.replace(group([add.s(1, 2), show.s(3)])));
    expectTypeOf(all.delay).returns.resolves.toEqualTypeOf<AsyncResult<[number, string]>>();
    const either = app.task("either", { bind: true }, async (ctx, x: number) =>
      x > 0 ? ctx.replace(chain(add.s(x, 1), show.s())) : x,
    );
    expectTypeOf(either.delay).returns.resolves.toEqualTypeOf<AsyncResult<string | number>>();
  });

  test("which has to be the task's own result, where that is said", () => {
    app.task("number", { bind: true }, (ctx): number => ctx.replace(add.s(1, 2)));
    // @ts-expect-error a string is no number
    app.task("no_number", { bind: true }, (ctx): number => ctx.replace(show.s(1)));
  });

  test("takes what can be called as it is", () => {
    app.task("calls", { bind: true }, (ctx) => {
      ctx.replace(add.si(1, 2));
      // @ts-expect-error an argument is missing
      ctx.replace(add.s(1));
      // @ts-expect-error a task is no signature
      ctx.replace(add);
      // @ts-expect-error the first step lacks an argument
      ctx.replace(chain(add.s(1), show.s()));
    });
  });
});
