import { describe, expect, test } from "vitest";
import { AccessDenied, BrokerUnavailable, QueueNotFound } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import type { Broker, Delivery, ReceiveOptions } from "../../lib/ports/broker.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { Consumer, type ConsumerOptions, type Handle } from "../../lib/worker/consumer.ts";
import type { ExecuteDeps } from "../../lib/worker/execution.ts";
import { StopSignal } from "../../lib/worker/job.ts";

interface Poll {
  readonly options: ReceiveOptions;
  answer(...messageIds: string[]): void;
  fail(error: Error): void;
}

/** A consumer, a broker that answers when it is told to, and tasks that end when they are told to. */
function consumerOf(overrides: Partial<ConsumerOptions> = {}) {
  const clock = new FakeClock();
  const polls: Poll[] = [];
  const visibility: [string, number][] = [];
  const running = new Map<string, { end: () => void; stop: StopSignal }>();
  let answers = 0;
  let failed = 0;
  let started = 0;
  let changing: () => Promise<void> = async () => {};

  const delivery = (messageId: string): Delivery => ({
    queue: "q",
    messageId,
    receipt: `r-${messageId}`,
    body: "",
    receiveCount: 1,
    sentAt: 0,
  });
  const broker: Pick<Broker, "receive" | "changeVisibility"> = {
    receive: (_queue, options) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly Delivery[]>();
      const done = (settle: () => void) => {
        polls.splice(polls.indexOf(poll), 1);
        settle();
      };
      const poll: Poll = {
        options,
        answer: (...ids) => {
          expect(ids.length).toBeLessThanOrEqual(options.max);
          done(() => resolve(ids.map(delivery)));
        },
        fail: (error) => done(() => reject(error)),
      };
      polls.push(poll);
      expect(polls).toHaveLength(1); // one long poll at a time
      return promise;
    },
    changeVisibility: async ({ messageId }, seconds) => {
      visibility.push([messageId, seconds]);
      await changing();
      return "changed";
    },
  };
  const handle: Handle = (message) => {
    const stop = new StopSignal();
    const { promise, resolve } = Promise.withResolvers<string>();
    const end = () => {
      running.delete(message.messageId);
      resolve("success");
    };
    running.set(message.messageId, { end, stop });
    started++;
    return { delivery: message, stop, done: promise };
  };
  const deps = { broker, store: {}, clock, log: silentLogger } as unknown as ExecuteDeps; // all a consumer uses
  const options = {
    name: "default",
    queue: "q",
    concurrency: 1,
    prefetch: 1,
    waitSeconds: 10,
    visibilitySeconds: 30,
    maxReceiveCount: 8,
  };
  const consumer = new Consumer(
    { ...options, ...overrides },
    deps,
    (news) => (news === "no answer" ? failed++ : answers++),
    handle,
  );
  const ended = { how: "running" };
  const endedBy = (how: string) => {
    ended.how = how;
  };
  const done = consumer.run().then(
    () => endedBy("ended"),
    (error: unknown) => endedBy(String(error)),
  );
  return {
    consumer,
    clock,
    polls,
    visibility,
    running,
    ended,
    done,
    answers: () => answers,
    failed: () => failed,
    started: () => started,
    changeVisibilityWaitsFor: (promise: Promise<void>) => {
      changing = () => promise;
    },
    poll: () => {
      const [poll] = polls;
      if (poll === undefined) throw new Error("no poll is pending");
      return poll;
    },
    settle: () => clock.advance(0),
  };
}

describe("a consumer never has more in hand than slots × prefetch", () => {
  test("batch size 1, concurrency 2: never more than two, whatever waits", async () => {
    const it = consumerOf({ concurrency: 2 });
    let sent = 0;
    let settled = 0;
    let most = 0;
    for (let round = 0; round < 200; round++) {
      const [poll] = it.polls;
      if (poll) {
        expect(poll.options.max).toBeLessThanOrEqual(2 - it.consumer.inHand);
        poll.answer(...Array.from({ length: poll.options.max }, () => `m-${sent++}`)); // as many as it takes: much is waiting
      } else {
        const [next] = it.running.values();
        next?.end();
        settled++;
      }
      await it.settle();
      expect(it.running.size).toBeLessThanOrEqual(2);
      most = Math.max(most, it.consumer.inHand);
    }
    expect(most).toBe(2);
    expect(settled).toBeGreaterThan(90);
  });

  test("it does not poll while its hands are full", async () => {
    const it = consumerOf({ concurrency: 2 });
    it.poll().answer("a", "b");
    await it.settle();
    expect(it.polls).toEqual([]);
    it.running.get("a")?.end();
    await it.settle();
    expect(it.poll().options.max).toBe(1);
  });

  test.each([
    [1, 1, 1],
    [2, 1, 2],
    [3, 2, 6],
    [10, 10, 10],
  ])("concurrency %i, prefetch %i: the first poll asks for %i", (concurrency, prefetch, max) => {
    expect(consumerOf({ concurrency, prefetch }).poll().options).toEqual({
      max,
      waitSeconds: 10,
      visibilitySeconds: 30,
    });
  });

  test("prefetched messages run one by one, in the order they came", async () => {
    const it = consumerOf({ concurrency: 1, prefetch: 3 });
    it.poll().answer("a", "b", "c");
    await it.settle();
    expect(it.consumer.inHand).toBe(3);
    for (const id of ["a", "b", "c"]) {
      expect([...it.running.keys()]).toEqual([id]);
      it.running.get(id)?.end();
      await it.settle();
    }
    expect(it.consumer.inHand).toBe(0);
  });

  test("a poll that returns nothing is followed by the next", async () => {
    const it = consumerOf();
    for (let i = 0; i < 5; i++) {
      it.poll().answer();
      await it.settle();
    }
    expect(it.polls).toHaveLength(1);
    expect(it.answers()).toBe(5);
  });
});

test("an empty queue polled without waiting is polled once a second: each poll is billed", async () => {
  const it = consumerOf({ waitSeconds: 0 });
  let polls = 0;
  for (const until = it.clock.now() + 60_000; it.clock.now() < until; await it.clock.advance(50)) {
    const [poll] = it.polls;
    poll?.answer();
    if (poll) polls++;
  }
  expect(polls).toBeGreaterThanOrEqual(50);
  expect(polls).toBeLessThanOrEqual(60);
});

describe("prefetched messages", () => {
  test("are kept invisible until a slot is free, and not touched afterwards", async () => {
    const it = consumerOf({ concurrency: 1, prefetch: 2, visibilitySeconds: 30 });
    it.poll().answer("a", "b");
    await it.clock.advance(20_000);
    expect(it.visibility).toEqual([
      ["b", 30],
      ["b", 30],
      ["b", 30],
    ]);
    it.running.get("a")?.end();
    await it.settle();
    expect([...it.running.keys()]).toEqual(["b"]);
    await it.clock.advance(60_000);
    expect(it.visibility).toHaveLength(3);
  });

  test("do not start while their last heartbeat is under way", async () => {
    const it = consumerOf({ concurrency: 1, prefetch: 2 });
    it.poll().answer("a", "b");
    const beat = Promise.withResolvers<void>();
    it.changeVisibilityWaitsFor(beat.promise);
    await it.clock.advance(7_000);
    it.running.get("a")?.end();
    await it.settle();
    expect(it.running.size).toBe(0);
    expect(it.consumer.inHand).toBe(1);
    beat.resolve();
    await it.settle();
    expect([...it.running.keys()]).toEqual(["b"]);
  });
});

describe("shutdown", () => {
  test("without work in hand ends once the pending poll has returned", async () => {
    const it = consumerOf();
    it.consumer.stop();
    await it.settle();
    expect(it.ended.how).toBe("running"); // a long poll is never aborted: it may be bringing a message
    it.poll().answer();
    await it.done;
    expect(it.ended.how).toBe("ended");
  });

  test("hands back what the pending poll brings, at visibility 0, and starts none of it", async () => {
    const it = consumerOf({ concurrency: 2 });
    it.consumer.stop();
    it.poll().answer("a", "b");
    await it.done;
    expect(it.visibility).toEqual([
      ["a", 0],
      ["b", 0],
    ]);
    expect(it.started()).toBe(0);
  });

  test("hands back what was prefetched, and waits for what runs", async () => {
    const it = consumerOf({ concurrency: 1, prefetch: 3 });
    it.poll().answer("a", "b", "c");
    await it.settle();
    it.consumer.stop();
    await it.settle();
    expect(it.visibility).toEqual([
      ["b", 0],
      ["c", 0],
    ]);
    expect(it.ended.how).toBe("running");
    it.running.get("a")?.end();
    await it.done;
    expect(it.ended.how).toBe("ended");
  });

  test("has not ended before everything is handed back", async () => {
    const it = consumerOf({ concurrency: 1, prefetch: 2 });
    it.poll().answer("a", "b");
    await it.settle();
    const handedBack = Promise.withResolvers<void>();
    it.changeVisibilityWaitsFor(handedBack.promise);
    it.consumer.stop();
    it.running.get("a")?.end();
    await it.settle();
    expect(it.ended.how).toBe("running");
    handedBack.resolve();
    await it.done;
  });

  test("polls no more, and none of the ends of what runs starts anything", async () => {
    const it = consumerOf({ concurrency: 2 });
    it.poll().answer("a");
    await it.settle();
    it.consumer.stop();
    it.running.get("a")?.end();
    await it.settle();
    it.poll().answer();
    await it.done;
    expect(it.polls).toEqual([]);
  });

  test("wakes a consumer that pauses after an error", async () => {
    const it = consumerOf();
    it.poll().fail(new BrokerUnavailable("down"));
    await it.settle();
    it.consumer.stop();
    await it.done;
    expect(it.ended.how).toBe("ended");
  });

  test("interrupts what still runs when the grace is over", async () => {
    const it = consumerOf({ concurrency: 2 });
    it.poll().answer("a", "b");
    await it.settle();
    it.consumer.stop();
    it.consumer.interrupt();
    expect([...it.running.values()].map(({ stop }) => stop.reason)).toEqual(["shutdown", "shutdown"]);
  });

  test("interrupts also what was about to start when the grace ended", async () => {
    const it = consumerOf({ concurrency: 1, prefetch: 2 });
    it.poll().answer("a", "b");
    const beat = Promise.withResolvers<void>();
    it.changeVisibilityWaitsFor(beat.promise);
    await it.clock.advance(7_000); // the heartbeat of b is under way
    it.running.get("a")?.end();
    await it.settle();
    it.consumer.stop();
    it.consumer.interrupt();
    beat.resolve();
    await it.settle();
    expect([...it.running.values()].map(({ stop }) => stop.reason ?? "runs on")).not.toContain("runs on");
  });

  test("hands a message back even where another cannot be", async () => {
    const it = consumerOf({ concurrency: 2 });
    it.changeVisibilityWaitsFor(Promise.reject(new BrokerUnavailable("down")));
    it.consumer.stop();
    it.poll().answer("a", "b");
    await it.done;
    expect(it.visibility).toHaveLength(2);
    expect(it.ended.how).toBe("ended");
  });
});

describe("receive errors", () => {
  test("back off from half a second to half a minute, and one answer forgets them", async () => {
    const it = consumerOf();
    const pauses: number[] = [];
    for (let i = 0; i < 9; i++) {
      it.poll().fail(new BrokerUnavailable("down"));
      await it.settle();
      const failedAt = it.clock.now();
      while (it.polls.length === 0) await it.clock.advance(500);
      pauses.push((it.clock.now() - failedAt) / 1_000);
    }
    expect(pauses).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30, 30]);
    it.poll().answer();
    await it.settle();
    it.poll().fail(new Error("odd"));
    await it.clock.advance(500);
    expect(it.polls).toHaveLength(1);
    expect([it.answers(), it.failed()]).toEqual([1, 10]);
  });

  test("leave what runs alone", async () => {
    const it = consumerOf({ concurrency: 2 });
    it.poll().answer("a");
    await it.settle();
    it.poll().fail(new BrokerUnavailable("down"));
    await it.clock.advance(500);
    it.poll().answer("b");
    await it.settle();
    expect([...it.running.keys()]).toEqual(["a", "b"]);
  });

  test.each([
    ["QueueNotFound", new QueueNotFound("q", "here")],
    ["AccessDenied", new AccessDenied("no")],
  ])("%s ends it: waiting does not mend that", async (name, error) => {
    const it = consumerOf();
    it.poll().fail(error);
    await expect(it.consumer.broken).rejects.toMatchObject({ name });
    await it.done;
  });
});
