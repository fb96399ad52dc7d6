// Workers that die or stand still, and the bounds that docs/semantics.md states for them.
import { describe, expect, test, vi } from "vitest";
import { onFargate, onLambda } from "../../lib/workload.ts";
import { BOUNDS } from "../support/bounds.ts";
import { DEAD, memoryApp, QUEUE } from "../support/memory-app.ts";

/** A task that works for as long as it is told, and when its runs began. */
function working(options: Parameters<typeof memoryApp>[1] = {}) {
  const began: number[] = [];
  const called: unknown[] = [];
  return memoryApp(
    (app) => ({
      work: app.task("work", { bind: true, timeLimit: "2h" }, async (ctx, seconds: number) => {
        began.push(app.clock.now());
        await ctx.sleep(seconds);
        return began.length;
      }),
      note: app.task("note", (value: unknown) => void called.push(value)),
    }),
    { worker: false, ...options },
  ).then((it) => Object.assign(it, { began, called }));
}

describe("a worker that is killed", () => {
  test.each([0.1, 3, 6.6, 6.7, 20, 61])(
    "%d s into a task: another one starts it within the visibility timeout, and it reads STARTED, then STALLED",
    async (seconds) => {
      await using it = await working();
      const first = await it.startWorker();
      const result = await it.tasks.work.delay(120);
      await it.advance(seconds);
      first.kill();
      const killedAt = it.clock.now();
      await it.startWorker();
      const states: string[] = [];
      while (it.began.length < 2) {
        const state = await result.state();
        if (state !== states.at(-1)) states.push(state);
        await it.advance(0.1);
      }
      expect(((it.began[1] ?? 0) - killedAt) / 1_000).toBeLessThanOrEqual(BOUNDS.takeover);
      expect(states).toEqual(["STARTED", "STALLED"]);
      expect(await it.settle(result)).toBe("SUCCESS");
      expect(await result.get()).toBe(2);
    },
  );

  test("reads STARTED no longer than its lease and the skew after its last heartbeat", async () => {
    await using it = await working();
    const only = await it.startWorker();
    const result = await it.tasks.work.delay(120);
    await it.advance(0.1);
    only.kill();
    await it.advance(BOUNDS.stalledAfter - 0.2);
    expect(await result.state()).toBe("STARTED");
    await it.advance(0.2);
    expect(await result.state()).toBe("STALLED");
  });

  test("and a duplicate that has met the live lease: it runs again within five minutes", async () => {
    await using it = await working();
    const first = await it.startWorker();
    const result = await it.tasks.work.delay(600);
    await it.advance(1);
    const [body] = it.broker.bodies(QUEUE);
    await it.send(body ?? "");
    await it.startWorker({ deadLetters: false });
    await it.advance(150); // the duplicate has been refused a few times
    // The holder's own message is lost with it: only the duplicate is left.
    const kept = vi.spyOn(it.broker, "changeVisibility");
    await it.advance(10);
    for (const [delivery] of kept.mock.calls) if (delivery.receiveCount === 1) await it.broker.delete(delivery);
    first.kill();
    const killedAt = it.clock.now();
    await it.until("it runs again", () => it.began.length === 2);
    expect((it.began[1] ?? 0) - killedAt).toBeLessThanOrEqual(BOUNDS.refused * 1_000);
    expect(await it.settle(result)).toBe("SUCCESS");
  });

  test("in every delivery: FAILURE(DeadLettered) within the receives its queue allows, error callback once", async () => {
    await using it = await working();
    const result = await it.tasks.work.applyAsync([3_600], { linkError: it.tasks.note.s() });
    const sentAt = it.clock.now();
    for (let before = -1; it.began.length > before; ) {
      before = it.began.length;
      const doomed = await it.startWorker({ deadLetters: false });
      for (let waited = 0; it.began.length === before && waited <= BOUNDS.takeover; waited++) await it.advance(1);
      doomed.kill();
    }
    expect(it.began).toHaveLength(8);
    expect(await result.info()).toMatchObject({ state: "STALLED", lastDelivery: true });
    await it.startWorker();
    await it.settle(result);
    expect((it.clock.now() - sentAt) / 1_000).toBeLessThanOrEqual(BOUNDS.deadLetter + BOUNDS.takeover);
    expect(it.record(result)).toMatchObject({ state: "FAILURE", failure: { type: "DeadLettered" }, runs: 8 });
    await it.until("the error callback has run", () => it.called.length > 0);
    await it.advance(600);
    expect(it.called).toEqual([result.id]);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });

  test("between the record and its hooks tells nobody: hooks are called once at most", async () => {
    const told: string[] = [];
    await using it = await memoryApp(
      (app) => ({
        add: app.task("add", { onSuccess: () => void told.push("success") }, () => 1),
        note: app.task("note", (value: unknown) => void told.push(`called with ${value}`)),
      }),
      { worker: false },
    );
    const first = await it.startWorker();
    first.killBefore("send");
    const result = await it.tasks.add.applyAsync([], { link: it.tasks.note.s() });
    await it.advance(1);
    expect(await result.state()).toBe("SUCCESS");
    await it.startWorker();
    await it.advance(BOUNDS.takeover + 30);
    expect(told).toEqual(["called with 1"]);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });
});

describe("a worker that stands still beyond its lease", () => {
  test("is taken over within the visibility timeout; what it still does is refused, and it hears why", async () => {
    await using it = await working();
    const paused = await it.startWorker();
    const result = await it.tasks.work.applyAsync([60], { link: it.tasks.note.s() });
    await it.advance(10);
    paused.pause();
    const pausedAt = it.clock.now();
    await it.startWorker();
    await it.until("another one runs it", () => it.began.length === 2);
    expect(((it.began[1] ?? 0) - pausedAt) / 1_000).toBeLessThanOrEqual(BOUNDS.takeover);
    await it.advance(40);
    paused.resume(); // its run is long over by its own clock; the other one still works
    await it.advance(5);
    expect(await result.state()).toBe("STARTED");
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(600);
    expect(await result.get()).toBe(2);
    expect(it.record(result)).toMatchObject({ runs: 2 });
    expect(it.began).toHaveLength(2);
    expect(it.called).toEqual([2]);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });

  test("within its lease goes on as if nothing had been", async () => {
    await using it = await working();
    const paused = await it.startWorker();
    await it.startWorker();
    const result = await it.tasks.work.delay(60);
    await it.advance(10);
    paused.pause();
    await it.advance(12);
    paused.resume();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.began).toHaveLength(1);
  });
});

describe("a Lambda function that is killed", () => {
  const lambda = { default: onLambda({ timeout: "60s" }) };

  /** Receives as an event source mapping does, by a sandbox that then dies, or answers and has its messages deleted. */
  async function invoke(it: Awaited<ReturnType<typeof working>>, then: "dies" | "answers") {
    const visibilitySeconds = lambda.default.visibilitySeconds;
    const deliveries = await it.broker.receive(QUEUE, { max: 10, waitSeconds: 0, visibilitySeconds });
    const Records = deliveries.map(({ messageId, receipt, body, receiveCount, sentAt }) => ({
      ...{ messageId, receiptHandle: receipt, body, eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:${QUEUE}` },
      attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
    }));
    const { handler, kill } = it.startFunction();
    const context = { awsRequestId: "r", functionName: "worker", getRemainingTimeInMillis: () => 60_000 };
    const answer = handler({ Records }, context);
    if (then === "dies") {
      await it.advance(1);
      kill();
      return;
    }
    const { batchItemFailures } = await it.during(answer);
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const delivery of deliveries) if (!failed.has(delivery.messageId)) await it.broker.delete(delivery);
  }

  test("with a batch of ten: all read STARTED, then STALLED, and run again after six function timeouts", async () => {
    await using it = await working({ workloads: lambda });
    const results = await Promise.all(Array.from({ length: 10 }, () => it.tasks.work.delay(2)));
    const states = async () => [...new Set(await Promise.all(results.map((result) => result.state())))];
    const receivedAt = it.clock.now();
    await invoke(it, "dies");
    expect(await states()).toEqual(["STARTED"]);
    await it.advance(BOUNDS.lambdaTakeover - 3);
    expect(await states()).toEqual(["STALLED"]);
    expect((await it.broker.depth(QUEUE)).visible).toBe(0);
    await it.until("they are visible", async () => (await it.broker.depth(QUEUE)).visible === 10);
    expect((it.clock.now() - receivedAt) / 1_000).toBeLessThanOrEqual(BOUNDS.lambdaTakeover + 1);
    await invoke(it, "answers");
    expect(await states()).toEqual(["SUCCESS"]);
    expect(it.began).toHaveLength(20);
  });

  test("20 s after its batch was received: a delivery more is needed, within the bound of a refused one", async () => {
    await using it = await working({ workloads: lambda });
    const result = await it.tasks.work.delay(2);
    const [early] = await it.broker.receive(QUEUE, { max: 1, waitSeconds: 0, visibilitySeconds: 340 });
    const again = vi.spyOn(it.broker, "receive").mockImplementationOnce(async () => (early ? [early] : []));
    await invoke(it, "dies");
    again.mockRestore();
    const claimedAt = it.began[0] ?? 0;
    let refused = 0;
    while (!(await result.ready())) {
      await it.until("it is visible", async () => (await it.broker.depth(QUEUE)).visible === 1);
      await invoke(it, "answers");
      if (!(await result.ready())) refused++;
    }
    expect(refused).toBe(1);
    expect(((it.began[1] ?? 0) - claimedAt) / 1_000).toBeLessThanOrEqual(BOUNDS.lambdaTakeover + BOUNDS.refused);
  });

  test("in every delivery: FAILURE(DeadLettered) when the receives its queue allows are over", async () => {
    await using it = await working({ workloads: lambda });
    const result = await it.tasks.work.delay(2);
    const sentAt = it.clock.now();
    for (let kills = 0; kills < 8; kills++) {
      await invoke(it, "dies");
      await it.until("it is visible", async () => (await it.broker.depth(QUEUE)).visible === 1);
    }
    expect(it.began).toHaveLength(8);
    await it.startWorker();
    expect(await it.settle(result)).toBe("FAILURE");
    expect(it.record(result)).toMatchObject({ failure: { type: "DeadLettered" }, runs: 8 });
    expect((it.clock.now() - sentAt) / 1_000).toBeLessThanOrEqual(BOUNDS.lambdaDeadLetter + 10);
  });
});

test("a longer visibility timeout is a longer recovery, by exactly that", async () => {
  await using it = await working({ workloads: { default: onFargate({ work: "io", visibilityTimeout: "2m" }) } });
  const first = await it.startWorker();
  const result = await it.tasks.work.delay(300);
  await it.advance(1);
  first.kill();
  const killedAt = it.clock.now();
  await it.startWorker();
  await it.until("it runs again", () => it.began.length === 2);
  const seconds = ((it.began[1] ?? 0) - killedAt) / 1_000;
  expect(seconds).toBeGreaterThan(110);
  expect(seconds).toBeLessThanOrEqual(120);
  expect(await it.settle(result)).toBe("SUCCESS");
});
