// A result store that is loaded when it is first used: to send a task takes no DynamoDB, and its SDK is a third of what would
// be loaded for it.
import type { Change } from "../core/changes.ts";
import type { ResultStore, WriteAnswer } from "../ports/result-store.ts";
import type { FailureQuery, FailureSummary } from "../store/failures.ts";
import type { TaskRecord } from "../store/record.ts";

export interface LocatedStore extends ResultStore {
  where(): Promise<string>;
}

export class OnDemandStore implements LocatedStore {
  readonly #load: () => Promise<LocatedStore>;
  #loading: Promise<LocatedStore> | undefined;
  /** Once it is there nothing waits for it any more. */
  #store: LocatedStore | undefined;

  constructor(load: () => Promise<LocatedStore>) {
    this.#load = load;
  }

  async read(id: string): Promise<TaskRecord | undefined> {
    return (this.#store ?? (await this.#open())).read(id);
  }

  async write(change: Change): Promise<WriteAnswer> {
    return (this.#store ?? (await this.#open())).write(change);
  }

  async *failures(query: FailureQuery): AsyncGenerator<FailureSummary> {
    yield* (this.#store ?? (await this.#open())).failures(query);
  }

  async check(): Promise<void> {
    return (this.#store ?? (await this.#open())).check();
  }

  async where(): Promise<string> {
    return (this.#store ?? (await this.#open())).where();
  }

  /** Loads it before its first use. */
  async load(): Promise<void> {
    await this.#open();
  }

  /** What was never used has nothing to close. */
  async close(): Promise<void> {
    await (await this.#loading)?.close();
  }

  async #open(): Promise<LocatedStore> {
    this.#loading ??= this.#load();
    this.#store = await this.#loading;
    return this.#store;
  }
}
