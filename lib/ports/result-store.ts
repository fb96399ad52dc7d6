import type { Change } from "../core/changes.ts";
import type { FailureQuery, FailureSummary } from "../store/failures.ts";
import type { TaskRecord } from "../store/record.ts";

/**
 * What a guarded write came to. A refusal carries the record that refused it, so the caller never has to read
 * (DynamoDB: `ReturnValuesOnConditionCheckFailure=ALL_OLD`).
 */
export type WriteAnswer =
  /** `record`: after a claim, a heartbeat, a report or a forget all of it; after another change at least what the change set. */
  | { readonly applied: true; readonly record: TaskRecord }
  | { readonly applied: false; readonly existing: TaskRecord | undefined };

/**
 * Keeps one record per task id.
 *
 * Contract (test/conformance/result-store.ts runs it on every adapter):
 * - `write` applies a change iff its condition holds, atomically, and answers with the record after it (applied)
 *   or the record that refused it. `existing` is undefined only where the record vanished in between.
 * - `write` may throw StoreUnavailable. Then the write may or may not have happened; a caller that writes again is
 *   told by `existing.token` whether the first one did.
 * - `read` is strongly consistent and returns undefined where there is no record, or where its TTL has passed.
 * - An attribute set to undefined by a change is removed.
 * - `failures` lists what ended as FAILURE and was not forgotten, newest first, those of one millisecond in any order. It reads page by
 *   page as far as it is iterated. On AWS it is an index, which follows the table within a second or so; what is acted on is
 *   read again. Throws IndexNotFound where the table has none.
 */
export interface ResultStore {
  read(id: string): Promise<TaskRecord | undefined>;
  write(change: Change): Promise<WriteAnswer>;
  failures(query: FailureQuery): AsyncIterable<FailureSummary>;
  /** Throws with one clear cause where the store cannot be used (missing table, no permission, unreachable). */
  check(): Promise<void>;
  close(): Promise<void>;
}
