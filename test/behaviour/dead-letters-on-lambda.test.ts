// The Lambda handler on a dead-letter queue: what it cannot record stays a message, and the function fails so that alarms ring.
import { expect, test } from "vitest";
import { createApp } from "../../lib/app.ts";
import { InvocationFailed } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { FaultyStore } from "../../lib/testing/faulty-store.ts";
import { encode } from "../../lib/wire/envelope.ts";
import { createLambdaHandler, type SqsEvent } from "../../lib/worker/lambda.ts";
import { onLambda } from "../../lib/workload.ts";
import { envelopeOf } from "../support/messages.ts";

const DEAD = "shop-default-dead";
/** Sent again as often as it may be: its task is to be ended. */
const letter = (id: string) => encode(envelopeOf({ id, task: "charge", resends: 3 }), "shop-default");

function deadLetters() {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock, [{ name: "shop-default" }, { name: DEAD }]);
  const memory = new MemoryResultStore({ clock });
  const store = new FaultyStore(memory, clock);
  const app = createApp("shop", {
    clock,
    logger: silentLogger,
    workloads: { default: onLambda({ timeout: "60s" }) },
    connect: async () => ({ broker, store, where: async () => ({ broker: "memory", store: "memory" }) }),
  });
  app.task("charge", () => {});
  const handler = createLambdaHandler(app);
  /** One invocation, and the deletes that the event source mapping does after it. */
  const invoke = async () => {
    const deliveries = await broker.receive(DEAD, { max: 10, waitSeconds: 0, visibilitySeconds: 360 });
    const event: SqsEvent = {
      Records: deliveries.map(({ messageId, receipt, body, receiveCount, sentAt }) => ({
        messageId,
        receiptHandle: receipt,
        body,
        attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
        eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:${DEAD}`,
      })),
    };
    const context = { awsRequestId: "r", functionName: "dead-letter", getRemainingTimeInMillis: () => 60_000 };
    const answer = handler(event, context);
    answer.catch(() => {}); // it is awaited below, when time has passed
    await clock.advance(30_000);
    const failed = new Set((await answer).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const delivery of deliveries) if (!failed.has(delivery.messageId)) await broker.delete(delivery);
    return failed.size;
  };
  return { broker, clock, memory, store, invoke };
}

test.each(["read", "write"] as const)(
  "where the store cannot %s, the function fails and the messages stay; later they are recorded",
  async (operation) => {
    const { broker, clock, memory, store, invoke } = deadLetters();
    await broker.send(DEAD, { body: letter("t-1"), delaySeconds: 0 });
    await broker.send(DEAD, { body: letter("t-2"), delaySeconds: 0 });
    store.failNext(operation, { times: 100 });
    await expect(invoke()).rejects.toThrow(InvocationFailed);
    expect(broker.bodies(DEAD)).toHaveLength(2);
    expect(memory.records.size).toBe(0);

    store.recover();
    await clock.advance(360_000);
    expect(await invoke()).toBe(0);
    expect(broker.bodies(DEAD)).toEqual([]);
    for (const id of ["t-1", "t-2"])
      expect(memory.records.get(id)).toMatchObject({
        state: "FAILURE",
        failure: { type: "DeadLettered" },
        body: letter(id),
      });
  },
);

test("where one of two cannot be recorded, the other is, and its message alone stays", async () => {
  const { broker, memory, store, invoke } = deadLetters();
  await broker.send(DEAD, { body: letter("t-1"), delaySeconds: 0 });
  await broker.send(DEAD, { body: letter("t-2"), delaySeconds: 0 });
  store.failNext("read");
  expect(await invoke()).toBe(1);
  expect(broker.bodies(DEAD)).toHaveLength(1);
  expect(memory.records.size).toBe(1);
});

test("a message that names no task stays: the alarm on the queue keeps ringing", async () => {
  const { broker, memory, invoke } = deadLetters();
  await broker.send(DEAD, { body: "no task", delaySeconds: 0 });
  expect(await invoke()).toBe(1);
  expect(broker.bodies(DEAD)).toEqual(["no task"]);
  expect(memory.records.size).toBe(0);
});
