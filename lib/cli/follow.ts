// A task's changes as they come, read with the pauses of `AsyncResult.get()`.
import type { Clock } from "../clock.ts";
import { isFinal } from "../core/states.ts";
import { RESULT_POLL_MS } from "../defaults.ts";
import type { AsyncResult, TaskInfo } from "../result.ts";

export interface FollowOptions {
  readonly clock: Clock;
  /** Ends it, quietly. */
  readonly signal: AbortSignal;
  /** Milliseconds. @default - until it has ended */
  readonly limitMs?: number | undefined;
}

/** What is known at first, and again after every change; the last one is final or UNKNOWN, unless the time was over. */
export async function* follow(
  result: AsyncResult,
  { clock, signal, limitMs = Number.POSITIVE_INFINITY }: FollowOptions,
): AsyncGenerator<TaskInfo> {
  const began = clock.monotonic();
  let seen: string | undefined;
  let pause: number = RESULT_POLL_MS.first;
  while (!signal.aborted) {
    const info = await result.info();
    const now = JSON.stringify(info);
    if (now !== seen) {
      seen = now;
      pause = RESULT_POLL_MS.first;
      yield info;
    }
    if (hasEnded(info)) return;
    const left = limitMs - (clock.monotonic() - began);
    if (left <= 0) return;
    await clock.sleep(Math.min(pause, left), signal).catch(() => {}); // the loop's condition sees that
    pause = Math.min(pause * RESULT_POLL_MS.factor, RESULT_POLL_MS.longest);
  }
}

/** Nothing more will come. */
export function hasEnded({ state }: TaskInfo): boolean {
  return isFinal(state) || state === "UNKNOWN";
}
