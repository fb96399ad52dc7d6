// Delays on SQS: whole seconds, 15 minutes at most. A longer one hops: it is sent again until it is due.
import { SQS } from "../defaults.ts";

/** DelaySeconds for a message that must not run before `dueAt`: rounded up, so it never comes early, cut at 15 minutes. */
export function delaySeconds(dueAt: number | undefined, now: number): number {
  if (dueAt === undefined || dueAt <= now) return 0;
  return Math.min(SQS.maxDelaySeconds, Math.ceil((dueAt - now) / 1_000));
}
