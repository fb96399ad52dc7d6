// Bounds on waiting: for one answer, and for one call with its repetitions.
import type { Clock } from "../clock.ts";
import { backoff } from "../core/retry.ts";
import type { Refusal } from "./to-error.ts";

const FIRST_PAUSE_SECONDS = 0.05;
const LONGEST_PAUSE_SECONDS = 2;

/** Milliseconds before the next try: exponential with full jitter. `random` is uniform in [0, 1). */
export function pauseMs(tried: number, random: number): number {
  return backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, tried) * 1_000 * random;
}

/** Rejects after `ms`, whether or not `work` minds its signal. */
export async function within<T>(ms: number, clock: Clock, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const { promise: over, reject } = Promise.withResolvers<never>();
  const cancel = clock.timer(ms, () => {
    const error = Object.assign(new Error(`no answer within ${Math.ceil(ms)} ms`), { name: "TimeoutError" });
    reject(error);
    abort.abort(error);
  });
  try {
    return await Promise.race([work(abort.signal), over]);
  } finally {
    cancel();
  }
}

/** Repeats `work` while its failures may pass and the deadline has not. */
export async function persist<T>(
  ms: number,
  clock: Clock,
  work: (signal: AbortSignal) => Promise<T>,
  translate: (cause: unknown) => Promise<Refusal>,
): Promise<T> {
  const until = clock.monotonic() + ms;
  for (let tried = 0; ; tried++) {
    try {
      return await within(until - clock.monotonic(), clock, work);
    } catch (cause) {
      const { error, retryable } = await translate(cause);
      const pause = pauseMs(tried, clock.random());
      if (!retryable || clock.monotonic() + pause >= until) throw error;
      await clock.sleep(pause);
    }
  }
}
