import * as changes from "../core/changes.ts";
import type { Decision, Settle } from "../core/decision.ts";
import { follows, type Publication } from "../core/follow-ups.ts";
import { TASK_DEFAULTS } from "../defaults.ts";
import {
  HopLimitExceeded,
  InvalidOption,
  LovageError,
  MessageTooLarge,
  NotSerializable,
  NotSupported,
  PayloadLost,
  QueueNotFound,
  RequestRefused,
} from "../errors.ts";
import type { Payloads } from "../payloads.ts";
import type { Broker, Delivery } from "../ports/broker.ts";
import type { ResultStore } from "../ports/result-store.ts";
import type { Payload } from "../store/payload.ts";
import { type Failure, isTerminal, type TaskRecord } from "../store/record.ts";
import type { Tracing } from "../tracing.ts";
import { toFailure } from "../wire/failure.ts";
import { seal } from "../wire/seal.ts";
import { type CarryOutDeps, carryOut } from "./carry-out.ts";
import { kept, withFirst } from "./payloads.ts";
import { writeSurely } from "./write-surely.ts";

export interface ApplyDeps extends CarryOutDeps {
  readonly broker: Broker;
  readonly store: ResultStore;
  /** @default - the app has no payload store: what is too large is refused */
  readonly payloads?: Payloads;
  /** @default - nothing is traced */
  readonly tracing?: Tracing;
  /** Hears of a task that could not be sent, and was recorded as failed, by the workload in hand. @default - nobody does */
  unsent?(task: string, from: string, failure: Failure): void;
  /** Queue that carries a workload's messages. */
  queue(workload: string): string;
  deadLetterQueue(workload: string): string;
}

/** What the caller of `apply` does meanwhile. */
export interface ApplySteps {
  /** Told what was done once the record and the follow-ups are durable, before the message is settled. */
  recorded?(decision: Decision): void;
  /** What to do instead where the object that the write refers to could not be put. @default - it rejects */
  notPut?(error: LovageError): Decision;
  /** Sends a follow-up, by `send`. @default - does just that */
  readonly sending?:
    | ((publication: Publication, send: (publication: Publication) => Promise<void>) => Promise<void>)
    | undefined;
  /** Runs `put`, which may take longer than a claim lasts that nobody renews. */
  during?<T>(put: () => Promise<T>): Promise<T>;
}

/** Carries `decision` out. `refused` says what to do instead where its write was refused. Returns what was done. */
export async function apply(
  decision: Decision,
  delivery: Delivery,
  workload: string,
  refused: (existing: TaskRecord | undefined) => Decision,
  deps: ApplyDeps,
  { recorded, notPut, sending = (publication, send) => send(publication), during = (put) => put() }: ApplySteps = {},
): Promise<Decision> {
  let current = decision;
  for (;;) {
    const { put } = current;
    const error = put && (await during(() => failedPut(put, deps)));
    if (error !== undefined) {
      if (notPut === undefined) throw error;
      current = notPut(error);
      continue;
    }
    if (current.change === undefined) break;
    const answer = await writeSurely(current.change, deps);
    if (answer.applied) break;
    current = refused(answer.existing);
  }
  await carryOut(current, (publication) => sending(publication, (one) => sendFollowUp(one, workload, deps)), deps);
  if (current.note) await writeSurely(current.note, deps);
  recorded?.(current);
  await settle(current.settle, delivery, workload, deps);
  return current;
}

/** Puts it. Returns why that failed, if it did. */
async function failedPut(payload: Payload, { payloads }: ApplyDeps): Promise<LovageError | undefined> {
  try {
    await payloads?.store.put(payload);
    return undefined;
  } catch (error) {
    if (error instanceof LovageError) return error;
    throw error;
  }
}

/** A follow-up that can never be sent is recorded as failed: whoever waits for it learns so, and its parent is done. */
export async function sendFollowUp(publication: Publication, from: string, deps: ApplyDeps): Promise<void> {
  const { envelope, workload, delaySeconds, overHops } = publication;
  let message: string | undefined;
  try {
    const queue = deps.queue(workload);
    const now = deps.clock.now();
    const sentAt = now + delaySeconds * 1_000;
    const whole = await kept(await withFirst(publication, deps), sentAt, deps);
    const { body, payload } = seal(whole, queue, deps.payloads?.limits, now, sentAt);
    if (payload) await deps.payloads?.store.put(payload);
    message = body; // its failure keeps it
    if (overHops !== undefined) throw new HopLimitExceeded(envelope.task, envelope.hops ?? 0, overHops);
    await deps.broker.send(queue, { body, delaySeconds });
  } catch (error) {
    // The queue this message came from, or whose dead letters these are, is missed by everybody: it will come back.
    if (!isPermanent(error) || (error instanceof QueueNotFound && workload === from)) throw error;
    deps.log.error(
      { follow_up: envelope.id, follow_up_task: envelope.task, error: String(error) },
      "cannot send a follow-up",
    );
    const claim = { id: envelope.id, task: envelope.task, workload, attempt: envelope.retries, token: envelope.id };
    const { resultExpiresSeconds } = TASK_DEFAULTS;
    const failure = toFailure(error);
    const change = changes.failUnheld(claim, deps.clock.now(), failure, resultExpiresSeconds, message);
    const answer = await writeSurely(change, deps);
    if (answer.applied) deps.unsent?.(envelope.task, from, failure);
    else if (!(answer.existing && isTerminal(answer.existing.state))) throw error;
    // What would have followed it ends with it.
    const routes = { ...deps.routes, now: deps.clock.now() };
    const instead = follows(envelope, { state: "FAILURE", failure }, routes);
    await carryOut(instead, (one) => sendFollowUp(one, from, deps), deps);
  }
}

const PERMANENT = [
  ...[MessageTooLarge, NotSerializable, QueueNotFound, InvalidOption, RequestRefused],
  ...[PayloadLost, NotSupported, HopLimitExceeded],
];

/** Another try would end the same way: too large, too far down its line, its arguments are gone, or its queue does not exist or cannot have that name. */
function isPermanent(error: unknown): boolean {
  return PERMANENT.some((type) => error instanceof type);
}

export async function settle(how: Settle, delivery: Delivery, workload: string, deps: ApplyDeps): Promise<void> {
  switch (how.kind) {
    case "ack":
      return deps.broker.delete(delivery);
    case "release":
      await deps.broker.changeVisibility(delivery, how.seconds);
      return;
    case "dead-letter":
      await deps.broker.send(deps.deadLetterQueue(workload), { body: delivery.body, delaySeconds: 0 });
      return deps.broker.delete(delivery);
    case "leave":
      return;
    default:
      return how satisfies never;
  }
}
