// `lovage purge`: what waits ends as REVOKED, what runs goes on, and nothing is dropped without a word.
import { expect, test } from "vitest";
import { TaskRevoked } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { decisionDeps } from "../../lib/worker/deps.ts";
import { type Purged, type PurgeOptions, purge } from "../../lib/worker/purge.ts";
import { DEAD, type MemoryApp, memoryApp, QUEUE } from "../support/memory-app.ts";

const tasks = () =>
  memoryApp(
    (app) => ({
      add: app.task("add", (x: number, y: number) => x + y),
      slow: app.task("slow", async () => {
        await app.clock.sleep(20_000);
        return "slept";
      }),
      seen: app.task("seen", (value: unknown) => value),
      later: app.task("later", { bind: true }, (ctx) => {
        throw ctx.retry({ countdown: "10m" });
      }),
    }),
    { worker: false },
  );

async function purgeOf(it: MemoryApp<unknown>, options: Partial<PurgeOptions> = {}): Promise<readonly Purged[]> {
  const became: Purged[] = [];
  const deps = decisionDeps(it.app, await it.app.backends(), silentLogger);
  const all = {
    workload: "default",
    queue: QUEUE,
    deadLetters: false,
    unreadable: false,
    signal: new AbortController().signal,
    onMessage: (purged: Purged) => became.push(purged),
    ...options,
  };
  await it.during(purge(all, deps));
  return became.sort();
}

test("tasks that wait end as REVOKED, and whoever waits for them learns why", async () => {
  await using it = await tasks();
  const results = await Promise.all(Array.from({ length: 57 }, (_, i) => it.tasks.add.delay(i, 1)));
  expect(await purgeOf(it)).toEqual(results.map(() => "purged"));
  for (const result of results) await expect(result.get()).rejects.toThrow(TaskRevoked);
  await expect(results[0]?.get()).rejects.toThrow("was revoked: purged");
  expect(it.messages()).toEqual([]);
});

test("what runs goes on, and its duplicate stays for its worker's sake", async () => {
  await using it = await tasks();
  const result = await it.tasks.slow.delay();
  const body = it.broker.bodies(QUEUE)[0] ?? "";
  await it.startWorker({ deadLetters: false, concurrency: 1 });
  await it.advance(1);
  await it.send(body);
  expect(await purgeOf(it)).toEqual(["running"]);
  expect(await it.settle(result)).toBe("SUCCESS");
});

test("what has ended stays as it is, and its callbacks are sent once more: a crash may have swallowed them", async () => {
  await using it = await tasks();
  const result = await it.tasks.add.applyAsync([2, 3], { link: it.tasks.seen.s() });
  const body = it.broker.bodies(QUEUE)[0] ?? "";
  const process = await it.startWorker();
  await it.settle(result);
  await it.until("nothing is left", () => it.messages().length === 0);
  await process.stop();
  await it.send(body);
  expect(await purgeOf(it)).toEqual(["ended", "ended"]); // the task, and its callback, which has ended too
  expect(await result.get()).toBe(5);
});

test("a stale duplicate of a task that is retried is not its message: the next attempt stays, delayed", async () => {
  await using it = await tasks();
  const result = await it.tasks.later.delay();
  const body = it.broker.bodies(QUEUE)[0] ?? "";
  const process = await it.startWorker();
  await it.until("it is retried", async () => (await result.state()) === "RETRY");
  await process.stop();
  await it.send(body);
  expect(await purgeOf(it)).toEqual(["superseded"]);
  expect(await result.state()).toBe("RETRY");
  expect(it.messages().map(({ id, retries }) => [id, retries])).toEqual([
    [result.id, 1],
    [result.id, 1], // sent again: it might have been lost
  ]);
});

test("delayed messages cannot be received, and stay", async () => {
  await using it = await tasks();
  const later = await it.tasks.add.applyAsync([1, 1], { countdown: "10m" });
  expect(await purgeOf(it)).toEqual([]);
  expect(await it.broker.depth(QUEUE)).toEqual({ visible: 0, inFlight: 0, delayed: 1 });
  expect(await later.state()).toBe("PENDING");
});

test("unreadable messages: a failure under their id, or off to the dead letters, and deleted only where it was asked for", async () => {
  await using it = await tasks();
  const named = '{"headers": {"task": "add", "id": "mine"}, "body": 5}';
  await it.send(named);
  await it.send("no json");
  expect(await purgeOf(it)).toEqual(["failed", "moved"]);
  expect(it.record({ id: "mine" })).toMatchObject({ state: "FAILURE", body: named });
  expect(it.broker.bodies(DEAD)).toEqual(["no json"]);
  const dead = { queue: DEAD, deadLetters: true };
  expect(await purgeOf(it, dead)).toEqual(["kept"]);
  expect(it.broker.bodies(DEAD)).toEqual(["no json"]);
  await it.advance(901);
  expect(await purgeOf(it, { ...dead, unreadable: true })).toEqual(["deleted"]);
  expect(it.broker.bodies(DEAD)).toEqual([]);
});

test("asked to stop, it finishes what it has in hand and leaves the rest alone", async () => {
  await using it = await tasks();
  for (let i = 0; i < 100; i++) await it.tasks.add.delay(i, 1);
  const asked = new AbortController();
  let handled = 0;
  await purgeOf(it, { signal: asked.signal, onMessage: () => ++handled === 1 && asked.abort() });
  expect(handled).toBeGreaterThanOrEqual(10);
  expect(handled).toBeLessThan(100);
  expect(await it.broker.depth(QUEUE)).toEqual({ visible: 100 - handled, inFlight: 0, delayed: 0 });
});

test("a back end that fails ends it: what is in hand goes back, nothing is dropped", async () => {
  await using it = await tasks();
  const results = await Promise.all(Array.from({ length: 30 }, () => it.tasks.add.delay(1, 1)));
  const backends = await it.app.backends();
  const store = { ...backends.store, write: () => Promise.reject(new Error("unplugged")) };
  const deps = decisionDeps(it.app, { broker: backends.broker, store: store as never }, silentLogger); // only write() is called
  const options = { workload: "default", queue: QUEUE, deadLetters: false, unreadable: false };
  const purging = purge({ ...options, signal: new AbortController().signal, onMessage: () => {} }, deps);
  await expect(it.during(purging)).rejects.toThrow("unplugged");
  await it.advance(61);
  expect(await it.broker.depth(QUEUE)).toEqual({ visible: results.length, inFlight: 0, delayed: 0 });
});
