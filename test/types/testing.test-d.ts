import { expectTypeOf, test } from "vitest";
import { createApp } from "../../lib/index.ts";
import { inMemory, type Ran, type SentTask } from "../../lib/testing/index.ts";

const app = createApp("duckling", { eager: { propagates: true } });
const add = app.task("add", (x: number, y: number) => x + y);
const log = app.task("log", (message: string, level?: string) => `${level}${message}`);

test("assertions are typed by the task", async () => {
  await using it = inMemory(app);
  expectTypeOf(it.sentTo(add)).toEqualTypeOf<readonly SentTask<[x: number, y: number]>[]>();
  expectTypeOf(it.assertSent(add)).toEqualTypeOf<readonly SentTask<[x: number, y: number]>[]>();
  it.assertSent(add, { args: [2, 3], countdown: "30s", times: 1, link: log });
  it.assertSent(add, { args: ([x, y]) => x < y });
  it.assertSent(log, { args: ["a"] });
  it.assertNotSent(log, { args: ["a", "info"] });
  it.assertSent("python.task", { args: [1, "two"], kwargs: { a: null } });
  // @ts-expect-error: y is a number
  it.assertSent(add, { args: [2, "3"] });
  // @ts-expect-error: y is missing
  it.assertSent(add, { args: [2] });
  // @ts-expect-error: no such option
  it.assertSent(add, { arguments: [2, 3] });
  // @ts-expect-error: nothing is counted where nothing may be
  it.assertNotSent(add, { times: 1 });
  // @ts-expect-error: a duration has a unit
  it.assertSent(add, { countdown: "30" });
});

test("drain() returns runs", async () => {
  await using it = inMemory(app);
  expectTypeOf(await it.drain()).toEqualTypeOf<readonly Ran[]>();
  // @ts-expect-error: idle or now
  await it.drain({ until: "later" });
});

test("faults name what they happen to", async () => {
  await using it = inMemory(app);
  it.broker.failNext("send", { times: 2 });
  it.store.failNext("write", { change: "claim" });
  // @ts-expect-error: the broker stores nothing
  it.broker.failNext("write");
  // @ts-expect-error: no such change
  it.store.failNext("write", { change: "started" });
});

test("eager mode ends with its block", () => {
  using _ = app.eager({ propagates: false });
  expectTypeOf(app.eager()).toEqualTypeOf<Disposable>();
  // @ts-expect-error: propagates is a flag
  app.eager({ propagates: "yes" });
});
