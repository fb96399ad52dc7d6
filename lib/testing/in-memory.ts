// An app in memory, under a clock that only moves when told: what a user's test works with.
//
//   await using test = inMemory(app);
//
// swaps the app's back ends, clock and logger, and puts them back at the end of the block. The app itself, its tasks and the
// code that imports them stay as they are.
import type { App } from "../app.ts";
import type { Backends } from "../connection.ts";
import { describe } from "../duration.ts";
import { InvalidOption, NotDisposed, NotSupported } from "../errors.ts";
import { queuesOf } from "../local/queues.ts";
import { MemoryBroker } from "../memory/broker.ts";
import { MemoryJoinStore } from "../memory/join-store.ts";
import { MemoryPayloadStore } from "../memory/payload-store.ts";
import { MemoryResultStore } from "../memory/result-store.ts";
import { check, type Rule, whole } from "../options.ts";
import { withOverrides } from "../worker/deps.ts";
import { servedQueues } from "../worker/queues.ts";
import { assertNotSent, assertSent, type ExpectedCall, type ExpectedCalls } from "./assert-sent.ts";
import { capturedLogger, type LogLine } from "./captured-logger.ts";
import { type BrokerFaults, FaultyBroker } from "./faulty-broker.ts";
import { FaultyStore, type StoreFaults } from "./faulty-store.ts";
import type { Ran } from "./ran.ts";
import { type DrainOptions, QueueRunner } from "./run-queues.ts";
import { nameOf, type SentTask, SentTasks, type TaskOf } from "./sent.ts";
import { type TestClock, testClock, VirtualClock } from "./virtual-clock.ts";

export interface InMemoryOptions {
  /** The time it is at first. @default - 2026-01-01T00:00:00Z */
  readonly start?: Date;
  /** Of ids and of jitter: the same seed gives the same run. @default 1 */
  readonly seed?: number;
}

const start: Rule<number> = (value, name) => {
  if (!(value instanceof Date) || !Number.isFinite(value.getTime()))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes a valid Date`);
  return value.getTime();
};

/** Apps in memory, and where each was put there. */
const inMemorySince = new WeakMap<App, string>();

/**
 * Puts an app in memory until it is disposed of: `await using test = inMemory(app)`, or `await test.close()` in `afterEach`.
 * One test at a time: throws NotDisposed where another still has it. Throws InvalidOption.
 */
export function inMemory(app: App, options: InMemoryOptions = {}): InMemoryApp {
  const since = inMemorySince.get(app);
  if (since !== undefined) throw new NotDisposed(app.name, since);
  const test = new InMemoryApp(app, check("inMemory()", options, { start, seed: whole(0) }));
  inMemorySince.set(app, caller());
  return test;
}

export class InMemoryApp implements AsyncDisposable {
  readonly app: App;
  readonly clock: TestClock;
  /** Makes the broker misbehave. */
  readonly broker: BrokerFaults;
  /** Makes the result store misbehave. */
  readonly store: StoreFaults;
  /** What the app and its tasks have logged, from debug on. Nothing is printed. */
  readonly logs: readonly LogLine[];
  readonly #sent: SentTasks;
  readonly #runner: QueueRunner;
  readonly #restore: Disposable;
  #closed = false;

  /** Use `inMemory()`. */
  constructor(app: App, options: { readonly start?: number; readonly seed?: number }) {
    const clock = new VirtualClock(options);
    const queues = servedQueues(app);
    const memory = new MemoryBroker(clock, queuesOf(app));
    const broker = new FaultyBroker(memory, clock, (queue, body) => {
      const served = queues.get(queue);
      if (served?.deadLetter !== undefined) this.#sent.note(body, served.limits.name, clock.now());
    });
    const payloads = app.payloads && new MemoryPayloadStore({ clock });
    this.#sent = new SentTasks((ref) => payloads?.peek(ref));
    const store = new FaultyStore(new MemoryResultStore({ clock }), clock);
    const joins = new MemoryJoinStore({ clock, records: store });
    const lines: LogLine[] = [];
    const logger = capturedLogger(lines);
    const noWorker = async () => {
      throw new NotSupported(`app "${app.name}" is in memory for a test, and drain() runs its tasks; no worker can`);
    };
    const forWorkers = withOverrides(broker, { check: noWorker });
    const backends: Backends = {
      broker: forWorkers,
      store,
      joins: async () => joins,
      ...(payloads && { payloads }),
      where: async () => ({ broker: "memory", store: "memory" }),
    };
    this.app = app;
    this.clock = testClock(clock);
    this.broker = broker;
    this.store = store;
    this.logs = lines;
    this.#restore = app.replace({ clock, logger, connect: async () => backends });
    this.#runner = new QueueRunner(app, memory, { ...backends, broker }, broker, clock, logger);
  }

  /**
   * Runs every task that was sent, its retries, its callbacks and what it sends itself, to the end, passing over countdowns and
   * pauses. Returns what ran, in order. Failures of tasks do not throw: their results tell. @throws NeverIdle, InvalidOption
   */
  async drain(options: DrainOptions = {}): Promise<readonly Ran[]> {
    return this.#runner.drain(options);
  }

  /** The tasks sent so far, in order. */
  get sent(): readonly SentTask[] {
    return this.#sent.all;
  }

  /** The calls of one task, in order. */
  sentTo<A extends readonly unknown[]>(task: TaskOf<A>): readonly SentTask<A>[] {
    const sent: readonly unknown[] = this.#sent.all.filter((one) => one.task === nameOf(task));
    return sent as readonly SentTask<A>[]; // what its delay() took
  }

  /**
   * Throws an AssertionError that says what was sent unless the task was sent like this, `times` times or at least once. Returns
   * the calls that were. @throws InvalidOption
   */
  assertSent<A extends readonly unknown[]>(
    task: TaskOf<A>,
    expected: ExpectedCalls<NoInfer<A>> = {},
  ): readonly SentTask<A>[] {
    const sent: readonly unknown[] = assertSent(this.#sent.all, nameOf(task), expected);
    return sent as readonly SentTask<A>[]; // what its delay() took
  }

  /** Throws an AssertionError if the task was sent, or was sent like this. @throws InvalidOption */
  assertNotSent<A extends readonly unknown[]>(task: TaskOf<A>, expected: ExpectedCall<NoInfer<A>> = {}): void {
    assertNotSent(this.#sent.all, nameOf(task), expected);
  }

  /** Forgets what was sent so far: assertions count from here. */
  clearSent(): void {
    this.#sent.clear();
  }

  /** Gives the app its own back ends, clock and logger back. Messages and results are gone. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.app.flush().catch(() => {}); // a call that failed, as the test may have wanted, is not the next test's
    await this.#runner.close();
    await this.app.closeResources(); // what its tasks opened, as at the end of a worker
    this.#restore[Symbol.dispose]();
    inMemorySince.delete(this.app);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** File and line that called inMemory(). */
function caller(): string {
  const at = new Error().stack?.split("\n")[3]?.trim().replace(/^at /, "");
  return at ?? "an earlier test";
}
