// Waiting for what is read again and again, through outages too.
import type { Clock } from "./clock.ts";
import { running } from "./context.ts";
import { RESULT_POLL_MS } from "./defaults.ts";
import { type Duration, seconds } from "./duration.ts";
import { PayloadStoreUnavailable, ResultTimeout, StoreUnavailable, WrongContext } from "./errors.ts";

export interface GetOptions {
  /** How long to wait. @default - without end, or until the task reads LOST or UNKNOWN */
  readonly timeout?: Duration;
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
}

/** What one look brought: the value, or else the state of what is waited for. */
export type Look<T> = { readonly value: T } | { readonly state: string };

/** A look's answer, or why there is none. */
type Peek<T> = { readonly value: T } | { readonly state?: string; readonly cause?: unknown };

/**
 * Looks until there is a value; every call of the answer counts from the same beginning. A store that does not answer is asked
 * again until the timeout; without one, for a minute. Throws WrongContext inside a task, InvalidOption. The answer throws ResultTimeout,
 * StoreUnavailable or PayloadStoreUnavailable, the signal's reason, and what a look throws.
 */
export function polling(
  id: string,
  clock: Clock,
  { timeout, signal }: GetOptions,
  what: string,
): <T>(look: () => Promise<Look<T>>) => Promise<T> {
  if (running())
    throw new WrongContext(
      `${what} was called inside a task: it would hold a slot that the task it waits for may need; use link, or read the result later`,
    );
  const limit = timeout === undefined ? Number.POSITIVE_INFINITY : seconds(timeout, `timeout of ${what}`) * 1_000;
  const began = clock.monotonic();
  const left = () => limit - (clock.monotonic() - began);
  return async (look) => {
    let pause: number = RESULT_POLL_MS.first;
    let answered = clock.monotonic();
    for (;;) {
      signal?.throwIfAborted();
      const patience = Math.max(left(), RESULT_POLL_MS.lastLook);
      const seen = await notLaterThan(patience, clock, signal, look().catch(outage));
      if ("value" in seen) return seen.value;
      if (left() <= 0) throw new ResultTimeout(id, seen.state, limit / 1_000, { cause: seen.cause });
      if (seen.state !== undefined) answered = clock.monotonic();
      if (timeout === undefined && clock.monotonic() - answered >= RESULT_POLL_MS.outage) throw seen.cause;
      await clock.sleep(Math.min(pause, left()), signal);
      pause = Math.min(pause * RESULT_POLL_MS.factor, RESULT_POLL_MS.longest);
    }
  };
}

function outage(cause: unknown): { readonly cause: unknown } {
  if (cause instanceof StoreUnavailable || cause instanceof PayloadStoreUnavailable) return { cause };
  throw cause;
}

/** `look`, or nothing known where it takes longer than `ms`. Rejects with the signal's reason when it aborts. */
async function notLaterThan<T>(
  ms: number,
  clock: Clock,
  signal: AbortSignal | undefined,
  look: Promise<Peek<T>>,
): Promise<Peek<T>> {
  const over = Promise.withResolvers<Peek<T>>();
  const cancel = Number.isFinite(ms) ? clock.timer(ms, () => over.resolve({})) : () => {};
  const aborted = () => over.reject(signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  try {
    return await Promise.race([look, over.promise]);
  } finally {
    cancel();
    signal?.removeEventListener("abort", aborted);
  }
}
