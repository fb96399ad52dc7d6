// The model's words in those of lib/, so that the two can be compared: records, messages, writes, outcomes, decisions.
import * as changes from "../../lib/core/changes.ts";
import type { Circumstances, Decision, Received, TaskPolicy } from "../../lib/core/decision.ts";
import { idKey } from "../../lib/core/ids.ts";
import type { Outcome as RealOutcome } from "../../lib/core/outcome.ts";
import { CLOCK_SKEW_MS, MAX_DEAD_LETTER_RESENDS, UNKNOWN_TASK_PAUSES } from "../../lib/defaults.ts";
import type { Failure, TaskRecord } from "../../lib/store/record.ts";
import { type Envelope, encode } from "../../lib/wire/envelope.ts";
import { envelopeOf, POLICY, signatureOf } from "../support/messages.ts";
import type { Limits, Outcome } from "./rules.ts";
import { isTerminal, type Message, type Plan, type Rec, type Write } from "./world.ts";

export const NOW = Date.UTC(2026, 10, 21);
const LEASE_MS = 60_000;
const HOUR_MS = 3_600_000;
const FAILURE: Failure = { type: "TypeError", message: "no" };
const REJECT: Failure = { type: "Reject", message: "not now" };

export const KEY = idKey("duckling");

/** `ranOut`: a live lease is over by now. */
export function circumstances(ranOut = false): Circumstances {
  const now = ranOut ? NOW + LEASE_MS + CLOCK_SKEW_MS : NOW;
  const route = () => ({ workload: "default", ignoreResult: false });
  return { now, random: 0.5, routes: { key: KEY, now, maxHops: 9, route } };
}

export const policyOf = ({ maxRetries }: Pick<Limits, "maxRetries">): TaskPolicy => ({ ...POLICY, maxRetries });

/** Rounds that the model leaves out have been gone through. */
const resendsBefore = ({ maxResends }: Pick<Limits, "maxResends">) => MAX_DEAD_LETTER_RESENDS - maxResends;

function envelopeFor({ id, attempt, resends }: Message, roundsBefore: number): Envelope {
  const rounds = resends + roundsBefore;
  const facts = { id, retries: attempt, ...(rounds > 0 && { resends: rounds }) };
  return envelopeOf({ ...facts, link: [signatureOf("callback")], linkError: [signatureOf("error_callback")] });
}

export function received(message: Message, limits?: Limits): Received {
  const envelope = envelopeFor(message, limits ? resendsBefore(limits) : 0);
  const receiveCount = message.receives + UNKNOWN_TASK_PAUSES.length - (limits?.unknownPauses ?? 0);
  return { envelope, workload: "default", receiveCount, body: encode(envelope, "duckling-default") };
}

/** The same, at a time when it is not to be started. */
export function untimely(message: Message, circumstance: "early" | "expired"): Received {
  const { envelope, ...rest } = received(message);
  const time = circumstance === "early" ? { eta: NOW + HOUR_MS } : { expires: NOW - 1 };
  return { ...rest, envelope: { ...envelope, ...time } };
}

export const tokenOf = (uid: number): string => `token ${uid}`;

export function realRecord(id: string, rec: Rec | undefined): TaskRecord | undefined {
  if (rec === undefined) return undefined;
  const { state, attempt, token, over, last, runs, revoke, rejected, value, redrives } = rec;
  const { body } = received({ id, kind: "plain", attempt, receives: 1, resends: 0, dead: false });
  return {
    ...{ id, task: "add", workload: "default", state, attempt, token: tokenOf(token) },
    ...(state === "STARTED" && { leaseUntil: over ? NOW - CLOCK_SKEW_MS : NOW + LEASE_MS }),
    ...(last && { lastDelivery: true }),
    ...(runs > 0 && { runs }),
    ...(state === "RETRY" && { retryAt: NOW, ...(rejected && { failure: REJECT }) }),
    ...(revoke && { revokeRequested: "cooperate" as const }),
    ...(isTerminal(rec) && { endedAt: NOW, ...(!value && { forgotten: true }) }),
    ...(state === "SUCCESS" && value && { result: "5" }),
    ...(state === "FAILURE" && value && { failure: FAILURE, body }),
    ...(redrives > 0 && { redrives }),
  };
}

/** Back again. What the model remembers for its invariants is not in it. */
export function modelRecord(record: TaskRecord): Omit<Rec, "by" | "asked"> {
  const { state, attempt, token, leaseUntil = 0, lastDelivery, failure, result, body, redrives = 0 } = record;
  const { revokeRequested, runs = 0 } = record;
  if (state === "REPLACED") throw new Error("row 18a is outside of the model");
  return {
    ...{ state, attempt, redrives },
    token: Number(token?.slice(tokenOf(0).length - 1) ?? 0),
    over: state === "STARTED" && leaseUntil <= NOW - CLOCK_SKEW_MS,
    last: lastDelivery === true,
    runs: isTerminal({ state }) ? 0 : runs, // read of nothing that has ended
    revoke: state === "STARTED" && revokeRequested !== undefined, // read of nothing else
    rejected: state === "RETRY" && failure?.type === "Reject",
    value: (state === "SUCCESS" && result !== undefined) || (state === "FAILURE" && body !== undefined),
  };
}

const EXPIRES_SECONDS = 86_400;

/** Who may write what, as the adapters are told. */
export function realChange(id: string, { kind, attempt, token, mode, next = attempt, ...rest }: Write) {
  const { rejected, redrives = 0, last = false } = rest;
  const claim = { id, task: "add", workload: "default", attempt, token: tokenOf(token) };
  const right = { kind: mode === "tracked" ? "claimed" : "unclaimed", claim } as const;
  const { body } = received({ id, kind: "plain", attempt, receives: 1, resends: 0, dead: false });
  const value = { result: kind === "ignore" ? undefined : "5", ignored: kind === "ignore" };
  switch (kind) {
    case "claim":
      return changes.claim(claim, NOW, { owner: "w", until: NOW + LEASE_MS, lastDelivery: last });
    case "heartbeat":
      return changes.heartbeat(claim, NOW + LEASE_MS);
    case "succeed":
    case "ignore":
      return changes.succeed(right, NOW, { ...value, resultExpiresSeconds: EXPIRES_SECONDS });
    case "fail":
      return changes.fail(right, NOW, FAILURE, EXPIRES_SECONDS, body);
    case "fail unheld":
      return changes.failUnheld(claim, NOW, FAILURE, EXPIRES_SECONDS, body);
    case "revoke held":
      return changes.revokeHeld(right, NOW, FAILURE, EXPIRES_SECONDS);
    case "revoke unheld":
      return changes.revokeUnheld(claim, NOW, FAILURE, EXPIRES_SECONDS);
    case "revoke":
      return changes.revokeUnstarted(id, NOW, FAILURE, EXPIRES_SECONDS);
    case "retry": {
      const failure = rejected ? REJECT : undefined;
      return changes.retry(right, { attempt: next, retryAt: NOW, args: undefined, failure });
    }
    case "pending":
      return changes.recordPending(id, "add", "default", NOW);
    case "request revoke":
      return changes.requestRevoke(id, "cooperate");
    case "resend":
      return changes.resend({ id, attempt }, NOW);
    case "forget":
      return changes.forget(id);
    case "count redrive":
      return changes.countRedrive(id, redrives);
    default:
      return kind satisfies never;
  }
}

export function realOutcome(outcome: Outcome): RealOutcome {
  switch (outcome) {
    case "success":
      return { kind: "success", result: "5" };
    case "ignored":
      return { kind: "ignored", reason: "" };
    case "failure":
      return { kind: "failure", failure: FAILURE, expected: false };
    case "retry":
      return { kind: "retry", failure: FAILURE, exhausted: FAILURE };
    case "requeue":
      return { kind: "rejected", requeue: true, failure: REJECT };
    case "interrupted":
      return { kind: "interrupted" };
    case "revoked":
      return { kind: "revoked", reason: "revoked" };
    default:
      return outcome satisfies never;
  }
}

/** Names that decisions have in the logs, and their rows. */
const ROWS: Readonly<Record<string, string>> = {
  expired: "3",
  early: "4",
  unrunnable: "5",
  "unrunnable, given back": "5",
  "already ended": "8",
  "retry ahead": "9",
  "live lease": "10",
  "changed meanwhile": "11",
  success: "12",
  ignored: "13",
  failure: "14",
  "retries exhausted": "14",
  retry: "15",
  requeued: "16",
  interrupted: "17",
  "revoked while running": "18",
  "dead letter, never claimed": "30",
  "dead letter, never finished": "30",
  "dead letter": "31",
  purged: "35",
};

/** What a decision comes to, in terms that both have. */
export interface Gist {
  readonly row: string | undefined;
  /** The condition of its write. */
  readonly when: changes.Condition | undefined;
  readonly writes: changes.ChangeKind | undefined;
  readonly sends: readonly string[];
  readonly settle: string;
}

export function gistOfReal({ row, change, publish, settle }: Decision, { envelope }: Received): Gist {
  const sends = publish.map(({ envelope: { id, task, retries, resends = 0 } }) =>
    id === envelope.id ? `attempt ${retries}, round ${resends}` : task,
  );
  return { row: ROWS[row], when: change?.when, writes: change?.kind, sends, settle: settle.kind };
}

const FOLLOWS = { link: "callback", link_error: "error_callback" };

/** `row`: the one of a plan's rows that says what happens. */
export function gistOfPlan(
  plan: Plan,
  row: string | undefined,
  id: string,
  token: Pick<Write, "token" | "mode">,
  limits?: Limits,
): Gist {
  const { write, publish, follow, settle } = plan;
  const change = write && realChange(id, { ...write, ...token });
  const roundsBefore = limits ? resendsBefore(limits) : 0;
  const sends = [
    ...(publish ? [`attempt ${publish.attempt}, round ${publish.resends + roundsBefore}`] : []),
    ...(follow ? [FOLLOWS[follow]] : []),
  ];
  return { row, when: change?.when, writes: change?.kind, sends, settle: settle === "back" ? "release" : settle };
}
