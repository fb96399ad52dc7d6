// Virtual time: nothing waits, everything happens in order, and the same seed gives the same run.
import type { Clock } from "../clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

export interface FakeClockOptions {
  /** Epoch ms at the start. @default 2026-01-01T00:00:00Z */
  readonly start?: number;
  /** Seed of its randomness. @default 1 */
  readonly seed?: number;
}

/** Mulberry32: a small seeded generator, uniform in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class FakeClock implements Clock {
  readonly #start: number;
  readonly #random: () => number;
  #now: number;
  #order = 0;
  #timers: Timer[] = []; // a binary heap, earliest first

  constructor({ start = Date.UTC(2026, 0, 1), seed = 1 }: FakeClockOptions = {}) {
    this.#start = start;
    this.#now = start;
    this.#random = seededRandom(seed);
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  random(): number {
    return this.#random();
  }

  randomBytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#random() * 256);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const cancel = this.timer(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      const abort = () => {
        cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  timer(ms: number, fire: () => void): () => void {
    let live = true;
    this.#push({ at: this.#now + Math.max(0, ms), order: this.#order++, fire: () => live && fire() });
    return () => {
      live = false;
    };
  }

  /** Lets `ms` pass: every timer due until then fires in order, and what it set off settles before the next one does. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (let next = this.#timers[0]; next !== undefined && next.at <= until; next = this.#timers[0]) {
      this.#pop();
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      await settled();
    }
    this.#now = Math.max(this.#now, until); // another advance may have gone further meanwhile
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let i = heap.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (before(heap[parent] as Timer, timer)) break;
      heap[i] = heap[parent] as Timer;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): void {
    const heap = this.#timers;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child++;
      if (before(last, heap[child] as Timer)) break;
      heap[i] = heap[child] as Timer;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Taken when this is loaded: a test runner's fake timers would never fire it. */
const { setImmediate: nextTurn } = globalThis;

/** Resolves when every promise that could settle has settled: microtasks run out before the next macrotask. */
export function settled(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve));
}
