import { expect, test } from "vitest";
import { Coalescer, type Fate } from "../../lib/aws/coalesce.ts";
import { BrokerUnavailable, QueueNotFound } from "../../lib/errors.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";

type Attempt = (entries: readonly string[], signal: AbortSignal) => Promise<readonly Fate<string>[]>;

const done = (entries: readonly string[]): readonly Fate<string>[] =>
  entries.map((entry) => ({ kind: "done", answer: entry }));
const unavailable = new BrokerUnavailable("out of order");
const again = (entries: readonly string[]): readonly Fate<string>[] =>
  entries.map(() => ({ kind: "again", error: unavailable }));

function coalescer(attempt: Attempt, { clock = new FakeClock(), maxRequests = 8 } = {}) {
  const requests: (readonly string[])[] = [];
  const made = new Coalescer<string, string>({
    clock,
    maxEntries: 10,
    maxBytes: 100,
    maxRequests,
    deadlineMs: 10_000,
    attempt: (entries, signal) => {
      requests.push(entries);
      return attempt(entries, signal);
    },
    overdue: async (cause) => new BrokerUnavailable(String(cause)),
  });
  return { made, requests, clock };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("entries of one turn share requests of ten, in order", async () => {
  const { made, requests } = coalescer(async (entries) => done(entries));
  const answers = await Promise.all(Array.from({ length: 25 }, (_, index) => made.add(String(index))));
  expect(requests.map(({ length }) => length)).toEqual([10, 10, 5]);
  expect(answers).toEqual(Array.from({ length: 25 }, (_, index) => String(index)));
});

test("entries that were added after some awaiting in the same turn are among them", async () => {
  const { made, requests } = coalescer(async (entries) => done(entries));
  const later = async () => {
    for (let index = 0; index < 5; index++) await undefined;
    return made.add("later");
  };
  await Promise.all([made.add("now"), later()]);
  expect(requests).toEqual([["now", "later"]]);
});

test("requests are packed by bytes as well; one entry over the limit goes alone", async () => {
  const { made, requests } = coalescer(async (entries) => done(entries));
  await Promise.all([made.add("a", 60), made.add("b", 40), made.add("c", 1), made.add("d", 500), made.add("e", 1)]);
  expect(requests).toEqual([["a", "b"], ["c"], ["d"], ["e"]]);
});

test("no more requests are under way than allowed; what comes meanwhile shares the next one", async () => {
  const open: (() => void)[] = [];
  const { made, requests } = coalescer(
    (entries) => new Promise((resolve) => void open.push(() => resolve(done(entries)))),
    { maxRequests: 2 },
  );
  const calls = [];
  for (const entry of ["a", "b", "c", "d"]) {
    calls.push(made.add(entry));
    await turn();
  }
  expect(requests).toEqual([["a"], ["b"]]);
  open.shift()?.();
  await turn();
  expect(requests).toEqual([["a"], ["b"], ["c", "d"]]);
  for (const finish of open) finish();
  expect(await Promise.all(calls)).toEqual(["a", "b", "c", "d"]);
});

test("each entry has its own fate, and only what may pass is tried again", async () => {
  const refused = new QueueNotFound("q", "nowhere");
  const { made, requests, clock } = coalescer(async (entries) =>
    entries.map((entry): Fate<string> => {
      if (entry === "bad") return { kind: "refused", error: refused };
      if (entry === "flaky" && requests.length === 1) return { kind: "again", error: unavailable };
      return { kind: "done", answer: entry };
    }),
  );
  const calls = Promise.allSettled([made.add("good"), made.add("bad"), made.add("flaky")]);
  await turn();
  await clock.advance(1_000);
  expect(await calls).toEqual([
    { status: "fulfilled", value: "good" },
    { status: "rejected", reason: refused },
    { status: "fulfilled", value: "flaky" },
  ]);
  expect(requests).toEqual([["good", "bad", "flaky"], ["flaky"]]);
});

test("after the deadline the last error is the caller's", async () => {
  const { made, requests, clock } = coalescer(async (entries) => again(entries));
  const call = made.add("x");
  await turn();
  await clock.advance(10_000);
  await expect(call).rejects.toBe(unavailable);
  expect(requests.length).toBeGreaterThan(5);
});

test("requests that hang fail at the deadline, and so does what waits behind them", async () => {
  const { made, requests, clock } = coalescer(() => new Promise(() => {}), { maxRequests: 1 });
  const calls = Promise.allSettled(Array.from({ length: 30 }, (_, index) => made.add(String(index))));
  await turn();
  await clock.advance(10_000);
  expect((await calls).every(({ status }) => status === "rejected")).toBe(true);
  expect(requests).toHaveLength(1);
});

test("a long line that moves is no reason to give up", async () => {
  const clock = new FakeClock();
  const { made } = coalescer(
    async (entries) => {
      await clock.sleep(3_000);
      return done(entries);
    },
    { clock, maxRequests: 1 },
  );
  const calls = Promise.all(Array.from({ length: 100 }, (_, index) => made.add(String(index))));
  await turn();
  await clock.advance(31_000);
  expect(await calls).toHaveLength(100);
});

test("what is added during an outage has a deadline of its own", async () => {
  let isDown = true;
  const { made, clock } = coalescer(async (entries) => (isDown ? again(entries) : done(entries)));
  const early = made.add("early");
  await turn();
  await clock.advance(9_000);
  const late = made.add("late");
  await turn();
  await clock.advance(2_000);
  await expect(early).rejects.toBe(unavailable);
  isDown = false;
  await clock.advance(5_000);
  expect(await late).toBe("late");
});
