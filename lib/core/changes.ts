// Every way a record may change, one constructor each. A change is a value: a condition and what to set where it holds.
// The adapters turn it into one conditional write; nothing else ever writes a record. docs/protocol.md has the table.
import { CLOCK_SKEW_MS, DYNAMODB, MAX_KEPT_BODY_BYTES, RECORD_LIFETIME_MS } from "../defaults.ts";
import { listing } from "../store/failures.ts";
import type { PayloadRef } from "../store/payload.ts";
import type { Failure, StoredState, TaskRecord } from "../store/record.ts";
import type { GroupRef } from "../wire/envelope.ts";

/** All that is stated must hold. */
export interface Clause {
  /** There is no record. Excludes all others. */
  readonly absent?: true;
  readonly states?: readonly StoredState[];
  /** The record's attempt is this or lower. */
  readonly attemptAtMost?: number;
  readonly token?: string;
  /** The lease ended at or before this (epoch ms). */
  readonly leaseOverAt?: number;
  /** Nobody has asked for it to be revoked. */
  readonly notRevokeRequested?: true;
  /** It was redriven this many times. */
  readonly redrives?: number;
}

/** Any one of them must hold. */
export type Condition = readonly Clause[];

export type ChangeKind =
  | "record-pending"
  | "claim"
  | "heartbeat"
  | "report"
  | "succeed"
  | "succeed-waited"
  | "fail"
  | "revoke"
  | "retry"
  | "request-revoke"
  | "forget"
  | "count-redrive"
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

/** The right to finish one attempt of one task. */
export interface Claim {
  readonly id: string;
  readonly task: string;
  readonly workload: string;
  readonly attempt: number;
  /** Random, new for every receive. */
  readonly token: string;
  /** The failed task that this one is a redrive of. @default - it is none */
  readonly redrivenFrom?: string | undefined;
}

/** Who may end a task: the holder of a claim, or (`claim: false`, never started) anybody while nobody has. */
export type Right =
  | { readonly kind: "claimed"; readonly claim: Claim }
  | { readonly kind: "unclaimed"; readonly claim: Claim };

/** Whoever receives attempt `attempt` may start it: nobody has, or the one who had is taken to be dead. */
export function claimable(attempt: number, now: number): Condition {
  return [
    { absent: true },
    { states: ["PENDING"] },
    { states: ["RETRY"], attemptAtMost: attempt },
    { states: ["STARTED"], attemptAtMost: attempt, leaseOverAt: now - CLOCK_SKEW_MS },
  ];
}

function mayFinish({ kind, claim }: Right): Condition {
  if (kind === "claimed") return [{ states: ["STARTED"], token: claim.token }];
  return [{ absent: true }, { states: ["PENDING", "RETRY", "STARTED"], attemptAtMost: claim.attempt }];
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

const NOT_STARTED: Condition = [{ absent: true }, { states: ["PENDING", "RETRY"] }];

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
    when: mayFinish(right).map((clause) => (clause.absent ? clause : { ...clause, notRevokeRequested: true as const })),
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

/** Whether a condition holds for a record. What DynamoDB evaluates on its side; the in-memory adapter calls this. */
export function holds(when: Condition, record: TaskRecord | undefined): boolean {
  return when.some((clause) => clauseHolds(clause, record));
}

function clauseHolds(clause: Clause, record: TaskRecord | undefined): boolean {
  if (record === undefined) return clause.absent === true;
  return (
    clause.absent !== true &&
    (clause.states === undefined || clause.states.includes(record.state)) &&
    (clause.attemptAtMost === undefined || record.attempt <= clause.attemptAtMost) &&
    (clause.token === undefined || record.token === clause.token) &&
    (clause.leaseOverAt === undefined || (record.leaseUntil ?? 0) <= clause.leaseOverAt) &&
    (clause.notRevokeRequested === undefined || record.revokeRequested === undefined) &&
    (clause.redrives === undefined || (record.redrives ?? 0) === clause.redrives)
  );
}

/** The record after a change whose condition holds. */
export function applied(change: Change, record: TaskRecord | undefined): TaskRecord {
  const merged: Record<string, unknown> = { attempt: 0, ...record, id: change.id, ...change.set };
  if (change.countRun) merged.runs = (record?.runs ?? 0) + 1;
  for (const key of Object.keys(merged)) if (merged[key] === undefined) delete merged[key];
  return merged as unknown as TaskRecord; // every key comes from a TaskRecord; the loop only drops absent ones
}
