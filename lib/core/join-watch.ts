// Whether a join is still on its way, asked from time to time by one message: the watchdog. Members are counted by their own
// endings, and a count that was missed comes with the redelivery. What the watchdog mends is what nobody redelivers: a member that
// was never consumed, a queue that was emptied by hand, a publisher that never came back.
import { JOINS, MESSAGE_LIFETIME_MS } from "../defaults.ts";
import type { JoinHead } from "../store/join.ts";
import { isTerminal, type TaskRecord } from "../store/record.ts";

export interface Watch {
  readonly head: JoinHead;
  /** Which of its messages this is: 0 for the first. */
  readonly tick: number;
  readonly now: number;
  /** The root is full, or what waits for the join has ended. */
  readonly ended: boolean;
  /** Of the chord, in ms from its publish. @default - none of its own */
  readonly timeoutMs?: number | undefined;
}

export type WatchStep =
  /** Nothing to watch any more. */
  | { readonly kind: "ended" }
  /** Look again in so many seconds. */
  | { readonly kind: "wait"; readonly nextSeconds: number }
  /** Count what has ended and is not counted, then look again. */
  | { readonly kind: "heal"; readonly nextSeconds: number }
  /** No message of a member can be left: whatever has not ended counts as failed. */
  | { readonly kind: "overdue" }
  /** Nor can its publisher come back, and it never said how many members there are: what follows fails. */
  | { readonly kind: "abandoned" }
  /** The chord's own time is over: what follows fails. */
  | { readonly kind: "timed out" };

/**
 * Every join ends within 14 days and an hour of its latest checkpoint, and one look. To heal is to read members, so it is done
 * ever less often: at the first look, and then after twice the time (15 min, 30 min, 1 h, 2 h …), eleven times at most.
 */
export function watch({ head, tick, now, ended, timeoutMs }: Watch): WatchStep {
  if (ended) return { kind: "ended" };
  const timeoutAt = timeoutMs === undefined ? Number.POSITIVE_INFINITY : head.createdAt + timeoutMs;
  if (now >= timeoutAt) return { kind: "timed out" };
  const overdueAt = head.publishedAt + MESSAGE_LIFETIME_MS;
  if (now >= overdueAt) return head.size === undefined ? { kind: "abandoned" } : { kind: "overdue" };
  const nextSeconds = Math.min(JOINS.watchSeconds, Math.ceil((Math.min(timeoutAt, overdueAt) - now) / 1_000));
  return { kind: isPowerOfTwo(tick + 1) ? "heal" : "wait", nextSeconds };
}

function isPowerOfTwo(n: number): boolean {
  return (n & (n - 1)) === 0;
}

/** How a member that nobody has counted is to be counted. Undefined: not yet. */
export function healed(record: TaskRecord | undefined, overdue: boolean): { readonly failed: boolean } | undefined {
  if (record !== undefined && isTerminal(record.state)) return { failed: record.state !== "SUCCESS" };
  return overdue ? { failed: true } : undefined;
}
