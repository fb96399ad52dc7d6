// The failures of an app, newest first, without reading its table: what the index of store/table.ts holds of each, under which
// key, and what may be asked of it. A record is in the index from its FAILURE on, until it is forgotten or its time to live is over.
//
//   failed_on   partition key: "2026-11-21#3", the UTC day and one of eight shards of the id
//   ended_at    sort key, epoch ms
import { FAILURE_SUMMARY_LENGTH, FAILURES_INDEX, RECORD_LIFETIME_MS } from "../defaults.ts";
import type { Failure, TaskRecord } from "./record.ts";

/** What a list needs to show of one. `failure` and `body` are in its record only. */
export interface FailureSummary {
  readonly id: string;
  readonly task?: string;
  readonly workload?: string;
  /** Which run failed: 0 for the first. */
  readonly attempt: number;
  readonly errorType: string;
  /** One line of at most FAILURE_SUMMARY_LENGTH characters. */
  readonly errorMessage: string;
  /** Epoch ms. */
  readonly endedAt: number;
  /** Times it was sent again. */
  readonly redrives: number;
}

/** All that is stated must hold. */
export interface FailureQuery {
  /** Epoch ms, inclusive. @default - 15 days ago, which is how long a record is kept at least */
  readonly since?: number;
  /** Epoch ms, inclusive. @default - no end */
  readonly until?: number;
  readonly task?: string;
  /** Class name of the error. */
  readonly errorType?: string;
  readonly workload?: string;
  /** At most so many. @default - all */
  readonly limit?: number;
}

const DAY_MS = 86_400_000;
const { shards } = FAILURES_INDEX;

const dayOf = (epochMs: number) => new Date(epochMs).toISOString().slice(0, 10);

/** FNV-1a over the id: ids of one moment differ in their last characters, and chosen ones anywhere. */
function shardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}

/** Where a failure is listed. */
export function failurePartition(id: string, endedAt: number): string {
  return `${dayOf(endedAt)}#${shardOf(id)}`;
}

/** Every partition of the days from `until` back to `since`, day by day. */
export function* failurePartitions(since: number, until: number): Generator<readonly string[]> {
  const first = Math.floor(since / DAY_MS);
  for (let day = Math.floor(until / DAY_MS); day >= first; day--) {
    yield Array.from({ length: shards }, (_, shard) => `${dayOf(day * DAY_MS)}#${shard}`);
  }
}

/** Epoch ms. */
export function oldestAsked({ since }: FailureQuery, now: number): number {
  return since ?? now - RECORD_LIFETIME_MS;
}

/** What a FAILURE writes beside itself, so that it is listed. */
export function listing(id: string, { type, message }: Failure, endedAt: number) {
  return { failedOn: failurePartition(id, endedAt), errorType: type, errorMessage: oneLine(message) };
}

/** Undefined where it is not listed: it did not fail, was forgotten, or an older version recorded it. */
export function summaryOf(record: TaskRecord): FailureSummary | undefined {
  const { id, task, workload, attempt, failedOn, endedAt, errorType, errorMessage, redrives } = record;
  if (failedOn === undefined || endedAt === undefined) return undefined;
  return {
    id,
    ...(task !== undefined && { task }),
    ...(workload !== undefined && { workload }),
    attempt,
    errorType: errorType ?? "",
    errorMessage: errorMessage ?? "",
    endedAt,
    redrives: redrives ?? 0,
  };
}

export function isAskedFor(summary: FailureSummary, query: FailureQuery, now: number): boolean {
  return (
    summary.endedAt >= oldestAsked(query, now) &&
    (query.until === undefined || summary.endedAt <= query.until) &&
    (query.task === undefined || summary.task === query.task) &&
    (query.errorType === undefined || summary.errorType === query.errorType) &&
    (query.workload === undefined || summary.workload === query.workload)
  );
}

function oneLine(message: string): string {
  const text = message
    .slice(0, 4 * FAILURE_SUMMARY_LENGTH)
    .replace(/\s+/g, " ")
    .trim();
  if (text.length <= FAILURE_SUMMARY_LENGTH) return text.toWellFormed();
  return `${text.slice(0, FAILURE_SUMMARY_LENGTH - 1).replace(/[\ud800-\udbff]$/, "")}…`.toWellFormed();
}
