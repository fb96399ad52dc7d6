// What a task id tells, in any process, from its record and the id itself. Read-only: a reader never ends a task.
import { CLOCK_SKEW_MS, MESSAGE_LIFETIME_MS } from "../defaults.ts";
import type { StoredState, TaskRecord } from "../store/record.ts";
import type { Certificate } from "./ids.ts";

/**
 * - UNKNOWN   no record, and this app did not make the id
 * - PENDING   sent, not started
 * - STARTED   running, and its worker's lease is live
 * - STALLED   its worker stopped renewing the lease: killed, cut off or paused. Runs again at the next delivery, or is
 *             ended by the dead-letter consumer
 * - RETRY     will run again
 * - SUCCESS, FAILURE, REVOKED   ended, for good
 * - LOST      older than any message lives and never ended: nobody consumed it in time
 * - (REPLACED: stored, and never told. Another task ends in its place, and is asked instead: replacement.ts)
 * - UNTRACKED sent with `ignoreResult`: nothing is recorded unless it fails
 */
export type State = Exclude<StoredState, "REPLACED"> | "UNKNOWN" | "STALLED" | "LOST" | "UNTRACKED";

export function conclude(record: TaskRecord | undefined, certificate: Certificate, now: number): State {
  if (record === undefined) return concludeFromId(certificate, now);
  switch (record.state) {
    case "PENDING":
      return outlived(record.publishedAt, now) ? "LOST" : "PENDING";
    case "RETRY":
      return outlived(latest(record.retryAt, record.publishedAt), now) ? "LOST" : "RETRY";
    case "STARTED":
      if (outlived(latest(record.leaseUntil, record.publishedAt), now)) return "LOST";
      return now >= (record.leaseUntil ?? 0) + CLOCK_SKEW_MS ? "STALLED" : "STARTED";
    case "REPLACED":
      return "PENDING"; // it has no ending of its own: that of another is still to come, as far as is known here
    default:
      return record.state;
  }
}

function concludeFromId({ genuine, untracked, madeAt }: Certificate, now: number): State {
  if (!genuine) return "UNKNOWN";
  if (untracked) return "UNTRACKED";
  return outlived(madeAt, now) ? "LOST" : "PENDING";
}

/** When its message was due, or its lease ended; or when it was sent anew after that. */
function latest(dueAt: number | undefined, sentAt = 0): number | undefined {
  return dueAt === undefined ? undefined : Math.max(dueAt, sentAt);
}

function outlived(since: number | undefined, now: number): boolean {
  return since !== undefined && now - since > MESSAGE_LIFETIME_MS;
}

/** No further change will come: what `ready()` answers. */
export function isFinal(state: State): boolean {
  return state === "SUCCESS" || state === "FAILURE" || state === "REVOKED" || state === "LOST" || state === "UNTRACKED";
}
