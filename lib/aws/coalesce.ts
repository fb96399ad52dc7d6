// Calls made in the same turn of the event loop share requests. The turn's end is setImmediate's: it comes after everything
// the sockets brought, so ten tasks that end together are acknowledged together, and it is not a timer.
//
//   add ─> pending ─ end of turn, or a request came back ─> batch (count and bytes) ─> attempt ─> each caller's own fate
//                                                                                    └─ again, after a pause, until the deadline
import type { Clock } from "../clock.ts";
import type { LovageError } from "../errors.ts";
import { pauseMs, within } from "./deadline.ts";

/** Taken when the module loads: a test that fakes the global timers would otherwise stop every send. */
const immediately = setImmediate;

/** What one attempt came to for one entry. */
export type Fate<Answer> =
  | { readonly kind: "done"; readonly answer: Answer }
  | { readonly kind: "refused"; readonly error: LovageError }
  /** May go well next time. */
  | { readonly kind: "again"; readonly error: LovageError }
  /** The request was refused as a whole, perhaps for another entry's sake. */
  | { readonly kind: "alone"; readonly error: LovageError };

export interface Batching<Entry, Answer> {
  readonly clock: Clock;
  /** @default - setImmediate */
  readonly endOfTurn?: (callback: () => void) => void;
  readonly maxEntries: number;
  /** Largest sum of bytes in one request. */
  readonly maxBytes: number;
  /** Requests under way at once. */
  readonly maxRequests: number;
  /** How long an entry is tried, counted from the end of its turn or from the latest success, whichever is later. */
  readonly deadlineMs: number;
  /** Sends one request and answers with a fate for each entry, in their order. Rejects only where it was aborted. */
  attempt(entries: readonly Entry[], signal: AbortSignal): Promise<readonly Fate<Answer>[]>;
  /** The error of an entry whose deadline passed without any answer. */
  overdue(cause: unknown): Promise<LovageError>;
}

interface Turn {
  /** Monotonic time of its end. */
  endedAt: number;
}

interface Waiting<Entry, Answer> {
  readonly entry: Entry;
  readonly bytes: number;
  readonly turn: Turn;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

interface Unsettled<Entry, Answer> {
  readonly batch: readonly Waiting<Entry, Answer>[];
  readonly error: LovageError | undefined;
}

export class Coalescer<Entry, Answer> {
  readonly #batching: Batching<Entry, Answer>;
  #pending: Waiting<Entry, Answer>[] = [];
  /** Pending entries before this one have been taken. */
  #head = 0;
  #turn: Turn | undefined;
  #requests = 0;
  /** Start of the first attempt that failed since the latest success. */
  #failingSince: number | undefined;
  #lastError: LovageError | undefined;

  constructor(batching: Batching<Entry, Answer>) {
    this.#batching = batching;
  }

  /** `bytes` is the entry's part of a request's size. Nobody has to await the promise: its rejection then goes unheard, and takes no process down. */
  add(entry: Entry, bytes = 0): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    promise.catch(() => {});
    this.#turn ??= this.#startTurn();
    this.#pending.push({ entry, bytes, turn: this.#turn, resolve, reject });
    return promise;
  }

  #startTurn(): Turn {
    const turn = { endedAt: 0 };
    const { endOfTurn = immediately } = this.#batching;
    endOfTurn(() => {
      turn.endedAt = this.#batching.clock.monotonic();
      this.#turn = undefined;
      this.#dispatch();
    });
    return turn;
  }

  #dispatch(): void {
    while (this.#requests < this.#batching.maxRequests) {
      const batch = this.#take();
      if (batch.length === 0) return;
      this.#requests++;
      void this.#deliver(batch).then(() => {
        this.#requests--;
        this.#dispatch();
      });
    }
  }

  /** The longest run of pending entries whose turn is over and that fit one request. */
  #take(): Waiting<Entry, Answer>[] {
    const { maxEntries, maxBytes } = this.#batching;
    const first = this.#head;
    for (let bytes = 0; this.#head < this.#pending.length && this.#head - first < maxEntries; this.#head++) {
      const waiting = this.#pending[this.#head];
      if (waiting === undefined || waiting.turn === this.#turn) break;
      bytes += waiting.bytes;
      if (bytes > maxBytes && this.#head > first) break;
    }
    const batch = this.#pending.slice(first, this.#head);
    if (this.#head === this.#pending.length) {
      this.#pending = [];
      this.#head = 0;
    } else if (this.#head > 1_000 && this.#head * 2 > this.#pending.length) {
      this.#pending = this.#pending.slice(this.#head);
      this.#head = 0;
    }
    return batch;
  }

  /** Tries until every entry has its fate. Never rejects. */
  async #deliver(batch: readonly Waiting<Entry, Answer>[]): Promise<void> {
    const { clock } = this.#batching;
    const until = this.#deadlineOf(batch);
    let left: Unsettled<Entry, Answer> = { batch, error: this.#lastError };
    for (let tried = 0; left.batch.length > 0; tried++) {
      const pause = tried === 0 ? 0 : pauseMs(tried - 1, clock.random());
      if (left.error !== undefined && clock.monotonic() + pause >= until) {
        for (const { reject } of left.batch) reject(left.error);
        return;
      }
      if (pause > 0) await clock.sleep(pause);
      left = await this.#attempt(left.batch, until);
    }
  }

  #deadlineOf(batch: readonly Waiting<Entry, Answer>[]): number {
    const { clock, deadlineMs } = this.#batching;
    const since = this.#failingSince;
    if (since === undefined) return clock.monotonic() + deadlineMs;
    const endedAt = batch.reduce((earliest, { turn }) => Math.min(earliest, turn.endedAt), Number.POSITIVE_INFINITY);
    return Math.max(since, endedAt) + deadlineMs;
  }

  /** Settles what it can; returns what is to be tried again. */
  async #attempt(batch: readonly Waiting<Entry, Answer>[], until: number): Promise<Unsettled<Entry, Answer>> {
    const { clock, attempt } = this.#batching;
    const startedAt = clock.monotonic();
    const entries = batch.map(({ entry }) => entry);
    const fates = await within(Math.max(1, until - startedAt), clock, (signal) => attempt(entries, signal)).catch(
      async (cause): Promise<Fate<Answer>[]> => {
        const error = await this.#batching.overdue(cause);
        return entries.map(() => ({ kind: "again", error }));
      },
    );
    let error: LovageError | undefined;
    const again: Waiting<Entry, Answer>[] = [];
    const alone: Waiting<Entry, Answer>[] = [];
    for (const [index, waiting] of batch.entries()) {
      const fate = fates[index];
      if (fate === undefined) continue; // `attempt` answers for each entry
      switch (fate.kind) {
        case "done":
          this.#failingSince = undefined;
          this.#lastError = undefined;
          waiting.resolve(fate.answer);
          break;
        case "refused":
          waiting.reject(fate.error);
          break;
        case "again":
          this.#failingSince ??= startedAt;
          this.#lastError = fate.error;
          error = fate.error;
          again.push(waiting);
          break;
        case "alone":
          if (batch.length === 1) waiting.reject(fate.error);
          else alone.push(waiting);
          break;
        default:
          fate satisfies never;
      }
    }
    for (const waiting of alone) await this.#deliver([waiting]);
    return { batch: again, error };
  }
}
