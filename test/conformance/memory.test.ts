import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryJoinStore } from "../../lib/memory/join-store.ts";
import { MemoryPayloadStore } from "../../lib/memory/payload-store.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { Broker } from "../../lib/ports/broker.ts";
import type { ResultStore } from "../../lib/ports/result-store.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { FaultyBroker } from "../../lib/testing/faulty-broker.ts";
import { FaultyStore } from "../../lib/testing/faulty-store.ts";
import { testBroker } from "./broker.ts";
import { testJoinStore } from "./join-store.ts";
import { testPayloadStore } from "./payload-store.ts";
import { testResultStore } from "./result-store.ts";

const brokerOf = (wrap: (memory: MemoryBroker, clock: FakeClock) => Broker) => async () => {
  const clock = new FakeClock();
  const broker = wrap(
    new MemoryBroker(clock, [{ name: "queue", deadLetter: "queue-dead", maxReceiveCount: 3 }]),
    clock,
  );
  return {
    broker,
    queue: "queue",
    deadLetter: "queue-dead",
    maxReceiveCount: 3,
    advance: (ms: number) => clock.advance(ms),
    sendRequests: () => Number.NaN,
    [Symbol.asyncDispose]: () => broker.close(),
  };
};

const NO_REQUESTS = [{ test: "25 messages sent together take 3 requests", reason: "memory makes no requests" }];

testBroker(
  "MemoryBroker",
  brokerOf((memory) => memory),
  NO_REQUESTS,
);
testBroker(
  "FaultyBroker, told nothing",
  brokerOf((memory, clock) => new FaultyBroker(memory, clock)),
  NO_REQUESTS,
);
testBroker(
  "FaultyBroker, in any order",
  brokerOf((memory, clock) => {
    const broker = new FaultyBroker(memory, clock);
    broker.reorder(5);
    return broker;
  }),
  NO_REQUESTS,
);

const storeOf = (wrap: (memory: MemoryResultStore, clock: FakeClock) => ResultStore) => async () => {
  const clock = new FakeClock();
  const store = wrap(new MemoryResultStore({ clock }), clock);
  return {
    store,
    now: () => clock.now(),
    withoutTable: () => store,
    [Symbol.asyncDispose]: () => store.close(),
  };
};

const NO_TABLE = [
  { test: "a table that does not exist is named by every call", reason: "memory has no table to miss" },
];

testResultStore(
  "MemoryResultStore",
  storeOf((memory) => memory),
  NO_TABLE,
);
testResultStore(
  "FaultyStore, told nothing",
  storeOf((memory, clock) => new FaultyStore(memory, clock)),
  NO_TABLE,
);

testPayloadStore("MemoryPayloadStore", async () => {
  const clock = new FakeClock();
  const store = new MemoryPayloadStore({ clock });
  return {
    store,
    other: new MemoryPayloadStore({ clock }),
    now: () => clock.now(),
    advance: (days) => clock.advance(days * 86_400_000),
    withoutBucket: () => store,
    [Symbol.asyncDispose]: () => store.close(),
  };
}, [{ test: "a bucket that does not exist is named by every call", reason: "memory has no bucket to miss" }]);

testJoinStore(
  "MemoryJoinStore",
  async () => {
    const clock = new FakeClock();
    const records = new MemoryResultStore({ clock });
    const store = new MemoryJoinStore({ clock, records });
    return {
      store,
      records,
      now: () => clock.now(),
      advance: (ms) => clock.advance(ms),
      withoutTable: () => store,
      [Symbol.asyncDispose]: () => store.close(),
    };
  },
  NO_TABLE,
);
