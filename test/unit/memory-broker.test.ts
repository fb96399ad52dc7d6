// What the in-memory queues can do for tests beyond the port; what they have in common with SQS is in test/conformance.
import { expect, test } from "vitest";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";

const receive = { max: 10, waitSeconds: 0, visibilitySeconds: 30 };

function queues() {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock, [
    { name: "work", deadLetter: "dead", maxReceiveCount: 1, retentionSeconds: 100 },
    { name: "dead", retentionSeconds: 200 },
  ]);
  return { clock, broker };
}

test("a message is gone when its retention has passed, received or not", async () => {
  const { clock, broker } = queues();
  await broker.send("work", { body: "a", delaySeconds: 0 });
  await clock.advance(99_999);
  expect(broker.bodies("work")).toEqual(["a"]);
  await clock.advance(1);
  expect(broker.bodies("work")).toEqual([]);
  expect(await broker.receive("work", receive)).toEqual([]);
});

test("a dead letter's retention counts from its first send", async () => {
  const { clock, broker } = queues();
  await broker.send("work", { body: "a", delaySeconds: 0 });
  expect(await broker.receive("work", receive)).toHaveLength(1);
  await clock.advance(60_000);
  expect(await broker.receive("work", receive)).toEqual([]); // moved
  await clock.advance(139_999);
  expect(broker.bodies("dead")).toEqual(["a"]);
  await clock.advance(1);
  expect(broker.bodies("dead")).toEqual([]);
});

test("a copy comes after a delete, and has the age of the message", async () => {
  const { clock, broker } = queues();
  await broker.send("work", { body: "a", delaySeconds: 0 });
  const [delivery] = await broker.receive("work", receive);
  if (delivery === undefined) throw new Error("there is one");
  await clock.advance(10_000);
  await broker.delete(delivery);
  broker.duplicate(delivery, 5);
  expect(await broker.receive("work", receive)).toEqual([]);
  await clock.advance(5_000);
  expect(await broker.receive("work", receive)).toMatchObject([
    { body: "a", sentAt: delivery.sentAt, receiveCount: 1 },
  ]);
  await clock.advance(85_000);
  expect(broker.bodies("work")).toEqual([]);
});
