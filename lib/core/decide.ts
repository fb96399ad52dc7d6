// What happens next, as a value. Nothing here reads a clock, draws a number or talks to anybody; worker/apply.ts carries
// a decision out in one order: put the payload, write the record, publish the follow-ups, settle the message.
//
//  received ── early? hop ── expired? revoke ── unknown task? fail ── claim ──┬── held ── run ── outcome ── decide()
//                                                                             └── refused ──────────────── decideRefused()
//  dead letter ─────────────────────────────────────────────────────────────────────────────────────────── core/dead-letter.ts
//
// docs/protocol.md is the same as a table, state × event, one row for each branch below.
import { RESEND_NOTED_AFTER_MS, UNKNOWN_TASK_PAUSES } from "../defaults.ts";
import type { InvalidOption, ResultTooLarge } from "../errors.ts";
import { type Failure, isTerminal, type TaskRecord } from "../store/record.ts";
import type { Envelope } from "../wire/envelope.ts";
import type { WireSignature } from "../wire/signature.ts";
import * as changes from "./changes.ts";
import {
  ACK,
  type Circumstances,
  claimOf,
  type Decision,
  leaseEnd,
  leaseIsOver,
  type Mode,
  NONE,
  type Received,
  release,
  type TaskPolicy,
} from "./decision.ts";
import { delaySeconds } from "./delay.ts";
import { type Following, follows, type Publication, type Routes } from "./follow-ups.ts";
import type { Outcome } from "./outcome.ts";
import { argsFrom, argsOf, largeArgs, largeResult, withoutRef } from "./payloads.ts";
import { replacedAgain, replacing } from "./replace.ts";
import { mayRetry, retryDelay } from "./retry.ts";
import { hiccupDelay, outageDelay, untilTakeover } from "./visibility.ts";

/** A message before its time is sent again with the rest of its delay. Before any claim: waiting holds nothing. */
export function decideEarly({ envelope, workload }: Received, { now }: Circumstances): Decision | undefined {
  if (envelope.eta === undefined || envelope.eta <= now) return undefined;
  const hop = { workload, envelope, delaySeconds: delaySeconds(envelope.eta, now) };
  return { row: "early", publish: [hop], settle: ACK };
}

/** Expired before it could start: REVOKED, as in Celery (celery/worker/request.py, `maybe_expire`). */
export function decideExpired(
  received: Received,
  policy: TaskPolicy,
  { now, routes }: Circumstances,
  token: string,
): Decision | undefined {
  const { expires } = received.envelope;
  if (expires === undefined || expires > now) return undefined;
  const failure = { type: "TaskRevoked", message: "expired" };
  const change = changes.revokeUnheld(claimOf(received, token), now, failure, policy.resultExpires);
  const ending = { kind: "revoked", reason: "expired" } as const;
  return {
    row: "expired",
    change,
    ...follows(received.envelope, { state: "REVOKED", failure }, routes),
    settle: ACK,
    ending,
  };
}

/** Why a worker cannot run what it can read. */
export type Unrunnable = "unknown task" | "no payload store" | "not supported";

/** A message that this worker can read but not run. Where a deploy may be under way it is given back a few times first. */
export function decideUnrunnable(
  received: Received,
  failure: Failure,
  policy: TaskPolicy,
  { now, routes }: Circumstances,
  token: string,
  why: Unrunnable,
): Decision {
  const pause = why === "not supported" ? undefined : UNKNOWN_TASK_PAUSES[received.receiveCount - 1];
  if (pause !== undefined) return { row: "unrunnable, given back", publish: NONE, settle: release(pause) };
  const claim = claimOf(received, token);
  return {
    row: "unrunnable",
    change: changes.failUnheld(claim, now, failure, policy.resultExpires, received.body),
    ...follows(received.envelope, { state: "FAILURE", failure }, routes),
    settle: ACK,
    ending: {
      kind: "failure",
      failure,
      expected: false,
      ...(why === "unknown task" && { unknownTask: true }),
    },
  };
}

/**
 * A guarded write was refused: `existing` says by whom. It serves a claim, a finish whose right has passed to somebody else,
 * and a finish that had happened while its answer was lost: what that one had to do next is what its record says.
 */
export function decideRefused(
  received: Received,
  existing: TaskRecord | undefined,
  { now, routes }: Circumstances,
): Decision {
  const { envelope, receiveCount } = received;
  if (existing !== undefined && isTerminal(existing.state)) {
    // A caller's revoke is told where its message comes, as in Celery; every other ending by the execution that wrote it.
    const revoked = existing.state === "REVOKED" && existing.token === undefined;
    const again = existing.followed ? { publish: NONE } : followsAgain(envelope, existing, routes);
    return {
      row: "already ended",
      ...again,
      ...((again.publish.length > 0 || again.workflow) && { note: changes.noteFollowed(envelope.id) }),
      settle: ACK,
      ...(revoked && { ending: { kind: "revoked", reason: existing.failure?.message ?? "revoked" } as const }),
    };
  }
  if (existing?.state === "RETRY" && existing.attempt > envelope.retries) {
    const overdueMs = now - Math.max(existing.retryAt ?? now, existing.publishedAt ?? 0);
    return {
      row: "retry ahead",
      ...onlyIf(overdueMs > RESEND_NOTED_AFTER_MS, changes.resend(existing, now)),
      publish: [fromRetryRecord(received, existing, now)],
      settle: ACK,
    };
  }
  if (existing?.state === "STARTED" && !leaseIsOver(existing, now)) {
    return {
      row: "live lease",
      publish: NONE,
      settle: release(untilTakeover(leaseEnd(existing), now, receiveCount)),
    };
  }
  // It changed, or its lease ended, between the refusal and now: the next delivery finds it claimable, or learns why not.
  return { row: "changed meanwhile", publish: NONE, settle: release(hiccupDelay(receiveCount)) };
}

/** Whoever ended it may have died before it was sent. */
function followsAgain(envelope: Envelope, existing: TaskRecord, routes: Routes): Following {
  return existing.state === "REPLACED"
    ? replacedAgain(envelope, existing, routes)
    : follows(envelope, existing, routes);
}

/** A run ended: rows 12 to 18a. */
export function decide(
  outcome: Outcome,
  received: Received,
  mode: Mode,
  token: string,
  policy: TaskPolicy,
  circumstances: Circumstances,
): Decision {
  const { envelope } = received;
  const { now, routes } = circumstances;
  const right = rightOf(received, mode, token);
  const expires = policy.resultExpires;
  switch (outcome.kind) {
    case "success": {
      // Callbacks are published again from the record after a crash, so it keeps what they need.
      const kept = !envelope.ignoreResult || envelope.link.length > 0;
      const result = kept ? outcome.result : undefined;
      const put = mode === "untracked" ? undefined : largeResult(result, right.claim, expires, circumstances);
      const value = {
        result: put ? undefined : result,
        resultRef: put?.ref,
        ignored: false,
        resultExpiresSeconds: expires,
      };
      const ending = { state: "SUCCESS", result: outcome.result } as const;
      return {
        row: "success",
        ...(put && { put }),
        ...onlyIf(mode !== "untracked", changes.succeed(right, now, value)),
        ...follows(envelope, ending, routes),
        settle: ACK,
        ending: { kind: "success", result: outcome.result },
      };
    }
    case "ignored":
      return {
        row: "ignored",
        ...onlyIf(
          mode !== "untracked",
          changes.succeed(right, now, { result: undefined, ignored: true, resultExpiresSeconds: expires }),
        ),
        ...follows(envelope, { state: "SUCCESS", ignored: true }, routes),
        settle: ACK,
      };
    case "failure":
      return failed("failure", received, right, outcome, expires, circumstances);
    case "revoked": {
      const failure = { type: "TaskRevoked", message: outcome.reason };
      return {
        row: "revoked while running",
        change: changes.revokeHeld(right, now, failure, expires),
        ...follows(envelope, { state: "REVOKED", failure }, routes),
        settle: ACK,
        ending: { kind: "revoked", reason: outcome.reason },
      };
    }
    case "replaced":
      return replacedBy(outcome.sig, received, right, mode, expires, circumstances);
    case "rejected": {
      const { failure, requeue } = outcome;
      const ending = { kind: "rejected", requeue, reason: failure.message } as const;
      const decision = requeue
        ? givenBack("requeued", mode, right, envelope, now, hiccupDelay(received.receiveCount), failure)
        : failed("rejected", received, right, { failure, expected: false }, expires, circumstances);
      return { ...decision, ending };
    }
    case "interrupted":
      return givenBack("interrupted", mode, right, envelope, now, 0, undefined);
    case "payload unavailable": {
      const seconds = outageDelay(received.receiveCount);
      return givenBack("payload unavailable", mode, right, envelope, now, seconds, outcome.failure);
    }
    case "retry": {
      const maxRetries = outcome.maxRetries === undefined ? policy.maxRetries : outcome.maxRetries;
      if (!mayRetry(maxRetries, envelope.retries)) {
        const failure = { failure: outcome.exhausted, expected: false };
        return failed("retries exhausted", received, right, failure, expires, circumstances);
      }
      return retried(outcome, received, mode, right, policy, circumstances);
    }
    /* v8 ignore next -- @preserve the compiler proves that nothing comes here */
    default:
      return outcome satisfies never;
  }
}

/** The write of `decision` was refused. A revoke that was asked for is seen here at the latest, before a retry or a replacement. */
export function decideWriteRefused(
  existing: TaskRecord | undefined,
  received: Received,
  mode: Mode,
  token: string,
  policy: TaskPolicy,
  circumstances: Circumstances,
): Decision {
  if (existing?.token === token && existing.state === "STARTED" && existing.revokeRequested !== undefined) {
    return decide(
      { kind: "revoked", reason: "revoked before it went on" },
      received,
      mode,
      token,
      policy,
      circumstances,
    );
  }
  return decideRefused(received, existing, circumstances);
}

function failed(
  row: string,
  received: Received,
  right: changes.Right,
  { failure, expected }: { readonly failure: Failure; readonly expected: boolean },
  expires: number,
  { now, routes }: Circumstances,
): Decision {
  // Failures are recorded even where results are not (invariant 5).
  return {
    row,
    change: changes.fail(right, now, failure, expires, received.body),
    ...follows(received.envelope, { state: "FAILURE", failure }, routes),
    settle: ACK,
    ending: { kind: "failure", failure, expected },
  };
}

/** What cannot take its place fails it. */
function replacedBy(
  sig: WireSignature,
  received: Received,
  right: changes.Right,
  mode: Mode,
  expires: number,
  circumstances: Circumstances,
): Decision {
  const { now, routes } = circumstances;
  try {
    const { replacement, follows } = replacing(received.envelope, sig, routes);
    const change = changes.replace(right, now, replacement, expires);
    return { row: "replaced", ...onlyIf(mode !== "untracked", change), ...follows, settle: ACK };
  } catch (error) {
    const { name: type, message, code } = error as InvalidOption | ResultTooLarge; // as it says
    const failure = { failure: { type, message, code }, expected: false };
    return failed("failure", received, right, failure, expires, circumstances);
  }
}

function retried(
  outcome: Extract<Outcome, { kind: "retry" }>,
  received: Received,
  mode: Mode,
  right: changes.Right,
  policy: TaskPolicy,
  { now, random, payloads }: Circumstances,
): Decision {
  const { envelope, workload } = received;
  const retryAt =
    outcome.eta ?? now + Math.ceil((outcome.countdown ?? retryDelay(policy, envelope.retries, random)) * 1_000);
  const attempt = envelope.retries + 1;
  const changed = outcome.next !== undefined || envelope.argsChanged === true;
  const whole: Envelope = {
    ...(outcome.next === undefined ? envelope : { ...withoutRef(envelope), ...outcome.next }),
    ...(changed && { argsChanged: true }),
    retries: attempt,
    eta: retryAt,
  };
  const put = outcome.next === undefined ? undefined : largeArgs(whole, now, payloads);
  const next: Envelope = put === undefined ? whole : { ...whole, args: [], kwargs: {}, argsRef: put.ref };
  const args = changed ? argsOf(next) : undefined;
  return {
    row: "retry",
    ...(put && { put }),
    ...onlyIf(mode !== "untracked", changes.retry(right, { attempt, retryAt, args, failure: outcome.failure })),
    publish: [{ workload, envelope: next, delaySeconds: delaySeconds(retryAt, now) }],
    settle: ACK,
    ending: { kind: "retry", failure: outcome.failure, retryAt },
  };
}

/** The same attempt runs again, from the same message. The record says so before the message becomes visible. */
function givenBack(
  row: string,
  mode: Mode,
  right: changes.Right,
  envelope: Envelope,
  now: number,
  seconds: number,
  failure: Failure | undefined,
): Decision {
  const args = envelope.argsChanged ? argsOf(envelope) : undefined;
  const next = { attempt: envelope.retries, retryAt: now + seconds * 1_000, args, failure };
  return { row, ...onlyIf(mode === "tracked", changes.retry(right, next)), publish: NONE, settle: release(seconds) };
}

/** The publish of the next attempt may have been lost in a crash; the record knows what it was. */
function fromRetryRecord({ envelope, workload }: Received, record: TaskRecord, now: number): Publication {
  const next: Envelope = {
    ...(record.retryArgs === undefined
      ? envelope
      : { ...withoutRef(envelope), ...argsFrom(envelope.id, record.retryArgs), argsChanged: true }),
    retries: record.attempt,
    eta: record.retryAt ?? now,
  };
  return { workload, envelope: next, delaySeconds: delaySeconds(record.retryAt, now) };
}

function rightOf(received: Received, mode: Mode, token: string): changes.Right {
  return { kind: mode === "tracked" ? "claimed" : "unclaimed", claim: claimOf(received, token) };
}

function onlyIf(condition: boolean, change: changes.Change): { change?: changes.Change } {
  return condition ? { change } : {};
}
