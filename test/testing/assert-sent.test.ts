// "Was sent with": what passes, what fails, and what a failure says.
import { AssertionError } from "node:assert";
import { describe, expect, test } from "vitest";
import { createApp, onLambda } from "../../lib/index.ts";
import { type ExpectedCall, inMemory } from "../../lib/testing/index.ts";

const app = createApp("shop", { workloads: { default: onLambda(), mails: onLambda() } });
const add = app.task("add", (x: number, y: number) => x + y);
const greet = app.task("greet", { workload: "mails" }, (to: { name: string; title?: string }) => to.name);
const note = app.task("note", (_: string | number) => {});
const retries = app.task("retries", { maxRetries: 1, autoRetryFor: ["Error"] }, () => {
  throw new Error("always");
});

/** The error of an assertion that fails. */
function failureOf(assertion: () => unknown): AssertionError {
  try {
    assertion();
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError);
    return error as AssertionError; // just expected
  }
  throw new Error("the assertion passed");
}

test("every option of a call can be asserted", async () => {
  await using test = inMemory(app);
  const eta = new Date(test.clock.now().getTime() + 60_000);
  const { id } = await add.applyAsync([2, 3], {
    countdown: "30s",
    expires: "1h",
    headers: { tenant: "acme", trace: "1" },
    timeLimit: "1m",
    softTimeLimit: "30s",
    ignoreResult: true,
    workload: "mails",
    link: note.s(),
    linkError: note.s(),
  });
  await add.applyAsync([4, 5], { eta, taskId: "mine", expires: new Date(eta.getTime() + 1) });

  test.assertSent(add);
  test.assertSent("add", { times: 2 });
  const [sent] = test.assertSent(add, { args: [2, 3], countdown: 30 });
  expect(sent).toMatchObject({ id, args: [2, 3], countdown: 30, workload: "mails", task: "add" });
  const stated: ExpectedCall<[number, number]>[] = [
    { countdown: "30s" },
    { expires: "1h" },
    { headers: { tenant: "acme" } },
    { timeLimit: "1m" },
    { softTimeLimit: "30s" },
    { ignoreResult: true },
    { workload: "mails" },
    { link: note },
    { linkError: "note" },
    { eta },
    { expires: new Date(eta.getTime() + 1) },
    { taskId: "mine" },
    { kwargs: {}, args: [4, 5] },
  ];
  for (const expected of stated) expect(test.assertSent(add, { ...expected, times: 1 })).toHaveLength(1);
});

test("what is not as stated fails, option by option", async () => {
  await using test = inMemory(app);
  await add.applyAsync([2, 3], { countdown: "30s", expires: "1h", headers: { tenant: "acme" } });
  for (const expected of [
    { args: [2, 4] },
    { args: [2] },
    { args: () => false },
    { countdown: "31s" },
    { eta: new Date(0) },
    { expires: "2h" },
    { expires: new Date(0) },
    { headers: { tenant: "other" } },
    { headers: { other: "acme" } },
    { kwargs: { a: 1 } },
    { workload: "mails" },
    { taskId: "mine" },
    { ignoreResult: true },
    { timeLimit: "1m" },
    { softTimeLimit: "1m" },
    { link: note },
    { linkError: note },
    { times: 2 },
    { times: 0 },
  ] as const) {
    failureOf(() => test.assertSent(add, expected as never));
    if (!("times" in expected)) test.assertNotSent(add, expected as never);
  }
});

describe("arguments", () => {
  test("are compared as the JSON they travel as", async () => {
    await using test = inMemory(app);
    await greet.delay({ name: "Ada", title: undefined as never });
    test.assertSent(greet, { args: [{ name: "Ada" }] });
    test.assertSent(greet, { args: [{ name: "Ada", title: undefined as never }] });
    test.assertNotSent(greet, { args: [{ name: "Ada", title: "Dr" }] });
  });

  test("may hold the matchers of a test framework", async () => {
    await using test = inMemory(app);
    await greet.delay({ name: "Ada" });
    test.assertSent(greet, { args: [{ name: expect.any(String) }] });
    test.assertSent(greet, { args: [expect.objectContaining({ name: "Ada" })] });
    test.assertNotSent(greet, { args: [{ name: expect.stringMatching(/^B/) }] });
    const ofSinon = { test: (value: unknown) => value === "Ada" };
    test.assertSent(greet, { args: [{ name: ofSinon as never }] });
  });

  test("may be looked at by a function", async () => {
    await using test = inMemory(app);
    await add.delay(2, 3);
    test.assertSent(add, { args: ([x, y]) => x < y });
    expect(failureOf(() => test.assertSent(add, { args: ([x]) => x > 2 })).message).toContain(
      '"add" was not sent with args that a function accepts',
    );
  });
});

test("a failure says what was sent, the nearest first, and carries both for a diff", async () => {
  await using test = inMemory(app);
  await add.applyAsync([9, 9], { headers: { tenant: "acme" } });
  const { id } = await add.applyAsync([2, 3], { countdown: "1m" });
  await note.delay("hello");
  const error = failureOf(() => test.assertSent(add, { args: [2, 3], countdown: "30s" }));
  expect(error.message.split("\n")).toEqual([
    `"add" was not sent with args [ 2, 3 ], countdown '30s'`,
    "sent, the nearest first:",
    `  add(2, 3) countdown 60 workload 'default' taskId '${id}'`,
    expect.stringMatching(/^ {2}add\(9, 9\) headers \{ tenant: 'acme' \} workload 'default' taskId '/),
    "other tasks sent: note",
  ]);
  expect(error).toMatchObject({
    operator: "assertSent",
    actual: { args: [2, 3], countdown: 60 },
    expected: { args: [2, 3], countdown: "30s" },
  });
  expect(error.stack).toContain("assert-sent.test.ts");
});

test("a failure says so where nothing was sent, and counts", async () => {
  await using test = inMemory(app);
  expect(failureOf(() => test.assertSent(add)).message).toBe('"add" was not sent\n"add" was never sent');
  await add.delay(1, 1);
  expect(failureOf(() => test.assertSent(add, { times: 2 })).message).toContain('"add" was sent once, not 2 times');
  expect(failureOf(() => test.assertNotSent(add)).message).toContain('"add" was sent once\nsent, the nearest first:');
});

test("a long list is cut", async () => {
  await using test = inMemory(app);
  for (let i = 0; i < 25; i++) await add.delay(i, i);
  const { message } = failureOf(() => test.assertSent(add, { args: [99, 99] }));
  expect(message.split("\n")).toHaveLength(23);
  expect(message).toContain("  and 5 more");
});

test("a retry is no new task, a callback is one", async () => {
  await using test = inMemory(app);
  await retries.applyAsync([], { linkError: note.s() });
  await test.drain();
  test.assertSent(retries, { times: 1 });
  test.assertSent(note, { times: 1 });
});

test("clearSent() forgets, and what is only sent on is not sent anew", async () => {
  await using test = inMemory(app);
  await add.delay(1, 1);
  test.store.failNext("write", { change: "claim", times: 5 * 8 }); // every receive its queue allows: it is resent
  test.clearSent();
  test.assertNotSent(add);
  expect(await test.drain()).toHaveLength(1);
  expect(test.logs).toContainEqual(expect.objectContaining({ row: "dead letter, never claimed" }));
  test.assertNotSent(add);
});

test("sent and sentTo list what was sent", async () => {
  await using test = inMemory(app, { start: new Date("2030-01-01T00:00:00Z") });
  await add.delay(1, 2);
  await test.clock.advance("1m");
  await app.sendTask("python.task", [1], { kwargs: { a: 2 } });
  expect(test.sent).toMatchObject([
    { task: "add", args: [1, 2], at: new Date("2030-01-01T00:00:00Z"), countdown: 0, link: [] },
    { task: "python.task", args: [1], kwargs: { a: 2 }, at: new Date("2030-01-01T00:01:00Z") },
  ]);
  expect(test.sentTo("python.task")).toHaveLength(1);
  test.assertSent("python.task", { kwargs: { a: 2 } });
});

test("an expectation that cannot be is refused, for it would never fail or always", async () => {
  await using test = inMemory(app);
  await add.delay(1, 1);
  expect(() => test.assertSent(add, { arg: [1, 1] } as never)).toThrow("did you mean args?");
  expect(() => test.assertSent(add, { args: 1 } as never)).toThrow("args of assertSent() is 1; it takes an array");
  expect(() => test.assertNotSent(add, { countdown: "soon" } as never)).toThrow("countdown of assertNotSent()");
  expect(() => test.assertNotSent(add, { times: 1 } as never)).toThrow('unknown option "times"');
  expect(() => test.assertSent(add, { times: -1 })).toThrow("times of assertSent()");
  expect(() => test.assertSent(add, { headers: 1 } as never)).toThrow("it takes an object");
});
