// The whole ResultStore contract in one Map: unit tests, eager mode and the simulation run on it.
import type { Clock } from "../clock.ts";
import { applied, type Change, holds } from "../core/changes.ts";
import type { ResultStore, WriteAnswer } from "../ports/result-store.ts";
import { type FailureQuery, type FailureSummary, isAskedFor, summaryOf } from "../store/failures.ts";
import type { TaskRecord } from "../store/record.ts";

export interface MemoryResultStoreOptions {
  readonly clock: Clock;
  /** Sees every write that was applied, in order. */
  readonly onApplied?: (change: Change, before: TaskRecord | undefined, after: TaskRecord) => void;
}

export class MemoryResultStore implements ResultStore {
  readonly #records = new Map<string, TaskRecord>();
  readonly #options: MemoryResultStoreOptions;

  constructor(options: MemoryResultStoreOptions) {
    this.#options = options;
  }

  /** All records, in the order they were first written. */
  get records(): ReadonlyMap<string, TaskRecord> {
    return this.#records;
  }

  async read(id: string): Promise<TaskRecord | undefined> {
    return this.#live(id);
  }

  async write(change: Change): Promise<WriteAnswer> {
    const before = this.#live(change.id);
    if (!holds(change.when, before)) return { applied: false, existing: before };
    const after = applied(change, before);
    this.#records.set(change.id, after);
    this.#options.onApplied?.(change, before, after);
    return { applied: true, record: after };
  }

  async *failures(query: FailureQuery): AsyncGenerator<FailureSummary> {
    const now = this.#options.clock.now();
    const found: FailureSummary[] = [];
    for (const id of this.#records.keys()) {
      const record = this.#live(id);
      const summary = record && summaryOf(record);
      if (summary !== undefined && isAskedFor(summary, query, now)) found.push(summary);
    }
    yield* found.sort((a, b) => b.endedAt - a.endedAt).slice(0, query.limit);
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {}

  #live(id: string): TaskRecord | undefined {
    const record = this.#records.get(id);
    const expired = record?.expiresAt !== undefined && record.expiresAt <= this.#options.clock.now();
    return expired ? undefined : record;
  }
}
