export { type LocalStack, type LocalStackOptions, startLocalStack } from "../local/stack.ts";
export { MemoryBroker, type MemoryQueue } from "../memory/broker.ts";
export { MemoryResultStore } from "../memory/result-store.ts";
export { FakeClock, type FakeClockOptions, seededRandom } from "./fake-clock.ts";
