// What becomes of a message whose receives are used up: rows 30 to 34 of docs/protocol.md.
import { MAX_DEAD_LETTER_RESENDS } from "../defaults.ts";
import type { TaskRecord } from "../store/record.ts";
import * as changes from "./changes.ts";
import { decideRefused } from "./decide.ts";
import {
  ACK,
  type Circumstances,
  claimOf,
  type Decision,
  leaseIsOver,
  type Mode,
  type Received,
  type TaskPolicy,
} from "./decision.ts";
import { delaySeconds } from "./delay.ts";
import { follows } from "./follow-ups.ts";

/** A message on the dead-letter queue: the last guard against silence. */
export interface DeadLetter extends Received {
  /** How often its workload's queue had delivered it. */
  readonly maxReceiveCount: number;
}

/** `existing` is the record, if there is one. */
export function decideDeadLetter(
  received: DeadLetter,
  existing: TaskRecord | undefined,
  mode: Mode,
  token: string,
  policy: TaskPolicy,
  circumstances: Circumstances,
): Decision {
  const { envelope, workload, body } = received;
  const waiting =
    existing === undefined ||
    existing.state === "PENDING" ||
    (existing.state === "RETRY" && existing.attempt <= envelope.retries);
  const over =
    existing?.state === "STARTED" && existing.attempt <= envelope.retries && leaseIsOver(existing, circumstances.now);
  // Whoever claimed it did so before the last delivery, and that one could not: an outage has used it up, and no task's fault.
  const unfinished = over && !isWornOut(existing, received);
  const resends = envelope.resends ?? 0;
  // Only a tracked task's record can say who ran it.
  if ((waiting || unfinished) && !wasRequeued(existing) && mode === "tracked" && resends < MAX_DEAD_LETTER_RESENDS) {
    const again = {
      workload,
      envelope: { ...envelope, resends: resends + 1 },
      delaySeconds: delaySeconds(envelope.eta, circumstances.now),
    };
    // Its message lives on from here, and its task is not to read LOST before that is gone.
    const { id, task } = envelope;
    const change =
      existing === undefined || existing.state === "PENDING"
        ? changes.recordPending(id, task, workload, circumstances.now)
        : changes.resend(existing, circumstances.now);
    return {
      row: waiting ? "dead letter, never claimed" : "dead letter, never finished",
      change,
      publish: [again],
      settle: ACK,
    };
  }
  if (!waiting && !over) return decideRefused(received, existing, circumstances);
  const failure = { type: "DeadLettered", message: reasonOf(existing, received) };
  return {
    row: "dead letter",
    change: changes.failUnheld(claimOf(received, token), circumstances.now, failure, policy.resultExpires, body),
    ...follows(envelope, { state: "FAILURE", failure }, circumstances.routes),
    settle: ACK,
    ending: { kind: "failure", failure, expected: false },
  };
}

/** Why a message is a dead letter, from what its record says. */
function reasonOf(record: TaskRecord | undefined, deadLetter: DeadLetter): string {
  const rounds = (deadLetter.envelope.resends ?? 0) + 1;
  const message = record?.failure?.message;
  if (record?.state === "STARTED") {
    const what = isWornOut(record, deadLetter)
      ? "its worker was lost in every delivery the queue allows"
      : `no worker could finish it in ${rounds} rounds of deliveries`;
    return `${what}, the last time in attempt ${record.attempt} on ${record.owner ?? "an unknown worker"}`;
  }
  if (wasRequeued(record))
    return `its task gave it back (Reject, requeue) in every delivery the queue allows: ${message}`;
  if (message === undefined) return `no worker could start it in ${rounds} rounds of deliveries`;
  return `no worker could finish it in ${rounds} rounds of deliveries; its latest failure: ${message}`;
}

/**
 * Its worker was lost in the last delivery, or as often as a queue delivers: a copy of its message had deliveries of its own. Each
 * attempt before this one had a claim, too.
 */
function isWornOut({ lastDelivery = false, runs = 0, attempt }: TaskRecord, { maxReceiveCount }: DeadLetter): boolean {
  return lastDelivery || runs - attempt >= maxReceiveCount;
}

/** By its own task: `Reject({ requeue: true })`. */
function wasRequeued(record: TaskRecord | undefined): boolean {
  return record?.state === "RETRY" && record.failure?.type === "Reject";
}
