// DynamoDB in memory that misbehaves on command.
import type { Clock } from "../clock.ts";
import type { Change, ChangeKind } from "../core/changes.ts";
import type { Duration } from "../duration.ts";
import { StoreUnavailable } from "../errors.ts";
import { check, text } from "../options.ts";
import type { ResultStore, WriteAnswer } from "../ports/result-store.ts";
import type { FailureQuery, FailureSummary } from "../store/failures.ts";
import type { TaskRecord } from "../store/record.ts";
import { type FaultOptions, Faults, timesOf } from "./faults.ts";

const OPERATIONS = ["read", "write"] as const;
export type StoreOperation = (typeof OPERATIONS)[number];

export interface StoreFaultOptions extends FaultOptions {
  /** Of a write: only where it is this change, such as `"claim"` or `"succeed"`. @default - any */
  readonly change?: ChangeKind;
}

/** What a test can ask of the result store. Every command counts the calls that come after it, and throws InvalidOption. */
export interface StoreFaults {
  /** The next call fails with StoreUnavailable, and nothing happens. */
  failNext(operation: StoreOperation, options?: StoreFaultOptions): void;
  /** The next call does its work, and fails with StoreUnavailable all the same. */
  loseAnswer(operation: StoreOperation, options?: StoreFaultOptions): void;
  /** The next call takes this long, by the test's clock. */
  delayNext(operation: StoreOperation, time: Duration, options?: StoreFaultOptions): void;
  /** Nothing goes wrong any more. */
  recover(): void;
}

export class FaultyStore implements ResultStore, StoreFaults {
  readonly #store: ResultStore;
  readonly #faults: Faults<StoreOperation>;

  constructor(store: ResultStore, clock: Clock) {
    this.#store = store;
    this.#faults = new Faults(clock, OPERATIONS, (message) => new StoreUnavailable(message));
  }

  failNext(operation: StoreOperation, options: StoreFaultOptions = {}): void {
    this.#add("refuse", "failNext()", operation, options);
  }

  loseAnswer(operation: StoreOperation, options: StoreFaultOptions = {}): void {
    this.#add("lose", "loseAnswer()", operation, options);
  }

  delayNext(operation: StoreOperation, time: Duration, options: StoreFaultOptions = {}): void {
    this.#add("delay", "delayNext()", operation, options, time);
  }

  recover(): void {
    this.#faults.clear();
  }

  read(id: string): Promise<TaskRecord | undefined> {
    return this.#faults.around("read", () => this.#store.read(id));
  }

  write(change: Change): Promise<WriteAnswer> {
    return this.#faults.around("write", () => this.#store.write(change), change.kind);
  }

  failures(query: FailureQuery): AsyncIterable<FailureSummary> {
    return this.#store.failures(query);
  }

  check(): Promise<void> {
    return this.#store.check();
  }

  async close(): Promise<void> {}

  #add(
    kind: "refuse" | "lose" | "delay",
    owner: string,
    operation: StoreOperation,
    { change, ...options }: StoreFaultOptions,
    time: Duration = 0,
  ): void {
    const of = change === undefined ? {} : check(owner, { change }, { change: text });
    this.#faults.add(kind, operation, timesOf(owner, options), { time, ...(of.change && { of: of.change }) });
  }
}
