// Every way a record may change, one constructor each. A change is a value: a condition and what to set where it holds.
// The adapters turn it into one conditional write; nothing else ever writes a record. docs/protocol.md has the table.
import { DYNAMODB, JOINS, MAX_KEPT_BODY_BYTES, RECORD_LIFETIME_MS } from "../defaults.ts";
import { listing } from "../store/failures.ts";
import type { PayloadRef } from "../store/payload.ts";
import { type Failure, type StoredState, type TaskRecord, TERMINAL_STATES } from "../store/record.ts";
import type { GroupRef } from "../wire/envelope.ts";
import { type Claim, type Condition, claimable, mayFinish, mayGoOn, NOT_STARTED, type Right } from "./conditions.ts";

export { type Claim, type Clause, type Condition, claimable, holds, type Right } from "./conditions.ts";

export type ChangeKind =
  | "record-pending"
  | "claim"
  | "heartbeat"
  | "report"
  | "succeed"
  | "succeed-waited"
  | "replace"
  | "fail"
  | "revoke"
  | "retry"
  | "request-revoke"
  | "forget"
  | "count-redrive"
  | "note-followed"
  | "resend";

export interface Change {
  readonly kind: ChangeKind;
  readonly id: string;
  readonly when: Condition;
  /** Attributes to write; undefined removes one. */
  readonly set: { readonly [K in keyof TaskRecord]?: TaskRecord[K] | undefined };
  /** Adds one to the record's `runs`. */
  readonly countRun?: true;
}

/** Records a task at its publish, where its id cannot speak for it. Again while PENDING: the publish may be repeated. */
export function recordPending(id: string, task: string, workload: string, now: number): Change {
  return {
    kind: "record-pending",
    id,
    when: [{ absent: true }, { states: ["PENDING"] }],
    set: { state: "PENDING", task, workload, attempt: 0, publishedAt: now, expiresAt: now + RECORD_LIFETIME_MS },
  };
}

/**
 * Notes that the message of an attempt that waits, or whose worker was lost, was sent anew: it may lie in its queue for as long
 * again, and must not read LOST before it is gone. Where there is no record to note it in, `recordPending` does.
 */
export function resend({ id, attempt }: Pick<TaskRecord, "id" | "attempt">, now: number): Change {
  return {
    kind: "resend",
    id,
    when: [{ states: ["RETRY", "STARTED"], attemptAtMost: attempt }],
    set: { publishedAt: now },
  };
}

/**
 * Starts an attempt. What its predecessor left goes, except a request to revoke it: whoever takes over must see that.
 */
export function claim(
  right: Claim,
  now: number,
  lease: { owner: string; until: number; lastDelivery: boolean },
): Change {
  return {
    kind: "claim",
    id: right.id,
    when: claimable(right.attempt, now),
    set: {
      state: "STARTED",
      task: right.task,
      workload: right.workload,
      attempt: right.attempt,
      token: right.token,
      owner: lease.owner,
      leaseUntil: lease.until,
      lastDelivery: lease.lastDelivery || undefined,
      startedAt: now,
      retryAt: undefined,
      retryArgs: undefined,
      meta: undefined,
      customState: undefined,
      failure: undefined,
      expiresAt: undefined,
      ...origin(right),
    },
    countRun: true,
  };
}

/** Absent for all but a redrive: nothing is removed where nothing is. */
function origin({ redrivenFrom }: Claim): Change["set"] {
  return redrivenFrom === undefined ? {} : { redrivenFrom };
}

/** Extends the lease. The answer's record tells whether somebody asked for the task to be revoked. */
export function heartbeat({ id, token }: Claim, leaseUntil: number): Change {
  return { kind: "heartbeat", id, when: [{ states: ["STARTED"], token }], set: { leaseUntil } };
}

/** Progress or a custom state, while the claim holds. */
export function report({ id, token }: Claim, meta: string | undefined, customState: string | undefined): Change {
  return { kind: "report", id, when: [{ states: ["STARTED"], token }], set: { meta, customState } };
}

function ended(right: Right, now: number, state: StoredState): Change["set"] {
  const { claim } = right;
  return {
    state,
    task: claim.task,
    workload: claim.workload,
    attempt: claim.attempt,
    token: claim.token,
    leaseUntil: undefined,
    lastDelivery: undefined,
    retryAt: undefined,
    retryArgs: undefined,
    meta: undefined,
    customState: undefined,
    revokeRequested: undefined,
    endedAt: now,
    ...origin(claim),
  };
}

function endedUnstarted(now: number, resultExpiresSeconds: number) {
  const none = { token: undefined, retryAt: undefined, retryArgs: undefined };
  return { ...none, endedAt: now, ...kept(now, resultExpiresSeconds) };
}

export function kept(now: number, resultExpiresSeconds: number): { resultExpiresAt: number; expiresAt: number } {
  const resultExpiresAt = now + resultExpiresSeconds * 1_000;
  return { resultExpiresAt, expiresAt: Math.max(now + RECORD_LIFETIME_MS, resultExpiresAt) };
}

export function succeed(
  right: Right,
  now: number,
  value: {
    result: string | undefined;
    resultRef?: PayloadRef | undefined;
    ignored: boolean;
    resultExpiresSeconds: number;
  },
): Change {
  return {
    kind: "succeed",
    id: right.claim.id,
    when: mayFinish(right),
    set: {
      ...ended(right, now, "SUCCESS"),
      ...kept(now, value.resultExpiresSeconds),
      result: value.result,
      ...(value.resultRef && { resultRef: value.resultRef }), // nothing ends twice: there is none to remove
      ignored: value.ignored || undefined,
      failure: undefined,
    },
  };
}

/** Ends what waited for `members`, all of which have succeeded: their results are its result. It never had a message. */
export function succeedWaited(
  { id, task, workload }: Pick<TaskRecord, "id" | "task" | "workload">,
  { group, size }: GroupRef,
  now: number,
  resultExpiresSeconds: number,
): Change {
  const ended = endedUnstarted(now, resultExpiresSeconds);
  const named = { ...(task !== undefined && { task }), ...(workload !== undefined && { workload }) };
  const set = { ...named, ...ended, state: "SUCCESS", members: { group, size }, failure: undefined } as const;
  return { kind: "succeed-waited", id, when: NOT_STARTED, set };
}

/** What a task puts in its place. */
export interface Replacement {
  /** Of the unit that ends in its place. */
  readonly id: string;
  /** JSON of its signature. */
  readonly sig: string;
}

/**
 * Ends a task that has put another in its place. Refused where a revoke was asked for: this is its last chance to be seen. Kept for as
 * long as a workflow's parts are: who asks for the task is led on from here.
 */
export function replace(right: Right, now: number, { id, sig }: Replacement, resultExpiresSeconds: number): Change {
  const { expiresAt } = kept(now, resultExpiresSeconds);
  return {
    kind: "replace",
    id: right.claim.id,
    when: mayGoOn(right),
    set: {
      ...ended(right, now, "REPLACED"),
      expiresAt: Math.max(expiresAt, now + JOINS.lifetimeMs),
      replacement: id,
      replacementSig: sig,
      failure: undefined,
    },
  };
}

/** `body`: the message of the attempt that failed. It is kept unless it is too large. */
export function fail(right: Right, now: number, failure: Failure, resultExpiresSeconds: number, body?: string): Change {
  const { id } = right.claim;
  return {
    kind: "fail",
    id,
    when: mayFinish(right),
    set: {
      ...ended(right, now, "FAILURE"),
      ...kept(now, resultExpiresSeconds),
      ...listing(id, failure, now),
      failure,
      body: keptBody(body, failure),
    },
  };
}

/** Room for the other attributes of a failed task, in bytes. */
const OTHERS_BYTES = 16_384;

/** A failure that cannot be written for the message beside it would be no record at all. */
function keptBody(body: string | undefined, failure: Failure): string | undefined {
  if (body === undefined) return undefined;
  const room = DYNAMODB.maxItemBytes - OTHERS_BYTES - Buffer.byteLength(JSON.stringify(failure));
  return Buffer.byteLength(body) <= Math.min(MAX_KEPT_BODY_BYTES, room) ? body : undefined;
}

/** A retry that cannot be written for its failure beside large arguments would be no retry: stack and causes are left out. */
function keptBeside(args: string | undefined, failure: Failure): Failure {
  const room = DYNAMODB.maxItemBytes - OTHERS_BYTES - Buffer.byteLength(args ?? "");
  if (Buffer.byteLength(JSON.stringify(failure)) <= room) return failure;
  return { type: failure.type, message: failure.message };
}

/** Ends a task that nobody holds as FAILURE: what a worker cannot run, or nobody brought to an end (dead letters). */
export function failUnheld(
  claim: Claim,
  now: number,
  failure: Failure,
  resultExpiresSeconds: number,
  body?: string,
): Change {
  const change = fail({ kind: "unclaimed", claim }, now, failure, resultExpiresSeconds, body);
  return { ...change, when: claimable(claim.attempt, now) };
}

/** Ends a running task as REVOKED, by the one who holds it. */
export function revokeHeld(right: Right, now: number, failure: Failure, resultExpiresSeconds: number): Change {
  return {
    kind: "revoke",
    id: right.claim.id,
    when: mayFinish(right),
    set: { ...ended(right, now, "REVOKED"), ...kept(now, resultExpiresSeconds), failure },
  };
}

/** Ends a task that nobody runs as REVOKED: `revoke()`. The token goes: no claim wrote this. */
export function revokeUnstarted(id: string, now: number, failure: Failure, resultExpiresSeconds: number): Change {
  return {
    kind: "revoke",
    id,
    when: NOT_STARTED,
    set: { state: "REVOKED", failure, ...endedUnstarted(now, resultExpiresSeconds) },
  };
}

/** Ends a task as REVOKED instead of starting it, by whoever could have started it: expired, or purged. */
export function revokeUnheld(
  { id, attempt, task, workload }: Claim,
  now: number,
  failure: Failure,
  resultExpiresSeconds: number,
): Change {
  const change = revokeUnstarted(id, now, failure, resultExpiresSeconds);
  return { ...change, when: claimable(attempt, now), set: { ...change.set, task, workload, leaseUntil: undefined } };
}

/** Hands the task to attempt `next` at `retryAt`. Refused where a revoke was asked for: this is its last chance to be seen. */
export function retry(
  right: Right,
  next: { attempt: number; retryAt: number; args: string | undefined; failure: Failure | undefined },
): Change {
  return {
    kind: "retry",
    id: right.claim.id,
    when: mayGoOn(right),
    set: {
      state: "RETRY",
      task: right.claim.task,
      workload: right.claim.workload,
      attempt: next.attempt,
      token: right.claim.token,
      leaseUntil: undefined,
      lastDelivery: undefined,
      retryAt: next.retryAt,
      retryArgs: next.args,
      meta: undefined,
      customState: undefined,
      failure: next.failure && keptBeside(next.args, next.failure),
      expiresAt: undefined,
    },
  };
}

/** Asks whoever runs it to stop. Seen at the next heartbeat, at the latest before a retry. */
export function requestRevoke(id: string, how: "cooperate" | "terminate"): Change {
  return { kind: "request-revoke", id, when: [{ states: ["STARTED"] }], set: { revokeRequested: how } };
}

/**
 * Removes what a terminal record says, and leaves the record: a late duplicate must still find that it ended. Where the
 * value lies elsewhere its reference stays: the object is removed after this, and a second `forget()` can do it again.
 */
export function forget(id: string): Change {
  return {
    kind: "forget",
    id,
    when: [{ states: ["SUCCESS", "FAILURE", "REVOKED"] }],
    set: {
      forgotten: true,
      result: undefined,
      members: undefined,
      failure: undefined,
      meta: undefined,
      body: undefined,
      failedOn: undefined,
      errorType: undefined,
      errorMessage: undefined,
    },
  };
}

/** Notes that a failed task was sent again, after it was. Of two who did so at once, one is counted: they sent the same task. */
export function countRedrive(id: string, redrivesBefore: number): Change {
  return {
    kind: "count-redrive",
    id,
    when: [{ states: ["FAILURE"], redrives: redrivesBefore }],
    set: { redrives: redrivesBefore + 1 },
  };
}

/** Notes that what follows an ending has been sent again, after it was: otherwise each delivery's would be delivered, and so on. */
export function noteFollowed(id: string): Change {
  return { kind: "note-followed", id, when: [{ states: TERMINAL_STATES }], set: { followed: true } };
}

/** The record after a change whose condition holds. */
export function applied(change: Change, record: TaskRecord | undefined): TaskRecord {
  const merged: Record<string, unknown> = { attempt: 0, ...record, id: change.id, ...change.set };
  if (change.countRun) merged.runs = (record?.runs ?? 0) + 1;
  for (const key of Object.keys(merged)) if (merged[key] === undefined) delete merged[key];
  return merged as unknown as TaskRecord; // every key comes from a TaskRecord; the loop only drops absent ones
}
