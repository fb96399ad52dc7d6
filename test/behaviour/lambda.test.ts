// lovage/lambda: the same execution, fed by an event of Lambda's SQS event source mapping.
import { describe, expect, test, vi } from "vitest";
import { createApp } from "../../lib/app.ts";
import { InvalidOption, InvocationFailed, RequestRefused, StartupFailed } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { decode } from "../../lib/wire/envelope.ts";
import { createLambdaHandler, type SqsEvent } from "../../lib/worker/lambda.ts";
import { onLambda } from "../../lib/workload.ts";

function lambdaApp() {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock, [{ name: "shop-default" }, { name: "shop-default-dead" }]);
  const store = new MemoryResultStore({ clock });
  const app = createApp("shop", {
    clock,
    logger: silentLogger,
    workloads: { default: onLambda({ timeout: "60s" }) },
    connect: async () => ({ broker, store, where: async () => ({ broker: "memory", store: "memory" }) }),
  });
  let made: ReturnType<typeof createLambdaHandler> | undefined;
  /** Made at the first event: a test defines its tasks first. */
  const handler: typeof made = (...event) => {
    made ??= createLambdaHandler(app);
    return made(...event);
  };
  const context = { awsRequestId: "request-1", functionName: "worker", getRemainingTimeInMillis: () => 60_000 };
  /** Receives as the event source mapping does, and hands the batch to the function. */
  const deliver = async () => {
    const deliveries = await broker.receive("shop-default", { max: 10, waitSeconds: 0, visibilitySeconds: 360 });
    const event: SqsEvent = {
      Records: deliveries.map(({ messageId, receipt, body, receiveCount, sentAt }) => ({
        messageId,
        receiptHandle: receipt,
        body,
        attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
        eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:shop-default",
      })),
    };
    return { event, response: await handler(event, context) };
  };
  return { app, broker, store, clock, deliver, handler, context };
}

const recordOf = (queue: string) => ({
  messageId: "m",
  receiptHandle: "r",
  body: "{}",
  attributes: { ApproximateReceiveCount: "1", SentTimestamp: "0" },
  eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:${queue}`,
});

test("a batch that ran is reported without failures, and leaves the deletes to Lambda", async () => {
  const { app, broker, deliver } = lambdaApp();
  const add = app.task("add", (x: number, y: number) => x + y);
  const results = await Promise.all([add.delay(1, 1), add.delay(2, 2)]);
  const { response } = await deliver();
  expect(response).toEqual({ batchItemFailures: [] });
  expect(await Promise.all(results.map((result) => result.get()))).toEqual([2, 4]);
  expect((await broker.depth("shop-default")).inFlight).toBe(2);
});

test("a task that fails is recorded and done: its message is no failure of the batch", async () => {
  const { app, deliver } = lambdaApp();
  const fail = app.task("fail", () => {
    throw new RangeError("no");
  });
  const result = await fail.delay();
  expect((await deliver()).response).toEqual({ batchItemFailures: [] });
  expect(await result.state()).toBe("FAILURE");
});

test("a duplicate of what another execution runs is reported, and comes back when the lease can be over", async () => {
  const { app, broker, clock, deliver } = lambdaApp();
  const answer = Promise.withResolvers<number>();
  const slow = app.task("slow", () => answer.promise);
  const result = await slow.delay();
  await broker.send("shop-default", { body: broker.bodies("shop-default")[0] ?? "", delaySeconds: 1 });
  const first = deliver();
  await clock.advance(2_000);

  const { event, response } = await deliver();

  expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: event.Records[0]?.messageId }] });
  answer.resolve(7);
  expect((await first).response).toEqual({ batchItemFailures: [] });
  expect(await result.get()).toBe(7);
});

test("the hard limit comes before the function's own end", async () => {
  const { app, clock, deliver } = lambdaApp();
  const hang = app.task("hang", { timeLimit: "10m" }, () => new Promise<void>(() => {}));
  const result = await hang.delay();
  const cut = deliver();
  await clock.advance(58_001);
  expect((await cut).response).toEqual({ batchItemFailures: [] });
  expect(await result.info()).toMatchObject({ state: "FAILURE", failure: { type: "TimeLimitExceeded" } });
});

test("where the function's end cuts the hard limit, the soft one still comes before it: a task can clean up", async () => {
  const { app, clock, deliver } = lambdaApp();
  const tidy = app.task("tidy", { bind: true }, (ctx) => ctx.sleep("10m").catch(() => "cleaned up"));
  const result = await tidy.delay();
  const cut = deliver();
  await clock.advance(57_999); // the hard limit would come at 58 s
  await cut;
  expect(await result.get()).toBe("cleaned up");
});

describe("a record that was received before", () => {
  /** Sends the calls, and has them received once already by an invocation that was killed. */
  async function receivedBefore(it: ReturnType<typeof lambdaApp>) {
    await it.broker.receive("shop-default", { max: 10, waitSeconds: 0, visibilitySeconds: 1 });
    await it.clock.advance(2_000);
  }

  test("runs alone, when those that are new have been settled; the likelier to kill, the later", async () => {
    const it = lambdaApp();
    const log: string[] = [];
    const task = it.app.task("task", async (name: string) => {
      log.push(`${name} starts`);
      await it.clock.sleep(1_000);
      log.push(`${name} ends`);
    });
    await task.delay("twice");
    await receivedBefore(it);
    await task.delay("once");
    await receivedBefore(it);
    await task.delay("new");
    await task.delay("too");
    const delivered = it.deliver();
    await it.clock.advance(10_000);
    expect((await delivered).response).toEqual({ batchItemFailures: [] });
    expect(log.slice(0, 4).sort()).toEqual(["new ends", "new starts", "too ends", "too starts"]);
    expect(log.slice(4)).toEqual(["once starts", "once ends", "twice starts", "twice ends"]);
  });

  test("that kills the process takes no innocent with it: the others are recorded before it starts", async () => {
    const it = lambdaApp();
    const results: { state(): Promise<string> }[] = [];
    const states: string[] = [];
    const task = it.app.task("task", async (name: string) => {
      if (name !== "killer") return;
      for (const result of results) states.push(await result.state());
      await new Promise(() => {}); // the process is gone
    });
    await task.delay("killer");
    await receivedBefore(it);
    for (let i = 0; i < 3; i++) results.push(await task.delay("innocent"));
    void it.deliver();
    await it.clock.advance(1_000);
    expect(states).toEqual(["SUCCESS", "SUCCESS", "SUCCESS"]);
  });

  test("is given back where too little of the function's time is left, and is visible at once", async () => {
    const it = lambdaApp();
    const slow = it.app.task("slow", () => it.clock.sleep(20_000));
    const first = await slow.delay();
    await receivedBefore(it);
    const second = await slow.delay();
    const began = it.clock.now();
    it.context.getRemainingTimeInMillis = () => 60_000 - (it.clock.now() - began);
    const delivered = it.deliver();
    await it.clock.advance(21_000);
    const { event, response } = await delivered;
    expect(await second.state()).toBe("SUCCESS");
    expect(await first.state()).toBe("PENDING");
    expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: event.Records[0]?.messageId }] });
    expect((await it.broker.depth("shop-default")).visible).toBe(1);
  });
});

describe("a back end that is down", () => {
  const down = async () => {
    throw new RequestRefused("the table does not answer");
  };

  test("makes the handler throw where no message could be finished, so that Lambda slows down", async () => {
    const it = lambdaApp();
    const add = it.app.task("add", (x: number, y: number) => x + y);
    const results = [await add.delay(1, 1), await add.delay(2, 2)];
    const write = it.store.write;
    it.store.write = down;
    await expect(it.deliver()).rejects.toThrow(InvocationFailed);
    it.store.write = write;
    await it.clock.advance(5_000);
    expect((await it.deliver()).response).toEqual({ batchItemFailures: [] });
    expect(await Promise.all(results.map((result) => result.get()))).toEqual([2, 4]);
  });

  test("does not, where some could", async () => {
    const it = lambdaApp();
    const add = it.app.task("add", (x: number, y: number) => x + y);
    await add.delay(1, 1);
    const unlucky = await add.delay(2, 2);
    const write = it.store.write.bind(it.store);
    it.store.write = (change) => (change.id === unlucky.id ? down() : write(change));
    const { response } = await it.deliver();
    expect(response.batchItemFailures).toHaveLength(1);
  });
});

test("the last delivery SQS will make is marked in the record", async () => {
  const it = lambdaApp();
  const hang = it.app.task("hang", () => new Promise<void>(() => {}));
  const result = await hang.delay();
  const { maxReceiveCount } = it.app.workloads.default ?? { maxReceiveCount: 0 };
  for (let i = 1; i < maxReceiveCount; i++) {
    await it.broker.receive("shop-default", { max: 10, waitSeconds: 0, visibilitySeconds: 1 });
    await it.clock.advance(2_000);
  }
  void it.deliver();
  await it.clock.advance(100);
  expect(await result.info()).toMatchObject({ state: "STARTED", lastDelivery: true });
});

test("what no worker can read or run is recorded and done", async () => {
  const it = lambdaApp();
  it.app.task("add", (x: number, y: number) => x + y);
  await it.broker.send("shop-default", { body: '{"headers":{"id":"odd","task":"t"}}', delaySeconds: 0 });
  expect((await it.deliver()).response).toEqual({ batchItemFailures: [] });
  expect(await it.app.result("odd").state()).toBe("FAILURE");
});

test("a queue of nobody's is refused, with those that are served", async () => {
  const { app, handler, context } = lambdaApp();
  app.task("add", (x: number, y: number) => x + y);
  const refused = handler({ Records: [recordOf("other")] }, context);
  await expect(refused).rejects.toThrow(InvalidOption);
  await expect(refused).rejects.toThrow('queue "other" belongs to no workload that is served here');
  await expect(refused).rejects.toThrow("its queues are shop-default, shop-default-dead");
});

describe("a handler that could run nothing is refused where it is made", () => {
  test("for an app without tasks, with what to import", () => {
    const { app } = lambdaApp();
    expect(() => createLambdaHandler(app)).toThrow(StartupFailed);
    expect(() => createLambdaHandler(app)).toThrow('such as export * as tasks from "./tasks.ts"');
  });

  test("for a workload that no task of its bundle names, unless it serves others", async () => {
    const app = createApp("shop", { workloads: { default: onLambda(), renders: onLambda() } });
    app.task("add", (x: number, y: number) => x + y);
    expect(() => createLambdaHandler(app)).toThrow('no task of app "shop" names workload "renders"');
    const handler = createLambdaHandler(app, { workloads: ["default"] });
    const event = { Records: [recordOf("shop-renders")] };
    await expect(handler(event, lambdaApp().context)).rejects.toThrow(
      'queue "shop-renders" belongs to no workload that is served here for app "shop"; its queues are shop-default, shop-default-dead',
    );
  });

  test("for an option it does not have", () => {
    const { app } = lambdaApp();
    expect(() => createLambdaHandler(app, { workload: ["default"] } as object)).toThrow("did you mean workloads?");
  });
});

test("what the first message would have loaded is loaded where the handler is made, and a failure leaves that to the message", async () => {
  const loaded: string[] = [];
  const { broker, store } = lambdaApp();
  const app = createApp("shop", {
    logger: silentLogger,
    workloads: { default: onLambda() },
    connect: async () => ({
      broker,
      store,
      where: async () => ({ broker: "memory", store: "memory" }),
      load: async () => {
        loaded.push("back ends");
        throw new RequestRefused("not yet");
      },
    }),
  });
  app.task("add", (x: number, y: number) => x + y);
  const handler = createLambdaHandler(app);
  await vi.waitUntil(() => loaded.length > 0);
  expect(await handler({ Records: [] }, lambdaApp().context)).toEqual({ batchItemFailures: [] });
  expect(loaded).toEqual(["back ends"]);
});

test("hooks that do not end are cut off before the function is: their task's batch is answered for", async () => {
  const { app, clock, store, deliver, context } = lambdaApp();
  const end = clock.now() + 10_000;
  context.getRemainingTimeInMillis = () => end - clock.now();
  const hang = app.task("hang", { onSuccess: () => new Promise<void>(() => {}) }, () => 1);
  const result = await hang.delay();
  let answeredAt: number | undefined;
  const delivered = deliver().finally(() => {
    answeredAt = clock.now();
  });
  await clock.advance(40_000);
  expect((await delivered).response).toEqual({ batchItemFailures: [] });
  expect(answeredAt).toBeLessThan(end);
  expect(store.records.get(result.id)?.state).toBe("SUCCESS");
});

test("what hooks send without awaiting it has left before the function is frozen", async () => {
  const { app, broker, deliver } = lambdaApp();
  const after = app.task("after", () => {});
  const notify = app.task("notify", { onSuccess: () => void after.delay() }, () => 1);
  await notify.delay();
  const sent: string[] = [];
  const { send } = broker;
  broker.send = async (queue, message) => {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    await send.call(broker, queue, message);
    sent.push(decode(message.body).task);
  };
  await deliver();
  expect(sent).toEqual(["after"]);
});
