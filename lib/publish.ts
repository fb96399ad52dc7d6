// Turns a call into a message on its workload's queue. Planning is synchronous and pure but for the clock; sending is not.
import { createHash } from "node:crypto";
import type { CheckedCall } from "./call-options.ts";
import type { Clock } from "./clock.ts";
import type { Backends } from "./connection.ts";
import { line, running } from "./context.ts";
import * as changes from "./core/changes.ts";
import { delaySeconds } from "./core/delay.ts";
import type { Publication } from "./core/follow-ups.ts";
import { nextHop } from "./core/hops.ts";
import { derivedId, freshId, type IdKey } from "./core/ids.ts";
import { HopLimitExceeded } from "./errors.ts";
import { storeOf } from "./payloads.ts";
import type { PayloadLimits } from "./store/payload.ts";
import type { Envelope } from "./wire/envelope.ts";
import { type Sealed, seal } from "./wire/seal.ts";
import { assertJson, type JsonObject, toJson } from "./wire/serializer.ts";

export interface Call {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: CheckedCall;
  readonly workload: string;
  readonly queue: string;
  /** Messages that may stand before its own. */
  readonly maxHops: number;
  /** The task's own, where it is known here. */
  readonly ignoreResult: boolean;
}

/** The message, encoded: a call that cannot be sent fails before anything is. */
export interface Plan extends Publication, Sealed {
  readonly queue: string;
}

/**
 * `payloads`: undefined where the app has no payload store. `before` has the last word on the message. Throws NotSerializable,
 * HopLimitExceeded or MessageTooLarge.
 */
export function plan(
  call: Call,
  key: IdKey,
  clock: Clock,
  payloads?: PayloadLimits,
  before: (envelope: Envelope, workload: string) => Envelope = (envelope) => envelope,
): Plan {
  const { options } = call;
  assertJson(call.args, "args");
  assertJson(call.kwargs, "kwargs");
  const now = clock.now();
  const { taskId, workload: _, hops: __, ...same } = options; // what is not given is not there
  const ignoreResult = options.ignoreResult ?? call.ignoreResult;
  const { workload, queue } = call;
  const parent = running();
  const hops = hopsOf(call);
  const id = taskId ?? nextId(call, ignoreResult, key, clock, now);
  const asked: Envelope = {
    id,
    task: call.task,
    args: call.args as Envelope["args"], // assertJson has checked them
    kwargs: call.kwargs as JsonObject,
    rootId: parent?.context.rootId ?? id,
    ...(parent ? { parentId: parent.context.id } : {}),
    ...(hops === 0 ? {} : { hops }),
    retries: 0,
    ...same,
    ignoreResult,
    lang: "js",
    chain: [],
  };
  const envelope = before(asked, workload);
  const delay = delaySeconds(options.eta, now);
  const sealed = seal(envelope, queue, payloads, now, now + delay * 1_000);
  return { envelope, workload, queue, delaySeconds: delay, ...sealed };
}

/** Throws HopLimitExceeded where tasks have sent tasks for too long. */
function hopsOf({ task, options, maxHops }: Call): number {
  const from = line();
  const hops = options.hops ?? (from === undefined ? 0 : nextHop(from));
  if (hops > maxHops) throw new HopLimitExceeded(task, hops, maxHops);
  return hops;
}

/**
 * A fresh id; inside a task one derived from it, so that an execution repeated after a crash sends the same tasks again and
 * not others beside them. A retry is another run with calls of its own.
 */
export function nextId(
  call: Pick<Call, "task" | "args" | "kwargs">,
  ignoreResult: boolean,
  key: IdKey,
  clock: Clock,
  now: number,
): string {
  const parent = running();
  if (parent === undefined) return freshId(key, now, clock.randomBytes(10), ignoreResult);
  const digest = createHash("sha256")
    .update(toJson([call.task, call.args as never, call.kwargs as never]))
    .digest("base64url");
  const nth = parent.calls.get(digest) ?? 0;
  parent.calls.set(digest, nth + 1);
  return derivedId(key, parent.context.id, `call:${parent.context.retries}:${digest}:${nth}`, ignoreResult);
}

/**
 * Sends it. A chosen id is recorded first: it cannot certify itself, and it may have been published before. Large arguments are
 * put before anything says that they exist.
 */
export async function send(
  { envelope, workload, queue, body, payload, delaySeconds }: Plan,
  chosenId: boolean,
  backends: Backends,
  clock: Clock,
): Promise<void> {
  if (payload) await storeOf(backends).put(payload);
  if (chosenId) {
    const pending = changes.recordPending(envelope.id, envelope.task, workload, clock.now());
    const answer = await backends.store.write(pending);
    if (!answer.applied) return; // it has started, or ended: publishing it again changes nothing
  }
  await backends.broker.send(queue, { body, delaySeconds });
}
