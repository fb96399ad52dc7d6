// The only home of time and randomness. Everything else takes a Clock, so tests can run it under virtual time.
import { randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";

export interface Clock {
  /** Wall time in epoch milliseconds: to store and to compare with other machines. */
  now(): number;
  /** Milliseconds that never jump: to measure. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts. Keeps the process alive meanwhile. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fire` once after `ms`. Returns a function that cancels it. Does not keep the process alive. */
  timer(ms: number, fire: () => void): () => void;
  /** Uniform in [0, 1). */
  random(): number;
  /** `length` random bytes. */
  randomBytes(length: number): Uint8Array;
}

// Random bytes are drawn in one block: a call into the kernel for every id is the larger part of making one.
const pool = new Uint8Array(8_192);
let poolUsed = pool.length;

function pooledRandomBytes(length: number): Uint8Array {
  if (length > pool.length) return randomFillSync(new Uint8Array(length));
  if (poolUsed + length > pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  poolUsed += length;
  return pool.slice(poolUsed - length, poolUsed);
}

/** A timer of Node's fires at once where it is set for longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** setTimeout for any time. Returns a function that cancels it. */
function after(ms: number, fire: () => void, keepsAlive: boolean): () => void {
  let handle: NodeJS.Timeout;
  const arm = (left: number) => {
    const step = Math.min(left, LONGEST_TIMER_MS);
    handle = setTimeout(() => (left > step ? arm(left - step) : fire()), step);
    if (!keepsAlive) handle.unref();
  };
  arm(ms);
  return () => clearTimeout(handle);
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        cancel();
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const cancel = after(ms, wake, true);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
  timer: (ms, fire) => after(ms, fire, false),
  random: () => Math.random(),
  randomBytes: pooledRandomBytes,
};
