import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { testBroker } from "./broker.ts";
import { testResultStore } from "./result-store.ts";

testBroker("MemoryBroker", async () => {
  const clock = new FakeClock();
  const broker = new MemoryBroker(clock, [
    { name: "queue", deadLetter: "queue-dead", maxReceiveCount: 3 },
    { name: "queue-dead" },
  ]);
  return {
    broker,
    queue: "queue",
    deadLetter: "queue-dead",
    maxReceiveCount: 3,
    advance: (ms) => clock.advance(ms),
    sendRequests: () => Number.NaN,
    [Symbol.asyncDispose]: () => broker.close(),
  };
}, [{ test: "25 messages sent together take 3 requests", reason: "memory makes no requests" }]);

testResultStore("MemoryResultStore", async () => {
  const clock = new FakeClock();
  const store = new MemoryResultStore({ clock });
  return {
    store,
    now: () => clock.now(),
    withoutTable: () => store,
    [Symbol.asyncDispose]: () => store.close(),
  };
}, [{ test: "a table that does not exist is named by every call", reason: "memory has no table to miss" }]);
