// The whole PayloadStore contract in one Map, on the clock it is given: unit tests and the simulation run on it.
import type { Clock } from "../clock.ts";
import type { PayloadStore } from "../ports/payload-store.ts";
import { keptDays, type Payload, type PayloadRef, tooLarge } from "../store/payload.ts";

const DAY_MS = 86_400_000;

interface Kept {
  readonly json: string;
  readonly until: number;
}

export class MemoryPayloadStore implements PayloadStore {
  readonly #objects = new Map<string, Kept>();
  readonly #clock: Clock;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** Keys of all objects whose time is not over, in the order they were first written: for tests. */
  get keys(): readonly string[] {
    const now = this.#clock.now();
    return [...this.#objects].filter(([, { until }]) => until > now).map(([key]) => key);
  }

  async put({ ref, json }: Payload): Promise<void> {
    this.#objects.set(ref.key, { json, until: this.#clock.now() + keptDays(ref.key) * DAY_MS });
  }

  /** What is there now: for tests. */
  peek({ key }: PayloadRef): string | undefined {
    const kept = this.#objects.get(key);
    return kept !== undefined && kept.until > this.#clock.now() ? kept.json : undefined;
  }

  async get(ref: PayloadRef): Promise<string | undefined> {
    const json = this.peek(ref);
    if (json !== undefined && json.length > ref.bytes) throw tooLarge(ref, json.length);
    return json;
  }

  async delete({ key }: PayloadRef): Promise<void> {
    this.#objects.delete(key);
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {}
}
