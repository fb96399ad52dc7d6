import { describe, expect, test } from "vitest";
import { stamped, stampOptions, stampsOf } from "../../lib/core/canvas-stamp.ts";
import { chain, chord, createApp, group, InvalidOption, NotSerializable, signature } from "../../lib/index.ts";
import { planCall } from "../../lib/launch.ts";
import { inMemory } from "../../lib/testing/index.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";

const app = createApp("duckling");
const add = app.task("add", (x: number, y: number) => x + y);
const sum = app.task("sum", (xs: readonly number[]) => xs.length);
const show = app.task("show", (x: number) => `${x}`);
const keep = app.task("keep", (all: readonly unknown[]) => all);
const read = app.task("read", { bind: true }, (ctx) => ctx.stamps);

const messages = (sig: { toJSON(): WireSignature }, options = {}) =>
  planCall(app, sig.toJSON(), [], options).publish.map(({ envelope }) => envelope.stamps);

describe("stamps", () => {
  test("are Celery's options on every task, in whatever holds it, and on callbacks", () => {
    const options = { by: "me", stamped_headers: ["by"] };
    const one = add.s(1, 2).link(add.s(3)).linkError(add.si(4, 5)).stamp({ by: "me" });
    expect(one.wire.options).toEqual({
      ...options,
      link: [{ ...add.s(3).wire, options }],
      link_error: [{ ...add.si(4, 5).wire, options }],
    });
    const canvas = chain(group([add.s(1, 2)]), chord([sum.s()], sum.s())).stamp({ by: "me" });
    const tasks: unknown[] = [];
    JSON.stringify(canvas, (_, value) => {
      if (typeof value?.task === "string" && !value.task.startsWith("celery.")) tasks.push(value.options);
      return value;
    });
    expect(tasks).toEqual([options, options, options]);
    expect(canvas.wire.options).toEqual({});
  });

  test("may differ by task, and the later ones win", () => {
    const canvas = chain(add.s(1, 2).stamp({ step: "early", kept: 1 }), show.s()).stamp(({ task }) => ({ step: task }));
    expect(JSON.stringify(canvas)).toBe(
      JSON.stringify(chain(add.s(1, 2).stamp({ step: "add", kept: 1 }), show.s().stamp({ step: "show" }))),
    );
  });

  test("of a call go to every task beside its own", async () => {
    const canvas = group([add.s(1, 2).stamp({ own: 1 }), add.s(3, 4)]);
    expect(messages(canvas, { stamps: { by: "me" } })).toEqual([{ own: 1, by: "me" }, { by: "me" }]);
    expect(messages(canvas.set({ stamps: { by: "me" } }))).toEqual([{ own: 1, by: "me" }, { by: "me" }]);
    await using memory = inMemory(app);
    const results = await Promise.all([read.applyAsync([], { stamps: { by: "me" } }), read.s().delay()]);
    await memory.drain();
    expect(await Promise.all(results.map((result) => result.get()))).toEqual([{ by: "me" }, {}]);
  });

  test("reach the members of a stream, which are not there yet", async () => {
    async function* two() {
      yield* [read.s(), read.s()];
    }
    await using memory = inMemory(app);
    const result = await chain(group(two()), keep.s()).stamp({ by: "me" }).delay();
    await memory.drain();
    expect(await result.get()).toEqual([{ by: "me" }, { by: "me" }]);
  });

  test("are read from a dict, and stay when it is called", async () => {
    await using memory = inMemory(app);
    const result = await signature<[], unknown, ReturnType<typeof read.result>>(
      JSON.parse(JSON.stringify(read.s().stamp({ by: "me" }))),
      app,
    ).delay();
    await memory.drain();
    expect(await result.get()).toEqual({ by: "me" });
  });

  test("have names of their own, and are JSON", () => {
    const stamping = (stamps: unknown) => () => add.s(1, 2).stamp(stamps as { by: string });
    expect(stamping({ queue: "x" })).toThrow(
      new InvalidOption('stamps contains "queue", which is an option of signatures; give it another name'),
    );
    expect(stamping({ eta: "x" })).toThrow(InvalidOption);
    expect(stamping({ by: new Date() })).toThrow(NotSerializable);
    expect(stamping("me")).toThrow(InvalidOption);
  });

  test("whose list is none, or names what is not there, are none, or null", () => {
    expect(stampsOf({ stamped_headers: "by", by: 1 })).toEqual({});
    expect(stampsOf({ stamped_headers: ["by", 2] })).toEqual({ by: null });
    expect(stampOptions({})).toEqual({});
    const odd = { ...add.s(1, 2).wire, options: { link: ["no signature", null] } };
    expect(stamped(odd, () => ({})).options).toEqual(odd.options);
  });
});
