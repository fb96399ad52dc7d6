// When a record may change: what a write is conditional on, and who has which right.
import { CLOCK_SKEW_MS } from "../defaults.ts";
import type { StoredState, TaskRecord } from "../store/record.ts";

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

export function mayFinish({ kind, claim }: Right): Condition {
  if (kind === "claimed") return [{ states: ["STARTED"], token: claim.token }];
  return [{ absent: true }, { states: ["PENDING", "RETRY", "STARTED"], attemptAtMost: claim.attempt }];
}

/** As `mayFinish`, where nobody has asked for it to be revoked. */
export function mayGoOn(right: Right): Condition {
  return mayFinish(right).map((clause) => (clause.absent ? clause : { ...clause, notRevokeRequested: true as const }));
}

/** Nobody runs it, and nobody has ended it. */
export const NOT_STARTED: Condition = [{ absent: true }, { states: ["PENDING", "RETRY"] }];

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
