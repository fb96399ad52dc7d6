import { describe, expect, test, vi } from "vitest";
import type { App } from "../../lib/app.ts";
import { WORKER_STOP } from "../../lib/defaults.ts";
import { AccessDenied } from "../../lib/errors.ts";
import { onFargate } from "../../lib/workload.ts";
import { memoryApp, QUEUE } from "../support/memory-app.ts";

const sleeper = (runs: string[] = []) =>
  memoryApp(
    (app) => ({
      sleeps: app.task("sleeps", { bind: true }, async (ctx, seconds: number) => {
        runs.push("started");
        await app.clock.sleep(seconds * 1_000);
        runs.push("ended");
        return ctx.worker;
      }),
    }),
    { worker: false },
  );

test("a warm shutdown finishes the running task (smoke test_worker.py::test_warm_shutdown)", async () => {
  await using it = await sleeper();
  const worker = await it.startWorker({ graceSeconds: 60 });
  const result = await it.tasks.sleeps.delay(5);
  await it.advance(1);
  await worker.stop();
  expect(await result.state()).toBe("SUCCESS");
  expect(worker.worker.inHand).toBe(0);
});

test("and takes no other", async () => {
  await using it = await sleeper();
  const worker = await it.startWorker({ graceSeconds: 60, concurrency: 1 });
  const first = await it.tasks.sleeps.delay(5);
  const second = await it.tasks.sleeps.delay(5);
  await it.advance(1);
  await worker.stop();
  expect([await first.state(), await second.state()]).toEqual(["SUCCESS", "PENDING"]);
});

test("stopping twice is stopping once (test_multiple_warm_shutdown)", async () => {
  await using it = await sleeper();
  const worker = await it.startWorker();
  await it.advance(1);
  await Promise.all([worker.stop(), worker.stop()]);
  await worker.stop();
  await worker.worker.stopped;
});

describe("when the grace is over", () => {
  test("the task is given back and another worker runs it (smoke test_soft_shutdown_reset_visibility_timeout)", async () => {
    const runs: string[] = [];
    await using it = await sleeper(runs);
    const worker = await it.startWorker({ graceSeconds: 5 });
    const result = await it.tasks.sleeps.delay(20);
    await it.advance(1);
    await worker.stop();
    expect(await result.state()).toBe("RETRY");
    const other = await it.startWorker();
    await it.advance(1);
    expect(await result.info()).toMatchObject({ state: "STARTED", retries: 0, runs: 2 }); // at once: no visibility timeout had to pass
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toBe(other.worker.description.owner);
  });

  test("what the given-back run still does is refused", async () => {
    const runs: string[] = [];
    await using it = await sleeper(runs);
    const worker = await it.startWorker({ graceSeconds: 5 });
    const result = await it.tasks.sleeps.delay(100);
    await it.advance(1);
    await worker.stop();
    const other = await it.startWorker();
    await it.advance(150);
    expect(runs).toEqual(["started", "started", "ended", "ended"]);
    expect(await result.get()).toBe(other.worker.description.owner);
  });

  test("a second stop() does not wait for it (test_hard_shutdown_from_warm)", async () => {
    await using it = await sleeper();
    const worker = await it.startWorker({ graceSeconds: 100 });
    const result = await it.tasks.sleeps.delay(60);
    await it.advance(1);
    void worker.worker.stop();
    await it.advance(1);
    expect(await result.state()).toBe("STARTED");
    void worker.worker.stop();
    await it.advance(1);
    expect(await result.state()).toBe("RETRY");
  });

  test("a run that had lost its claim does not hold up the shutdown", async () => {
    await using it = await sleeper();
    const worker = await it.startWorker({ graceSeconds: 5 });
    const result = await it.tasks.sleeps.delay(60);
    await it.advance(1);
    // Somebody else has taken the task over and ended it, as after a pause of this process.
    const set = { state: "SUCCESS", token: "other" } as const;
    await it.store.write({ kind: "claim", id: result.id, when: [{ states: ["STARTED"] }], set });
    await it.advance(10);
    void worker.worker.stop();
    await it.advance(20);
    expect(worker.worker.inHand).toBe(0);
  });
});

test("a worker killed in the middle loses nothing: another one runs its tasks (smoke test_worker.py: SIGKILL)", async () => {
  const runs: string[] = [];
  await using it = await sleeper(runs);
  const doomed = await it.startWorker();
  const results = await Promise.all([1, 2, 3].map(() => it.tasks.sleeps.delay(20)));
  await it.advance(1);
  doomed.kill();
  await it.startWorker();
  await it.settle(...results);
  expect(await Promise.all(results.map((result) => result.state()))).toEqual(["SUCCESS", "SUCCESS", "SUCCESS"]);
  expect(results.map((result) => it.record(result)?.runs)).toEqual([2, 2, 2]);
});

test("hooks and listeners do not hold up the end: the grace and the seconds after it are all there is", async () => {
  const told: string[] = [];
  await using it = await memoryApp(
    (app) => ({
      late: app.task("late", { onSuccess: () => app.clock.sleep(25_000).then(() => void told.push("hook")) }, () =>
        app.clock.sleep(4_000),
      ),
    }),
    { worker: false },
  );
  const worker = await it.startWorker({ graceSeconds: 5 });
  const result = await it.tasks.late.delay();
  await it.advance(1);
  let stopped = false;
  const stopping = worker.worker.stop().then(() => {
    stopped = true;
  });
  await it.advance(5 + WORKER_STOP.settleSeconds - 1);
  expect(stopped).toBe(false); // hooks get what time there is
  await it.advance(1);
  await stopping;
  expect(told).toEqual([]);
  expect(await result.state()).toBe("SUCCESS");
  expect(it.logs.filter(({ level }) => level === "error")).toEqual([
    expect.objectContaining({
      message: "the worker ends, hooks and listeners are not waited for any more",
      in_hand: 1,
    }),
  ]);
});

test("a listener that never returns does not keep the worker from starting to stop", async () => {
  await using it = await memoryApp(
    (app) => {
      app.on("taskReceived", () => new Promise(() => {}));
      return { works: app.task("works", () => "done") };
    },
    { worker: false },
  );
  const worker = await it.startWorker({ graceSeconds: 5 });
  const result = await it.tasks.works.delay();
  await it.advance(1);
  const stopping = worker.worker.stop();
  await it.advance(5 + WORKER_STOP.settleSeconds);
  await stopping;
  expect(worker.worker.inHand).toBe(0);
  expect(it.broker.bodies(QUEUE)).toHaveLength(1); // it is back for others
  expect(await result.state()).not.toBe("SUCCESS");
});

describe("a worker that may no longer receive", () => {
  /** From its second poll on, with one task in hand. */
  const denied = async (seconds: number) => {
    const it = await sleeper();
    const receive = it.broker.receive.bind(it.broker);
    let polls = 0;
    vi.spyOn(it.broker, "receive").mockImplementation(async (queue, options) => {
      if (queue === QUEUE && ++polls > 1) throw new AccessDenied("not allowed");
      return receive(queue, options);
    });
    const result = await it.tasks.sleeps.delay(seconds);
    const { worker, kill } = await it.startWorker({ graceSeconds: 20, guard: false });
    const ended: unknown[] = [];
    worker.stopped.catch((error: unknown) => ended.push(error));
    return { it, result, ended, kill };
  };

  test("says so when what it runs has ended", async () => {
    const { it, result, ended, kill } = await denied(15);
    await using _ = it;
    await it.advance(14);
    expect([ended, await result.state()]).toEqual([[], "STARTED"]);
    await it.advance(2);
    expect(ended).toEqual([expect.any(AccessDenied)]);
    expect(await result.state()).toBe("SUCCESS");
    kill(); // its process ends
  });

  test("gives back what runs for longer than the grace", async () => {
    const { it, result, ended, kill } = await denied(60);
    await using _ = it;
    await it.advance(19);
    expect([ended, await result.state()]).toEqual([[], "STARTED"]);
    await it.advance(2);
    expect(ended).toEqual([expect.any(AccessDenied)]);
    expect(await result.state()).toBe("RETRY");
    kill(); // its process ends
  });
});

describe("starting", () => {
  test("serves a workload once, however often it is named", async () => {
    let running = 0;
    let most = 0;
    await using it = await memoryApp(
      (app) => ({
        works: app.task("works", async () => {
          most = Math.max(most, ++running);
          await app.clock.sleep(1_000);
          running--;
        }),
      }),
      { worker: false },
    );
    const { worker } = await it.startWorker({ workloads: ["default", "default"], concurrency: 2 });
    expect(worker.description.workloads).toHaveLength(1);
    await it.settle(...(await Promise.all(Array.from({ length: 8 }, () => it.tasks.works.delay()))));
    expect(most).toBe(2);
  });

  test("refuses a workload that does not exist", async () => {
    await using it = await sleeper();
    await expect(it.startWorker({ workloads: ["defualt"] })).rejects.toThrow(
      'app "duckling" has no workload "defualt"; did you mean default?',
    );
  });

  test("refuses a workload that no task names, unless calls choose it", async () => {
    const define = (app: App) => ({ sleeps: app.task("sleeps", () => {}) });
    const start = async (byCall: boolean) => {
      const workloads = { default: onFargate({ work: "io" }), spare: onFargate({ work: "io", byCall }) };
      await using it = await memoryApp(define, { workloads, worker: false });
      const { worker } = await it.startWorker();
      return worker.description.workloads.map(({ name }) => name);
    };
    await expect(start(false)).rejects.toMatchObject({
      code: "LOVAGE_STARTUP_FAILED",
      message: expect.stringContaining('no task of app "duckling" names workload "spare"'),
    });
    expect(await start(true)).toEqual(["default", "spare"]);
  });

  test("says what it serves", async () => {
    await using it = await sleeper();
    const { worker } = await it.startWorker({ concurrency: 3 });
    expect(worker.description).toMatchObject({
      app: "duckling",
      broker: "memory",
      deadLetters: true,
      workloads: [
        { name: "default", queue: "duckling-default", work: "io", concurrency: 3, inHandAtMost: 3, tasks: ["sleeps"] },
      ],
    });
  });
});
