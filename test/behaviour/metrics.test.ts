// LOVAGE_METRICS: what workers report of their tasks, as lines of CloudWatch's embedded metric format.
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { type App, createApp } from "../../lib/app.ts";
import { Ignore, InvalidOption, Reject } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { encode } from "../../lib/wire/envelope.ts";
import { createLambdaHandler } from "../../lib/worker/lambda.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";
import { emfLines, members, sum } from "../support/emf-lines.ts";
import { DEAD, memoryApp, QUEUE } from "../support/memory-app.ts";
import { envelopeOf } from "../support/messages.ts";

const define = (app: App) => ({
  add: app.task("add", (x: number, y: number) => x + y),
  slow: app.task("slow", { bind: true }, (ctx, seconds: number) => ctx.sleep(seconds)),
  fail: app.task("fail", () => {
    throw new RangeError("no good");
  }),
  flaky: app.task("flaky", { bind: true }, (ctx) => {
    if (ctx.retries < 2) ctx.retry({ countdown: "10s" });
  }),
  ignore: app.task("ignore", () => {
    throw new Ignore();
  }),
  reject: app.task("reject", () => {
    throw new Reject();
  }),
});

describe("a worker that runs for long", () => {
  test("writes what each task did, every minute and at its end", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    const worker = await it.startWorker();
    await it.settle(await it.tasks.slow.delay(5), await it.tasks.add.delay(1, 2), await it.tasks.fail.delay());
    expect(lines).toEqual([]);
    await it.advance(60);
    expect(lines.map(members)).toEqual(
      expect.arrayContaining([
        { Workload: "default", Task: "slow", Duration: [5_000], QueueLatency: [expect.any(Number)], Successes: 1 },
        { Workload: "default", Task: "add", Duration: [0], QueueLatency: [expect.any(Number)], Successes: 1 },
        { Workload: "default", Task: "fail", Duration: [0], QueueLatency: [expect.any(Number)], Failures: 1 },
      ]),
    );
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatchObject({ App: "duckling", _aws: { Timestamp: expect.any(Number) } });

    await it.settle(await it.tasks.add.delay(1, 2));
    expect(lines).toHaveLength(3);
    await worker.stop();
    expect(lines.slice(3).map(members)).toMatchObject([{ Task: "add", Successes: 1 }]);
  });

  test("writes nothing where nothing happened, and nothing after its end", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    const worker = await it.startWorker();
    await it.advance(300);
    await it.settle(await it.tasks.add.delay(1, 2));
    await worker.stop();
    expect(lines).toHaveLength(1);
    await it.advance(300);
    expect(lines).toHaveLength(1);
  });

  test("counts a retry as one, each run with its own duration, and its pause as no latency", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    const worker = await it.startWorker();
    await it.settle(await it.tasks.flaky.delay());
    await worker.stop();
    expect([sum(lines, "Retries"), sum(lines, "Successes"), sum(lines, "Failures")]).toEqual([2, 1, 0]);
    const latencies = lines.flatMap(({ QueueLatency }) => QueueLatency as number[]);
    expect(latencies).toHaveLength(3);
    expect(Math.max(...latencies)).toBeLessThan(10_000);
  });

  test("measures how long a message waited, less the delay that was wished for", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    await it.tasks.add.delay(1, 2);
    await it.tasks.add.applyAsync([1, 2], { countdown: "20s" });
    await it.advance(30);
    const worker = await it.startWorker();
    await it.advance(1);
    await worker.stop();
    expect(lines.map(({ QueueLatency }) => QueueLatency)).toEqual([[30_000, 10_000]]);
  });

  test("counts a duplicate delivery and a claim that was lost as nothing", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    const worker = await it.startWorker();
    const result = await it.tasks.slow.delay(20);
    await it.duplicate();
    await it.advance(1);
    await it.duplicate();
    await it.settle(result);
    await it.send(encode(envelopeOf({ id: result.id, task: "slow", args: [20] }), QUEUE));
    await it.advance(30);

    const lost = await it.tasks.slow.delay(10);
    await it.advance(1);
    const records = it.store.records as Map<string, TaskRecord>; // it is one
    records.set(lost.id, { ...(it.record(lost) as TaskRecord), token: "somebody else's" });
    await it.advance(20);
    await worker.stop();
    expect(lines.map(members)).toMatchObject([{ Task: "slow", Duration: [20_000], Successes: 1 }]);
    expect(lines[0]).not.toHaveProperty("Failures");
  });

  test("counts Reject as a failure, Ignore and a revoke as nothing", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    const revoked = await it.tasks.add.delay(1, 1);
    await revoked.revoke();
    const worker = await it.startWorker();
    await it.settle(await it.tasks.reject.delay(), await it.tasks.ignore.delay());
    await it.advance(5);
    await worker.stop();
    expect(lines.map(members)).toMatchObject([{ Task: "reject", Failures: 1 }]);
  });

  test("puts at most 100 values into a line, and loses none", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    for (let i = 0; i < 250; i++) await it.tasks.add.delay(i, i);
    const worker = await it.startWorker();
    await it.until("all have run", () => it.messages().length === 0);
    expect(lines.map(({ Duration }) => (Duration as number[]).length)).toEqual([100, 100]);
    await worker.stop();
    expect(lines.map(({ Duration }) => (Duration as number[]).length)).toEqual([100, 100, 50]);
    expect(lines.map(({ QueueLatency }) => (QueueLatency as number[]).length)).toEqual([100, 100, 50]);
    expect(sum(lines, "Successes")).toBe(250);
  });

  test("names a flood of unknown tasks with one value, and what can be read of no message with it too", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    for (let i = 0; i < 40; i++) await it.app.sendTask(`unknown.${i}`);
    await it.send(JSON.stringify({ headers: { id: "x-1", task: "secret-1" }, body: "gASVAAA=" }));
    const worker = await it.startWorker();
    await it.until("all have failed", () => it.broker.bodies(QUEUE).length === 0);
    await worker.stop();
    expect(new Set(lines.map(({ Task }) => Task))).toEqual(new Set(["(not registered)"]));
    expect(sum(lines, "Failures")).toBe(41);
    expect(lines.filter((line) => "Duration" in line)).toEqual([]); // nothing ran
    expect(JSON.stringify(lines)).not.toMatch(/unknown\.\d|x-1|secret/);
  });

  test("counts a dead letter as the failure of its task", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    await it.send(encode(envelopeOf({ id: "dead-1", task: "add", resends: 3 }), DEAD), DEAD);
    const worker = await it.startWorker();
    await it.settle(it.app.result("dead-1"));
    await worker.stop();
    expect(lines.map(members)).toEqual([{ Workload: "default", Task: "add", Failures: 1 }]);
  });

  test("counts a callback that could not be sent as a failure, with no name that came from a message", async () => {
    const lines = emfLines("task");
    await using it = await memoryApp(define, { worker: false });
    const worker = await it.startWorker();
    const callback = (task: string) => {
      const { wire } = it.tasks.add.s(1);
      return { wire: { ...wire, task, options: { queue: "nowhere" } } }; // as a Python producer asks for a queue
    };
    const results = [
      await it.tasks.add.applyAsync([1, 2], { link: callback("add") }),
      await it.tasks.add.applyAsync([1, 2], { link: callback("secret") }),
    ];
    await it.settle(...results);
    await worker.stop();
    expect(lines.map(members)).toMatchObject([
      { Workload: "default", Task: "add", Successes: 2, Failures: 1 },
      { Workload: "default", Task: "(not registered)", Failures: 1 },
    ]);
  });

  test("knows workloads only, where it is told so", async () => {
    const lines = emfLines("workload");
    await using it = await memoryApp(define, { worker: false });
    const worker = await it.startWorker();
    await it.settle(await it.tasks.add.delay(1, 2), await it.tasks.fail.delay());
    await worker.stop();
    expect(lines.map(members)).toMatchObject([{ Workload: "default", Duration: [0, 0], Successes: 1, Failures: 1 }]);
    expect(lines[0]).not.toHaveProperty("Task");
    expect(lines[0]?._aws.CloudWatchMetrics[0]?.Dimensions).toEqual([["App", "Workload"]]);
  });

  test.each(["off", ""] as const)("writes nothing where LOVAGE_METRICS is %j", async (level) => {
    const lines = emfLines(level as "off");
    await using it = await memoryApp(define, { worker: false });
    const worker = await it.startWorker();
    await it.settle(await it.tasks.add.delay(1, 2));
    await it.advance(60);
    await worker.stop();
    expect(lines).toEqual([]);
  });

  test("counts in the worker what ran in a process of its pool, also where that was killed", async () => {
    const lines = emfLines("task");
    const appPath = fileURLToPath(new URL("../fixtures/pool/app.ts", import.meta.url));
    await using it = await memoryApp(
      (app) => ({
        add: app.task("add", (x: number, y: number) => x + y),
        exit: app.task("exit", (_code: number) => {}),
      }),
      { worker: false, workloads: { default: onFargate({ memory: "512MB" }) } },
    );
    const worker = await it.startWorker({ appPath, concurrency: 1 });
    const [added, lost] = [await it.tasks.add.delay(1, 2), await it.tasks.exit.delay(3)];
    await it.advance(0.1);
    const isOver = (state?: string) => state === "SUCCESS" || state === "FAILURE";
    const over = () => [added, lost].every((result) => isOver(it.record(result)?.state));
    await vi.waitFor(async () => expect(await it.advance(0.01).then(over)).toBe(true), { timeout: 20_000 });
    await it.advance(0.1);
    await worker.stop();
    expect(lines.map(members)).toMatchObject([
      { Task: "add", Successes: 1, Duration: [expect.any(Number)] },
      { Task: "exit", Failures: 1, Duration: [expect.any(Number)] },
    ]);
  }, 30_000);
});

describe("a Lambda function", () => {
  test("writes at the end of each invocation", async () => {
    const lines = emfLines("task");
    const clock = new FakeClock();
    const broker = new MemoryBroker(clock, [{ name: "shop-default" }]);
    const store = new MemoryResultStore({ clock });
    const app = createApp("shop", {
      clock,
      logger: silentLogger,
      workloads: { default: onLambda() },
      connect: async () => ({ broker, store, where: async () => ({ broker: "memory", store: "memory" }) }),
    });
    const { add, fail } = define(app);
    const handler = createLambdaHandler(app);
    const invoke = async () => {
      const got = await broker.receive("shop-default", { max: 10, waitSeconds: 0, visibilitySeconds: 360 });
      const Records = got.map(({ messageId, receipt, body, receiveCount, sentAt }) => ({
        messageId,
        receiptHandle: receipt,
        body,
        attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
        eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:shop-default",
      }));
      const context = { awsRequestId: "r", functionName: "worker", getRemainingTimeInMillis: () => 60_000 };
      await handler({ Records }, context);
    };
    await add.delay(1, 2);
    await fail.delay().then(() => clock.advance(1_500));
    await invoke();
    const byTask = lines.map(members).toSorted((a, b) => String(a.Task).localeCompare(String(b.Task)));
    expect(byTask).toMatchObject([
      { Workload: "default", Task: "add", Successes: 1, QueueLatency: [1_500] },
      { Workload: "default", Task: "fail", Failures: 1 },
    ]);
    await add.delay(3, 4);
    await invoke();
    expect(lines.slice(2).map(members)).toMatchObject([{ Task: "add", Successes: 1 }]);
    await invoke();
    expect(lines).toHaveLength(3);
  });
});

test("a level that is none is refused by whoever would report", async () => {
  vi.stubEnv("LOVAGE_METRICS", "tasks");
  const message = 'LOVAGE_METRICS is "tasks"; it takes "task" or "workload" or "off"';
  const refused = expect.objectContaining({ code: "LOVAGE_INVALID_OPTION", message });
  await using it = await memoryApp(define, { worker: false });
  await expect(it.startWorker()).rejects.toEqual(refused);
  expect(() => createLambdaHandler(it.app)).toThrow(InvalidOption);
  vi.unstubAllEnvs();
});
