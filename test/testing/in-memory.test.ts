// An app whose back ends are swapped for a test, and what a test can do with it. The app is a module's constant, as a user's is.
import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test, vi } from "vitest";
import {
  type AsyncResult,
  createApp,
  currentTask,
  InvalidOption,
  NeverIdle,
  NotDisposed,
  onFargate,
  onLambda,
} from "../../lib/index.ts";
import { inMemory } from "../../lib/testing/index.ts";
import { startWorker } from "../../lib/worker/worker.ts";

class Flaky extends Error {}

let failures = 0;
const log: string[] = [];
const app = createApp("shop", {
  workloads: { default: onLambda(), renders: onFargate({ memory: "4GB" }) },
  connect: async () => {
    throw new Error("a test must not reach AWS");
  },
});
const add = app.task("add", (x: number, y: number) => x + y);
const note = app.task("note", (text: string | number) => void log.push(`${text} at ${app.clock.now()}`));
const flaky = app.task("flaky", { autoRetryFor: [Flaky], maxRetries: 5, defaultRetryDelay: "3m" }, () => {
  if (failures-- > 0) throw new Flaky("not yet");
  return "done";
});
const render = app.task("render", { workload: "renders" }, (scene: string) => `${scene}.png`);
const parent = app.task("parent", async (n: number) => {
  await Promise.all(Array.from({ length: n }, (_, i) => add.delay(i, i)));
});
const naps = app.task("naps", { bind: true, timeLimit: "1h" }, async (ctx, minutes: number) => {
  for (let i = 0; i < minutes; i++) await ctx.sleep("1m");
  return ctx.signal.aborted;
});
const waits = app.task(
  "waits",
  { bind: true, softTimeLimit: "2m" },
  (ctx) => new Promise<never>((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
);
const ping: ReturnType<typeof definePing> = definePing();
function definePing() {
  return app.task("ping", async (n: number): Promise<void> => {
    await app.sendTask("ping", [n + 1], { hops: 0 }); // otherwise its own limit would end it
  });
}

test("nothing runs before drain(), and everything after it", async () => {
  await using test = inMemory(app);
  const result = await add.delay(2, 3);
  expect(await result.state()).toBe("PENDING");
  expect(await test.drain()).toMatchObject([
    { id: result.id, task: "add", args: [2, 3], retries: 0, workload: "default", outcome: "success", result: 5 },
  ]);
  expect(await result.state()).toBe("SUCCESS");
  expect(await result.get()).toBe(5);
  expect(await test.drain()).toEqual([]);
});

test("a call that nobody awaited is run too", async () => {
  await using test = inMemory(app);
  void add.delay(2, 3);
  expect(await test.drain()).toMatchObject([{ task: "add", result: 5 }]);
});

test("drain() passes over countdowns, in order", async () => {
  await using test = inMemory(app, { start: new Date("2030-01-01T00:00:00Z") });
  log.length = 0;
  await note.applyAsync(["late"], { countdown: "10m" });
  await note.applyAsync(["soon"], { countdown: "30s" });
  await note.delay("now");
  await test.drain();
  const at = (seconds: number) => Date.UTC(2030, 0, 1) + seconds * 1_000;
  expect(log).toEqual([`now at ${at(0)}`, `soon at ${at(30)}`, `late at ${at(600)}`]);
  expect(test.clock.now()).toEqual(new Date(at(600)));
});

test("drain() passes over the pauses of retries, and returns every run", async () => {
  await using test = inMemory(app);
  failures = 2;
  const result = await flaky.delay();
  const ran = await test.drain();
  expect(ran.map(({ retries, outcome }) => [retries, outcome])).toEqual([
    [0, "retry"],
    [1, "retry"],
    [2, "success"],
  ]);
  expect(ran[0]).toMatchObject({ failure: { type: "Flaky", message: "not yet" } });
  expect(await result.get()).toBe("done");
});

test("drain({ until: 'now' }) runs what is due and lets no time pass", async () => {
  await using test = inMemory(app);
  log.length = 0;
  await note.applyAsync(["later"], { countdown: "5m" });
  await note.delay("now");
  const began = test.clock.now();
  expect(await test.drain({ until: "now" })).toHaveLength(1);
  expect(test.clock.now()).toEqual(began);

  await test.clock.advance("299s");
  expect(await test.drain({ until: "now" })).toEqual([]);
  await test.clock.advance(1);
  expect(await test.drain({ until: "now" })).toMatchObject([{ args: ["later"] }]);
});

test("what a task sends, and its callbacks, are drained with it", async () => {
  await using test = inMemory(app);
  log.length = 0;
  await parent.delay(3);
  await add.applyAsync([1, 1], { link: note.s() });
  const ran = await test.drain();
  expect(ran.filter(({ task }) => task === "add")).toHaveLength(4);
  expect(ran.at(-1)).toMatchObject({ task: "note", args: [2] });
  expect(test.sentTo(add).filter(({ parentId }) => parentId !== undefined)).toHaveLength(3);
});

test("CPU-heavy tasks run in this process", async () => {
  await using test = inMemory(app);
  const result = await render.delay("duck");
  expect(await test.drain()).toMatchObject([{ workload: "renders", result: "duck.png" }]);
  expect(await result.get()).toBe("duck.png");
});

test("get() outside a task waits while the app works", async () => {
  await using _ = inMemory(app);
  failures = 1;
  const result = await flaky.delay();
  expect(await result.get({ timeout: "10m" })).toBe("done");
});

test("get() gives up by the test's clock", async () => {
  await using test = inMemory(app);
  const result = await add.applyAsync([1, 1], { countdown: "10m" });
  const began = test.clock.now().getTime();
  await expect(result.get({ timeout: "3s" })).rejects.toThrow("PENDING after 3 s");
  expect(test.clock.now().getTime() - began).toBe(3_000);
});

test("get() inside a task is refused as in production", async () => {
  await using test = inMemory(app);
  const waiting = createApp("waiting");
  await using inner = inMemory(waiting);
  const child = waiting.task("child", () => 1);
  const bad = waiting.task("bad", async () => (await child.delay()).get());
  await bad.delay();
  expect((await inner.drain()).at(-2)).toMatchObject({ task: "bad", failure: { type: "WrongContext" } });
  expect(test.sent).toEqual([]);
});

test("time passes for a task that sleeps, heartbeats included, and nobody waits", async () => {
  await using test = inMemory(app);
  const began = test.clock.now().getTime();
  const result = await naps.delay(30);
  expect(await test.drain()).toMatchObject([{ task: "naps", outcome: "success", result: false }]);
  expect(test.clock.now().getTime() - began).toBe(30 * 60_000);
  expect((await result.info()).runs).toBe(1);
});

test("a task that waits for its time limit meets it where the clock is advanced beside drain()", async () => {
  await using test = inMemory(app);
  const result = await waits.delay();
  const drained = test.drain();
  await test.clock.advance("2m");
  expect(await drained).toMatchObject([{ failure: { type: "SoftTimeLimitExceeded" } }]);
  await expect(result.get()).rejects.toThrow("soft time limit of 120 s exceeded");
});

test("a task that waits for something real is waited for, and no time passes", async () => {
  const slow = createApp("slow");
  const fetches = slow.task("fetches", () => new Promise((resolve) => setTimeout(() => resolve("page"), 30)));
  await using test = inMemory(slow);
  const began = test.clock.now();
  await fetches.delay();
  expect(await test.drain()).toMatchObject([{ result: "page" }]);
  expect(test.clock.now()).toEqual(began);
});

test("a task that waits for ever is named after a while of real time", async () => {
  await using test = inMemory(app);
  const result = await waits.delay();
  await expect(test.drain({ patience: "50ms" })).rejects.toThrow(
    /waited 0\.05 s of real time for waits \(1\).*test\.clock\.advance\(\)/,
  );
  await test.clock.advance("2m");
  await test.drain();
  expect(await result.state()).toBe("FAILURE");
});

test("get() of a task that waits for ever says so too", async () => {
  await using test = inMemory(app);
  const result = await waits.delay();
  void test.drain({ patience: "50ms" }).catch(() => {});
  await expect(result.get()).rejects.toThrow(NeverIdle);
});

test("tasks that keep sending each other are named, and the test goes on", async () => {
  await using test = inMemory(app);
  await ping.delay(0);
  await expect(test.drain({ maxMessages: 25 })).rejects.toThrow(
    "25 messages have been handled and more keep coming: ping (25)",
  );
  await expect(test.drain()).rejects.toThrow("1000 messages have been handled");
});

test("several run at a time where the test asks for it", async () => {
  const wide = createApp("wide");
  let running = 0;
  let most = 0;
  const work = wide.task("work", { bind: true }, async (ctx) => {
    most = Math.max(most, ++running);
    await ctx.sleep("1s");
    running--;
  });
  await using test = inMemory(wide);
  for (let i = 0; i < 6; i++) await work.delay();
  await test.drain();
  expect(most).toBe(1);
  for (let i = 0; i < 6; i++) await work.delay();
  await test.drain({ concurrency: 3 });
  expect(most).toBe(3);
});

test("a failure is recorded and logged, not thrown", async () => {
  await using test = inMemory(app);
  failures = Number.POSITIVE_INFINITY;
  const result = await flaky.delay();
  expect((await test.drain()).at(-1)).toMatchObject({ outcome: "retry", retries: 5 });
  expect(await result.state()).toBe("FAILURE");
  expect(test.logs).toContainEqual(
    expect.objectContaining({ level: "error", task: "flaky", message: "failed, its retries are exhausted" }),
  );
});

test("messages nobody can run end through the dead-letter queue, as in production", async () => {
  await using test = inMemory(app);
  const result = await app.sendTask("nobody.knows.it", [1]);
  expect(await test.drain()).toEqual([]);
  expect(await result.info()).toMatchObject({ state: "FAILURE", failure: { type: "NotRegistered" } });
});

test("the app gets its own back ends, clock and logger back", async () => {
  const before = [app.clock, app.log];
  {
    await using _ = inMemory(app);
    expect([app.clock, app.log]).not.toEqual(before);
    await add.delay(1, 1);
  }
  expect([app.clock, app.log]).toEqual(before);
  const error = vi.spyOn(app.log, "error").mockImplementation(() => {});
  await expect(add.delay(1, 1)).rejects.toThrow("must not reach AWS");
  await expect(app.flush()).rejects.toThrow("must not reach AWS");
  error.mockRestore();
});

test("a new test finds nothing of the one before", async () => {
  const first = inMemory(app);
  const result = await add.delay(1, 1);
  await first.close();
  await first.close();
  await using second = inMemory(app);
  expect(second.sent).toEqual([]);
  expect(await second.drain()).toEqual([]);
  expect(await result.state()).toBe("PENDING"); // a result stays with the store it was made for
});

test("a test that was not disposed of is named in the next", async () => {
  await using _ = inMemory(app);
  expect(() => inMemory(app)).toThrow(NotDisposed);
  expect(() => inMemory(app)).toThrow(/since .*in-memory\.test\.ts:\d+:\d+\)?; write "await using/);
});

test("a run that is still going when its test ends is interrupted", async () => {
  let signal: AbortSignal | undefined;
  const hanging = createApp("hanging");
  const hang = hanging.task("hang", () => {
    signal = currentTask().signal;
    return new Promise<never>(() => {});
  });
  let drained: Promise<unknown>;
  {
    await using test = inMemory(hanging);
    await hang.delay();
    drained = test.drain();
    await test.clock.advance("1s");
    expect(signal?.aborted).toBe(false);
  }
  expect(signal?.aborted).toBe(true);
  expect(await drained).toEqual([]);
});

test("hooks and listeners are called, and what tasks opened is closed with the test", async () => {
  const shared = createApp("shared");
  const happened: string[] = [];
  const pool = shared.resource("pool", {
    open: () => void happened.push("open"),
    close: () => happened.push("close"),
  });
  const fails = shared.task("fails", { onFailure: (_, error) => void happened.push(error.message) }, async () => {
    await pool.get();
    throw new Error("broken");
  });
  using _ = shared.on("taskFailure", ({ ctx }) => void happened.push(`taskFailure ${ctx.task}`));
  {
    await using test = inMemory(shared);
    await fails.delay();
    await test.drain();
    expect(happened).toEqual(["open", "broken", "taskFailure fails"]);
  }
  expect(happened.at(-1)).toBe("close");
});

test("tasks see nothing of the test's own async context", async () => {
  const request = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const contexts = createApp("contexts");
  const look = contexts.task("look", () => void seen.push(request.getStore()));
  await using test = inMemory(contexts);
  await request.run("the test's", async () => {
    await look.delay();
    await test.drain();
  });
  expect(seen).toEqual([undefined]);
});

test("several results are waited for at once", async () => {
  await using _ = inMemory(app);
  failures = 2;
  const results = [await flaky.delay(), await add.delay(1, 2), await add.applyAsync([3, 4], { countdown: "10m" })];
  expect(await Promise.all(results.map((result: AsyncResult) => result.get({ timeout: "20m" })))).toEqual([
    "done",
    3,
    7,
  ]);
});

test("a worker does not start on an app in memory: it would run beside drain()", async () => {
  await using _ = inMemory(app);
  await expect(startWorker(app)).rejects.toThrow("drain() runs its tasks");
});

test("a test runner's fake timers do no harm", async () => {
  vi.useFakeTimers();
  try {
    await using test = inMemory(app);
    await add.delay(1, 1);
    expect(await test.drain()).toHaveLength(1);
  } finally {
    vi.useRealTimers();
  }
});

test("the same seed gives the same ids, another one others", async () => {
  const ids = async (seed: number) => {
    await using _ = inMemory(app, { seed });
    return [(await add.delay(1, 1)).id, (await add.delay(1, 1)).id];
  };
  expect(await ids(7)).toEqual(await ids(7));
  expect(await ids(7)).not.toEqual(await ids(8));
});

test("an eager call inside an app in memory runs in place, and what came before waits for drain()", async () => {
  await using test = inMemory(app);
  log.length = 0;
  await note.delay("queued");
  {
    using _ = app.eager();
    await note.delay("in place");
  }
  await test.drain();
  expect(log.map((line) => line.split(" at ")[0])).toEqual(["in place", "queued"]);
});

test.each([
  [{ start: "2030-01-01" }, 'start of inMemory() is "2030-01-01"; it takes a valid Date'],
  [{ sed: 1 }, "did you mean seed?"],
])("options that cannot be: %j", (options, message) => {
  expect(() => inMemory(app, options as never)).toThrow(InvalidOption);
  expect(() => inMemory(app, options as never)).toThrow(message);
});

test.each([
  [{ until: "done" }, '"idle" or "now"'],
  [{ maxMessages: 0 }, "from 1"],
  [{ patience: 0 }, "more than 0"],
])("options of drain() that cannot be: %j", async (options, message) => {
  await using test = inMemory(app);
  await expect(test.drain(options as never)).rejects.toThrow(message);
});

test("advance() takes durations, advanceTo() a moment", async () => {
  await using test = inMemory(app, { start: new Date("2030-01-01T00:00:00Z") });
  await test.clock.advance("10m");
  await test.clock.advance(30);
  expect(test.clock.now()).toEqual(new Date("2030-01-01T00:10:30Z"));
  await test.clock.advanceTo(new Date("2030-01-02T00:00:00Z"));
  await test.clock.advanceTo(new Date("2020-01-01T00:00:00Z"));
  expect(test.clock.now()).toEqual(new Date("2030-01-02T00:00:00Z"));
  await expect(test.clock.advance("10 minutes" as never)).rejects.toThrow("advance() is");
  await expect(test.clock.advanceTo("tomorrow" as never)).rejects.toThrow("it takes a valid Date");
});
