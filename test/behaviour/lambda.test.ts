// lovage/lambda: the same execution, fed by an event of Lambda's SQS event source mapping.
import { expect, test } from "vitest";
import { createApp } from "../../lib/app.ts";
import { InvalidOption } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
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
  const handler = createLambdaHandler(app);
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
  return { app, broker, clock, deliver, handler, context };
}

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

test("a queue of nobody's is refused, with the workloads there are", async () => {
  const { handler, context } = lambdaApp();
  const record = {
    messageId: "m",
    receiptHandle: "r",
    body: "{}",
    attributes: { ApproximateReceiveCount: "1", SentTimestamp: "0" },
    eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:other",
  };
  await expect(handler({ Records: [record] }, context)).rejects.toThrow(InvalidOption);
});
