// What users' tests need (docs/guides/testing.md).

export { type LocalStack, type LocalStackOptions, startLocalStack } from "../local/stack.ts";
export type { ExpectedCall, ExpectedCalls } from "./assert-sent.ts";
export type { LogLine } from "./captured-logger.ts";
export type { FaultOptions } from "./faults.ts";
export type { BrokerFaults, BrokerOperation } from "./faulty-broker.ts";
export type { StoreFaultOptions, StoreFaults, StoreOperation } from "./faulty-store.ts";
export { type InMemoryApp, type InMemoryOptions, inMemory } from "./in-memory.ts";
export type { Ran } from "./ran.ts";
export type { DrainOptions } from "./run-queues.ts";
export type { AnyTask, SentTask, TaskOf } from "./sent.ts";
export type { TestClock } from "./virtual-clock.ts";
