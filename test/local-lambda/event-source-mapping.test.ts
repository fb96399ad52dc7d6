// The rules of Lambda's SQS event source mapping, one by one, with a made-up function and virtual time.
import { describe, expect, test } from "vitest";
import { BrokerUnavailable, QueueNotFound } from "../../lib/errors.ts";
import { EventSourceMapping, failuresIn, tasksOf } from "../../lib/local/lambda/event-source-mapping.ts";
import { describe as describeResult, type InvocationResult } from "../../lib/local/lambda/sandbox.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import type { Delivery } from "../../lib/ports/broker.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { encode } from "../../lib/wire/envelope.ts";
import { envelopeOf } from "../support/messages.ts";

interface Event {
  readonly Records: readonly {
    readonly messageId: string;
    readonly body: string;
    readonly attributes: Record<string, string>;
  }[];
}
const ok: InvocationResult = { kind: "response", body: '{"batchItemFailures":[]}' };

function mapping(options: { batchSize?: number; maxConcurrency?: number; visibilitySeconds?: number } = {}) {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock, [{ name: "q", deadLetter: "dead", maxReceiveCount: 3 }, { name: "dead" }]);
  const events: Event[] = [];
  const problems: string[] = [];
  const fn = { answer: async (_event: Event): Promise<InvocationResult> => ok };
  const esm = new EventSourceMapping({
    queue: "q",
    batchSize: 10,
    maxConcurrency: 1_000,
    visibilitySeconds: 60,
    ...options,
    broker,
    clock,
    invoke: (text) => {
      const event = JSON.parse(text) as Event;
      events.push(event);
      return fn.answer(event);
    },
    onProblem: (problem) => problems.push(problem),
  });
  const send = async (count: number) => {
    for (let i = 0; i < count; i++) await broker.send("q", { body: `{"n":${i}}`, delaySeconds: 0 });
  };
  const left = async () => (({ visible, inFlight }) => visible + inFlight)(await broker.depth("q"));
  return {
    esm,
    clock,
    broker,
    events,
    problems,
    fn,
    send,
    left,
    sizes: () => events.map(({ Records }) => Records.length),
  };
}

async function running(it: ReturnType<typeof mapping>, body: () => Promise<void>): Promise<void> {
  const ended = it.esm.run();
  await body();
  it.esm.stop();
  await it.clock.advance(120_000);
  await ended;
}

describe("an event source mapping", () => {
  test("invokes with batches of at most its size, and deletes what succeeded", async () => {
    const it = mapping({ batchSize: 4 });
    await it.send(10);
    await running(it, async () => {
      await it.clock.advance(2_000);
      expect(it.sizes()).toEqual([4, 4, 2]);
      expect(await it.left()).toBe(0);
    });
  });

  test("leaves what the response names; it comes back with its visibility, counted", async () => {
    const it = mapping({ visibilitySeconds: 30 });
    it.fn.answer = async ({ Records: [first] }) => ({
      kind: "response",
      body: JSON.stringify({ batchItemFailures: it.events.length === 1 ? [{ itemIdentifier: first?.messageId }] : [] }),
    });
    await it.send(3);
    await running(it, async () => {
      await it.clock.advance(10_000);
      expect(it.sizes()).toEqual([3]);
      expect(await it.left()).toBe(1);
      await it.clock.advance(25_000);
      expect(it.events[1]?.Records[0]?.attributes.ApproximateReceiveCount).toBe("2");
      expect(await it.left()).toBe(0);
    });
  });

  test.each<[string, InvocationResult]>([
    ["an error", { kind: "error", type: "TypeError", message: "no" }],
    ["a timeout", { kind: "timeout" }],
    ["an answer that is no JSON", { kind: "response", body: "ok" }],
    ["an unknown id", { kind: "response", body: '{"batchItemFailures":[{"itemIdentifier":"nobody"}]}' }],
  ])(
    "deletes nothing after %s, says so, and the redrive policy takes the message away in the end",
    async (_, answer) => {
      const it = mapping({ visibilitySeconds: 10 });
      it.fn.answer = async () => answer;
      await it.send(1);
      await running(it, async () => {
        await it.clock.advance(60_000);
        expect(it.events).toHaveLength(3);
        expect(it.problems).toHaveLength(3);
        expect((await it.broker.depth("dead")).visible).toBe(1);
      });
    },
  );

  test("names the tasks that a function failed with, for one that was killed has logged nothing", () => {
    const message = (id: string) => ({ messageId: `m-${id}`, body: encode(envelopeOf({ task: "render", id }), "q") });
    expect(tasksOf([message("a")])).toBe("render a");
    expect(tasksOf([message("a"), { messageId: "m-b", body: "not a task" }])).toBe("render a, message m-b");
    expect(tasksOf(["a", "b", "c", "d", "e"].map(message))).toBe("render a, render b, render c and 2 more");
    const killed = { kind: "out of memory", megabytes: 271, limitMb: 256 } as const;
    expect(describeResult(killed)).toBe("out of memory: used 271 MB of the 256 MB that it has (memory of onLambda())");
  });

  test("tells of a message that could not be deleted, which then comes again, and goes on", async () => {
    const it = mapping({ visibilitySeconds: 10 });
    const remove = it.broker.delete;
    it.broker.delete = async () => {
      it.broker.delete = remove;
      throw new BrokerUnavailable("DeleteMessage failed");
    };
    await it.send(1);
    await running(it, async () => {
      await it.clock.advance(5_000);
      expect(it.problems).toEqual([expect.stringContaining("DeleteMessage failed")]);
      await it.clock.advance(20_000);
      expect(it.events).toHaveLength(2);
      expect(await it.left()).toBe(0);
    });
  });

  test("says that its queue cannot be polled, and polls it again", async () => {
    const it = mapping();
    const { receive } = it.broker;
    let polls = 0;
    it.broker.receive = (...args) =>
      ++polls === 1 ? Promise.reject(new QueueNotFound("q", "memory")) : receive.apply(it.broker, args);
    await it.send(1);
    await running(it, async () => {
      await it.clock.advance(5_000);
      expect(it.problems).toEqual([expect.stringContaining("q cannot be polled: QueueNotFound")]);
      expect(await it.left()).toBe(0);
    });
  });

  test("starts with five batches at a time, grows with a backlog, and stays within its maximum", async () => {
    const it = mapping({ batchSize: 1, maxConcurrency: 8, visibilitySeconds: 600 });
    let most = 0;
    let now = 0;
    it.fn.answer = async () => {
      most = Math.max(most, ++now);
      await it.clock.sleep(4_000);
      now--;
      return ok;
    };
    await it.send(60);
    await running(it, async () => {
      await it.clock.advance(2_000);
      expect(most).toBe(5);
      await it.clock.advance(20_000);
      expect(most).toBe(8);
      await it.clock.advance(60_000);
      expect(await it.left()).toBe(0);
    });
  });

  test("runs fewer at a time after errors of the function", async () => {
    const it = mapping({ batchSize: 1, visibilitySeconds: 600 });
    let now = 0;
    const seen: number[] = [];
    it.fn.answer = async () => {
      const failing = seen.push(++now) <= 5;
      await it.clock.sleep(1_000);
      now--;
      return failing ? { kind: "error", type: "Error", message: "down" } : ok;
    };
    await it.send(12);
    await running(it, async () => {
      await it.clock.advance(30_000);
      expect(seen.slice(0, 6)).toEqual([1, 2, 3, 4, 5, 1]);
      expect(seen).toHaveLength(12);
    });
  });

  test("stops when what runs has ended, and receives no more", async () => {
    const it = mapping({ batchSize: 1 });
    it.fn.answer = async () => {
      await it.clock.sleep(5_000);
      return ok;
    };
    await it.send(1);
    const ended = it.esm.run();
    await it.clock.advance(1_000);
    it.esm.stop();
    await it.clock.advance(2_000); // the poll under way may still bring something
    await it.send(1);
    await it.clock.advance(10_000);
    await ended;
    expect(it.events).toHaveLength(1);
  });
});

test.each<[string, readonly string[] | undefined]>([
  ["", []],
  ["null", []],
  ["{}", []],
  ['{"batchItemFailures":null}', []],
  ['{"batchItemFailures":[{"itemIdentifier":"a"}]}', ["a"]],
  ['{"batchItemFailures":[{"itemIdentifier":""}]}', undefined],
  ['{"batchItemFailures":[{"itemIdentifier":null}]}', undefined],
  ['{"batchItemFailures":[{"id":"a"}]}', undefined],
  ['{"batchItemFailures":[null]}', undefined],
  ['{"batchItemFailures":"a"}', undefined],
  ["done", undefined],
])("the answer %s fails %j", (body, expected) => {
  const batch = [{ messageId: "a" }, { messageId: "b" }] as unknown as readonly Delivery[]; // nothing else of them is looked at
  const failures = failuresIn(body, batch);
  expect(failures && [...failures]).toEqual(expected);
});
