// The words decisions are made in: what was received, how it is recorded, and what is to be done.
import { CLOCK_SKEW_MS } from "../defaults.ts";
import type { Payload, PayloadLimits } from "../store/payload.ts";
import type { TaskRecord } from "../store/record.ts";
import type { Envelope } from "../wire/envelope.ts";
import type * as changes from "./changes.ts";
import type { Publication, Routes, Workflow } from "./follow-ups.ts";
import type { Ending } from "./outcome.ts";
import type { RetryPolicy } from "./retry.ts";

/** How the message is settled. `leave`: not touched, it becomes visible by itself. */
export type Settle =
  | { readonly kind: "ack" }
  | { readonly kind: "release"; readonly seconds: number }
  | { readonly kind: "leave" }
  | { readonly kind: "dead-letter" };

export interface Decision {
  /** For logs and tests: the row of docs/protocol.md. */
  readonly row: string;
  /** An object the change refers to, written before it. */
  readonly put?: Payload;
  readonly change?: changes.Change;
  readonly publish: readonly Publication[];
  /** What else follows in its workflow. @default - nothing */
  readonly workflow?: Workflow;
  /** A note of it, written when all of that is durable. Where that is refused, nobody needs it. @default - none */
  readonly note?: changes.Change;
  readonly settle: Settle;
  /** What to tell hooks and listeners, once it is recorded. @default - nothing: another execution has told, or will */
  readonly ending?: Ending;
}

/** A message that could be read, and where it came from. */
export interface Received {
  readonly envelope: Envelope;
  readonly workload: string;
  readonly receiveCount: number;
  /** As it came: kept with a failure. */
  readonly body: string;
}

/**
 * How a task is recorded.
 * - tracked: claimed before it runs, two writes
 * - unclaimed: `claim: false`, one write at the end; duplicates may run side by side, one of them ends it
 * - untracked: `ignoreResult`, no write unless it fails
 */
export type Mode = "tracked" | "unclaimed" | "untracked";

export interface TaskPolicy extends RetryPolicy {
  readonly resultExpires: number;
}

/** What every decision may look at besides its subject. */
export interface Circumstances {
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: number;
  readonly routes: Routes;
  /** Over which sizes payloads travel by reference. @default - the app has no payload store: none do */
  readonly payloads?: PayloadLimits | undefined;
}

export const ACK: Settle = { kind: "ack" };
export const NONE: readonly Publication[] = [];

export const release = (seconds: number): Settle => ({ kind: "release", seconds });

export function claimOf({ envelope, workload }: Received, token: string): changes.Claim {
  const { id, task, retries, redrivenFrom } = envelope;
  return { id, task, workload, attempt: retries, token, ...(redrivenFrom !== undefined && { redrivenFrom }) };
}

/** Epoch ms. A record that names no lease has none to wait for. */
export function leaseEnd(record: TaskRecord): number {
  return record.leaseUntil ?? 0;
}

/** By this clock, which may be wrong by CLOCK_SKEW_MS. */
export function leaseIsOver(record: TaskRecord, now: number): boolean {
  return leaseEnd(record) <= now - CLOCK_SKEW_MS;
}
