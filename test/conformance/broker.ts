// The contract of a Broker, run on every adapter.
import { describe, expect } from "vitest";
import { SQS } from "../../lib/defaults.ts";
import { InvalidDelay, MessageTooLarge, QueueNotFound } from "../../lib/errors.ts";
import type { Broker, Delivery } from "../../lib/ports/broker.ts";
import { type Skip, suiteOf } from "./suite.ts";

/** A broker with one empty queue and its dead-letter queue. */
export interface BrokerHarness extends AsyncDisposable {
  readonly broker: Broker;
  readonly queue: string;
  readonly deadLetter: string;
  readonly maxReceiveCount: number;
  /** Lets time pass, virtual or real. */
  advance(ms: number): Promise<void>;
  /** Requests that have carried messages to the queue. */
  sendRequests(): number;
}

const LONG = 30;

export function testBroker(adapter: string, start: () => Promise<BrokerHarness>, skips: readonly Skip[] = []): void {
  describe(`${adapter} as a Broker`, () => {
    const { it, complete } = suiteOf(skips);

    it("a message is delivered with its body, and is gone once deleted", async () => {
      await using harness = await start();
      const { broker, queue } = harness;
      await broker.send(queue, { body: '{"x":1}', delaySeconds: 0 });
      const [delivery] = await receive(harness);
      expect(delivery).toMatchObject({ queue, body: '{"x":1}', receiveCount: 1 });
      expect(delivery?.messageId).toMatch(/./);
      expect(Number.isInteger(delivery?.sentAt)).toBe(true);
      await broker.delete(delivery as Delivery);
      expect(await broker.depth(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    });

    it("a delivered message is invisible to others", async () => {
      await using harness = await start();
      await send(harness, "one");
      await receive(harness);
      expect(await receive(harness)).toEqual([]);
    });

    it("a receive takes no more than its maximum", async () => {
      await using harness = await start();
      await Promise.all(["a", "b", "c", "d", "e"].map((body) => send(harness, body)));
      expect((await receive(harness, { max: 3 })).length).toBeLessThanOrEqual(3);
    });

    it("a long poll wakes up for a message", async () => {
      await using harness = await start();
      const polled = receive(harness, { waitSeconds: 10 });
      await send(harness, "wake up");
      expect((await polled).map(({ body }) => body)).toEqual(["wake up"]);
    });

    it("a long poll of an empty queue returns empty", async () => {
      await using harness = await start();
      const [polled] = await Promise.all([receive(harness, { waitSeconds: 1 }), harness.advance(1_000)]);
      expect(polled).toEqual([]);
    });

    it("a message whose visibility is over comes again: same id, new receipt, counted", async () => {
      await using harness = await start();
      await send(harness, "again");
      const [first] = await receive(harness, { visibilitySeconds: 1 });
      const [[second]] = await Promise.all([receive(harness, { waitSeconds: 5 }), harness.advance(1_100)]);
      expect(second).toMatchObject({
        body: "again",
        messageId: first?.messageId,
        receiveCount: 2,
        sentAt: first?.sentAt,
      });
      expect(second?.receipt).not.toBe(first?.receipt);
    });

    it("a visibility of 0 gives the message back at once", async () => {
      await using harness = await start();
      await send(harness, "back");
      const [first] = await receive(harness);
      expect(await harness.broker.changeVisibility(first as Delivery, 0)).toBe("changed");
      expect(await receive(harness, { waitSeconds: 5 })).toMatchObject([{ body: "back", receiveCount: 2 }]);
    });

    it("a visibility can be extended, counted from the change", async () => {
      await using harness = await start();
      await send(harness, "held");
      const [first] = await receive(harness, { visibilitySeconds: 1 });
      expect(await harness.broker.changeVisibility(first as Delivery, LONG)).toBe("changed");
      await harness.advance(1_200);
      expect(await receive(harness)).toEqual([]);
    });

    it("a stale receipt changes no visibility", async () => {
      await using harness = await start();
      await send(harness, "taken over");
      const [first] = await receive(harness);
      await harness.broker.changeVisibility(first as Delivery, 0);
      await receive(harness, { waitSeconds: 5 });
      expect(await harness.broker.changeVisibility(first as Delivery, LONG)).toBe("stale");
    });

    it("a stale receipt deletes nothing, and says nothing", async () => {
      await using harness = await start();
      await send(harness, "taken over");
      const [first] = await receive(harness);
      await harness.broker.changeVisibility(first as Delivery, 0);
      const [second] = await receive(harness, { waitSeconds: 5 });
      await harness.broker.delete(first as Delivery);
      expect(await harness.broker.changeVisibility(second as Delivery, 0)).toBe("changed");
      expect(await receive(harness, { waitSeconds: 5 })).toMatchObject([{ receiveCount: 3 }]);
    });

    it("deleting twice is as good as once", async () => {
      await using harness = await start();
      await send(harness, "one");
      const [delivery] = await receive(harness);
      await harness.broker.delete(delivery as Delivery);
      await harness.broker.delete(delivery as Delivery);
    });

    it("the visibility of a deleted message is stale", async () => {
      await using harness = await start();
      await send(harness, "one");
      const [delivery] = await receive(harness);
      await harness.broker.delete(delivery as Delivery);
      expect(await harness.broker.changeVisibility(delivery as Delivery, LONG)).toBe("stale");
    });

    it("a delayed message comes after its delay", async () => {
      await using harness = await start();
      await harness.broker.send(harness.queue, { body: "later", delaySeconds: 1 });
      expect(await receive(harness)).toEqual([]);
      expect((await harness.broker.depth(harness.queue)).delayed).toBe(1);
      const [polled] = await Promise.all([receive(harness, { waitSeconds: 5 }), harness.advance(1_100)]);
      expect(polled).toMatchObject([{ body: "later", receiveCount: 1 }]);
    });

    it("a delay SQS cannot keep is refused", async () => {
      await using harness = await start();
      for (const delaySeconds of [-1, 0.5, SQS.maxDelaySeconds + 1, Number.NaN]) {
        await expect(harness.broker.send(harness.queue, { body: "x", delaySeconds })).rejects.toThrow(InvalidDelay);
      }
      await harness.broker.send(harness.queue, { body: "x", delaySeconds: SQS.maxDelaySeconds });
    });

    it("a body of 1 MiB is carried, one byte more is refused", async () => {
      await using harness = await start();
      const body = "x".repeat(SQS.maxMessageBytes);
      await expect(send(harness, `${body}x`)).rejects.toThrow(MessageTooLarge);
      await send(harness, body);
      const [delivery] = await receive(harness, { waitSeconds: 5 });
      expect(delivery?.body.length).toBe(body.length);
    });

    it("bodies sent together that do not fit one request all arrive", async () => {
      await using harness = await start();
      const bodies = ["a", "b", "c"].map((letter) => letter.repeat(600_000));
      await Promise.all(bodies.map((body) => send(harness, body)));
      expect(new Set((await drain(harness, 3)).map(({ body }) => body))).toEqual(new Set(bodies));
    });

    it("25 messages sent together all arrive", async () => {
      await using harness = await start();
      const bodies = Array.from({ length: 25 }, (_, index) => `message ${index}`);
      await Promise.all(bodies.map((body) => send(harness, body)));
      const received = (await drain(harness, 25)).map(({ body }) => body);
      expect(received.sort()).toEqual(bodies.sort());
    });

    it("25 messages sent together take 3 requests", async () => {
      await using harness = await start();
      await Promise.all(Array.from({ length: 25 }, (_, index) => send(harness, `message ${index}`)));
      expect(harness.sendRequests()).toBe(3);
    });

    it("one caller's bad message fails no other", async () => {
      await using harness = await start();
      const fates = await Promise.allSettled([
        send(harness, "good"),
        harness.broker.send(harness.queue, { body: "bad", delaySeconds: 1_000 }),
        send(harness, "x".repeat(SQS.maxMessageBytes + 1)),
        send(harness, "good too"),
      ]);
      expect(fates.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
      expect((await drain(harness, 2)).map(({ body }) => body).sort()).toEqual(["good", "good too"]);
    });

    it("concurrent receives share no message", async () => {
      await using harness = await start();
      await Promise.all(Array.from({ length: 40 }, (_, index) => send(harness, String(index))));
      const deliveries = (await Promise.all(Array.from({ length: 5 }, () => receive(harness)))).flat();
      deliveries.push(...(await drain(harness, 40 - deliveries.length)));
      expect(new Set(deliveries.map(({ messageId }) => messageId)).size).toBe(40);
      expect(deliveries).toHaveLength(40);
    });

    it("a message nobody deletes goes to the dead-letter queue", async () => {
      await using harness = await start();
      const { broker, queue, deadLetter, maxReceiveCount } = harness;
      await send(harness, "poison");
      for (let count = 1; count <= maxReceiveCount; count++) {
        const [delivery] = await receive(harness, { waitSeconds: 5 });
        expect(delivery?.receiveCount).toBe(count);
        await broker.changeVisibility(delivery as Delivery, 0);
      }
      expect(await receive(harness)).toEqual([]); // the emulator moves it at this receive
      const dead = await broker.receive(deadLetter, { max: 1, waitSeconds: 5, visibilitySeconds: LONG });
      expect(dead).toMatchObject([{ queue: deadLetter, body: "poison" }]);
      expect(await broker.depth(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    });

    it("the depth tells visible, in flight and delayed apart", async () => {
      await using harness = await start();
      await Promise.all([send(harness, "a"), send(harness, "b"), send(harness, "c")]);
      await harness.broker.send(harness.queue, { body: "d", delaySeconds: 900 });
      await receive(harness, { max: 1 });
      expect(await harness.broker.depth(harness.queue)).toEqual({ visible: 2, inFlight: 1, delayed: 1 });
    });

    it("10,000 escaped characters of all kinds arrive as they were", async () => {
      await using harness = await start();
      const text = "ä€😀\u0000\uffff\ud800".repeat(1_500).slice(0, 10_000);
      const body = JSON.stringify(text).replace(
        /[^ -~]/g,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
      await send(harness, body);
      const [delivery] = await receive(harness, { waitSeconds: 5 });
      expect(JSON.parse(delivery?.body ?? "null")).toBe(text);
    });

    it("a queue that does not exist is named by every call", async () => {
      await using harness = await start();
      const { broker } = harness;
      const missing = `${harness.queue}-missing`;
      const delivery = { queue: missing, messageId: "m", receipt: "r", body: "", receiveCount: 1, sentAt: 0 };
      const calls = [
        broker.send(missing, { body: "x", delaySeconds: 0 }),
        broker.receive(missing, { max: 1, waitSeconds: 0, visibilitySeconds: LONG }),
        broker.delete(delivery),
        broker.changeVisibility(delivery, 0),
        broker.depth(missing),
        broker.check(missing),
      ];
      for (const fate of await Promise.allSettled(calls)) {
        expect(fate).toMatchObject({ status: "rejected", reason: expect.any(QueueNotFound) });
        expect(String((fate as PromiseRejectedResult).reason)).toContain(missing);
      }
    });

    it("check accepts a queue that can be used", async () => {
      await using harness = await start();
      await harness.broker.check(harness.queue);
    });

    it("flush waits for what nobody awaits", async () => {
      await using harness = await start();
      for (let index = 0; index < 30; index++) void send(harness, String(index));
      await harness.broker.flush();
      expect((await harness.broker.depth(harness.queue)).visible).toBe(30);
    });

    complete();
  });
}

function send({ broker, queue }: BrokerHarness, body: string): Promise<void> {
  return broker.send(queue, { body, delaySeconds: 0 });
}

function receive(
  { broker, queue }: BrokerHarness,
  { max = 10, waitSeconds = 0, visibilitySeconds = LONG } = {},
): Promise<readonly Delivery[]> {
  return broker.receive(queue, { max, waitSeconds, visibilitySeconds });
}

/** Receives until `count` deliveries have come. The test's own timeout bounds it. */
async function drain(harness: BrokerHarness, count: number): Promise<readonly Delivery[]> {
  const deliveries: Delivery[] = [];
  while (deliveries.length < count) deliveries.push(...(await receive(harness, { waitSeconds: 1 })));
  return deliveries;
}
