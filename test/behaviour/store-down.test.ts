import { expect, test, vi } from "vitest";
import { WORKER_DEFAULTS } from "../../lib/defaults.ts";
import { StoreUnavailable, WorkerStalled } from "../../lib/errors.ts";
import { BOUNDS } from "../support/bounds.ts";
import { DEAD, memoryApp, QUEUE } from "../support/memory-app.ts";

/** A worker, and a table that cannot be reached until it is `back`, while SQS answers. */
const outage = async (messages: number, stallSeconds = 120) => {
  const it = await memoryApp((app) => ({ add: app.task("add", (x: number) => x) }), { worker: false });
  const results = await Promise.all(Array.from({ length: messages }, (_, x) => it.tasks.add.delay(x)));
  const down = async () => {
    throw new StoreUnavailable("DynamoDB did not answer");
  };
  const spies = [
    vi.spyOn(it.store, "write").mockImplementation(down),
    vi.spyOn(it.store, "read").mockImplementation(down),
  ];
  const receive = vi.spyOn(it.broker, "receive");
  const { worker, kill } = await it.startWorker({ stallSeconds, guard: false });
  const ended: unknown[] = [];
  worker.stopped.catch((error: unknown) => ended.push(error));
  return {
    it,
    results,
    ended,
    receives: () => receive.mock.calls.filter(([queue]) => queue === QUEUE).length,
    back: () => spies.forEach((spy) => void spy.mockRestore()),
    kill,
  };
};

test("where nothing can be recorded a worker ends as stalled, although SQS answers", async () => {
  const { it, ended, results, kill } = await outage(20);
  await using _ = it;
  await it.advance(115);
  expect(ended).toEqual([]);
  await it.advance(60);
  expect(ended).toEqual([expect.any(WorkerStalled)]);
  expect(ended).toMatchObject([{ message: expect.stringContaining("every message had to be given back") }]);
  expect(await Promise.all(results.map((result) => it.record(result)))).toEqual(results.map(() => undefined));
  kill(); // its process ends
});

test.each([1, 20])("with the defaults it ends within the bound that is stated: %d messages", async (messages) => {
  const { it, ended, kill } = await outage(messages, WORKER_DEFAULTS.stallSeconds);
  await using _ = it;
  await it.advance(WORKER_DEFAULTS.stallSeconds - 1);
  expect(ended).toEqual([]);
  await it.advance(BOUNDS.workerStalled - WORKER_DEFAULTS.stallSeconds + 1);
  expect(ended).toEqual([expect.any(WorkerStalled)]);
  kill();
});

test("it pauses between its receives meanwhile: messages must not use them up", async () => {
  const { it, receives, kill } = await outage(20);
  await using _ = it;
  await it.advance(110);
  expect(receives()).toBeGreaterThan(2);
  expect(receives()).toBeLessThan(25);
  expect(it.messages(DEAD)).toEqual([]);
  kill();
});

test("where the table comes back before that, everything ends and the worker lives on", async () => {
  const { it, results, ended, back } = await outage(20);
  await using _ = it;
  await it.advance(90);
  back();
  await it.settle(...results);
  expect(await Promise.all(results.map((result) => result.get()))).toEqual(results.map((_, x) => x));
  await it.advance(600);
  expect(ended).toEqual([]);
  expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
});

test("a worker that gave one message back and receives no more lives on: others may have finished it", async () => {
  const { it, ended, back } = await outage(1);
  await using _ = it;
  await it.advance(3);
  const receive = vi.spyOn(it.broker, "receive").mockImplementation(async () => {
    await it.clock.sleep(10_000);
    return [];
  });
  await it.advance(20); // the poll that was under way has had its answer
  back();
  await it.advance(1_800);
  expect(ended).toEqual([]);
  receive.mockRestore();
});

test("so does one whose next hiccup comes long after: that is another trouble", async () => {
  const { it, ended, results, back } = await outage(1);
  await using _ = it;
  await it.advance(3);
  const receive = vi.spyOn(it.broker, "receive").mockImplementation(async () => {
    await it.clock.sleep(10_000);
    return [];
  });
  await it.advance(600);
  receive.mockRestore();
  await it.advance(30);
  back();
  await it.settle(...results);
  await it.advance(600);
  expect(ended).toEqual([]);
});
