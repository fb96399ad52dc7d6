// Drops what waits on a queue, message by message: each task is ended as REVOKED before its message goes. Never PurgeQueue,
// which would leave every task PENDING and every waiting caller waiting.
import type { Received } from "../core/decision.ts";
import { hiccupDelay } from "../core/visibility.ts";
import { DecodeError } from "../errors.ts";
import type { Delivery } from "../ports/broker.ts";
import { decode, type Envelope } from "../wire/envelope.ts";
import { settle } from "./apply.ts";
import { unreadable } from "./execute.ts";
import { circumstancesOf, type DecisionDeps, newToken, UNKNOWN_TASK_POLICY } from "./execution.ts";

/**
 * What became of a message:
 * - purged: its task ended as REVOKED ("purged"), and it is gone
 * - ended: its task had ended already, and it is gone
 * - superseded: its task is in a later attempt, whose message was sent again, and it is gone
 * - failed: it could not be read, its task was recorded as FAILURE, and it is gone
 * - running: somebody runs its task, or did a moment ago; it is back on the queue
 * - moved: it could not be read and names no task; it is on the dead-letter queue
 * - kept: the same, on the dead-letter queue; it stays there
 * - deleted: the same, where it was asked for; it is gone
 */
export type Purged = "purged" | "ended" | "superseded" | "failed" | "running" | "moved" | "kept" | "deleted";

export interface PurgeOptions {
  readonly workload: string;
  readonly queue: string;
  /** The queue is a dead-letter queue. */
  readonly deadLetters: boolean;
  /** Deletes what cannot be read and names no task: nothing of it can be recorded. */
  readonly unreadable: boolean;
  /** Receives no more once it aborts; what is in hand is finished. */
  readonly signal: AbortSignal;
  readonly onMessage: (purged: Purged, delivery: Delivery) => void;
}

/** Polls at a time; each has at most 10 messages in hand. */
const POLLS = 4;
/** For ten writes, repeated where DynamoDB hesitates, and ten deletes. */
const VISIBILITY_SECONDS = 60;
/** A long poll asks every server of the queue: an empty answer means that nothing can be received. */
const WAIT_SECONDS = 2;
/** An unreadable message on the dead-letter queue stays out of sight for as long as the dead-letter consumer leaves it. */
const KEPT_SECONDS = 900;

/** Until nothing more can be received, or the signal aborts. Rejects with the first failure of a back end, its messages given back. */
export async function purge(options: PurgeOptions, deps: DecisionDeps): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const polls = Array.from({ length: POLLS }, () => poll({ ...options, signal }, deps));
  const watched = polls.map((one) =>
    one.catch((error: unknown) => {
      failed.abort();
      throw error;
    }),
  );
  const ended = await Promise.allSettled(watched);
  await deps.broker.flush();
  const failure = ended.find((one) => one.status === "rejected");
  if (failure) throw failure.reason;
}

async function poll(options: PurgeOptions, deps: DecisionDeps): Promise<void> {
  const receive = { max: 10, waitSeconds: WAIT_SECONDS, visibilitySeconds: VISIBILITY_SECONDS };
  while (!options.signal.aborted) {
    const deliveries = await deps.broker.receive(options.queue, receive);
    if (deliveries.length === 0) return;
    const settled = await Promise.allSettled(
      deliveries.map(async (delivery) => {
        options.onMessage(await purgeMessage(delivery, options, deps), delivery);
      }),
    );
    const failure = settled.find((one) => one.status === "rejected");
    if (failure) throw failure.reason;
  }
}

/** One message. Rejects where a back end fails; the message is given back. */
export async function purgeMessage(
  delivery: Delivery,
  options: Pick<PurgeOptions, "workload" | "deadLetters" | "unreadable">,
  deps: DecisionDeps,
): Promise<Purged> {
  try {
    return await end(delivery, options, deps);
  } catch (error) {
    const back = { kind: "release", seconds: hiccupDelay(delivery.receiveCount) } as const;
    await settle(back, delivery, options.workload, deps).catch(() => {}); // it returns by itself
    throw error;
  }
}

async function end(
  delivery: Delivery,
  options: Pick<PurgeOptions, "workload" | "deadLetters" | "unreadable">,
  deps: DecisionDeps,
): Promise<Purged> {
  const { workload } = options;
  let envelope: Envelope;
  try {
    envelope = decode(delivery.body);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return endUnreadable(error, delivery, options, deps);
  }
  const { body, receiveCount } = delivery;
  const received: Received = { envelope, workload, receiveCount, body };
  const policy = deps.task(envelope.task, envelope.kwargs) ?? UNKNOWN_TASK_POLICY;
  const decision = deps.protocol.decidePurged(received, policy, circumstancesOf(deps), newToken(deps));
  const done = await deps.protocol.apply(
    decision,
    delivery,
    workload,
    (existing) => deps.protocol.decideRefused(received, existing, circumstancesOf(deps)),
    deps,
  );
  if (done.row === "purged") return "purged";
  if (done.settle.kind !== "ack") return "running";
  return done.publish.some((next) => next.envelope.id === envelope.id) ? "superseded" : "ended";
}

async function endUnreadable(
  error: DecodeError,
  delivery: Delivery,
  options: Pick<PurgeOptions, "workload" | "deadLetters" | "unreadable">,
  deps: DecisionDeps,
): Promise<Purged> {
  if (error.id === undefined && options.unreadable) {
    await settle({ kind: "ack" }, delivery, options.workload, deps);
    return "deleted";
  }
  if (error.id === undefined && options.deadLetters) {
    await settle({ kind: "release", seconds: KEPT_SECONDS }, delivery, options.workload, deps);
    return "kept";
  }
  await unreadable(error, delivery, { name: options.workload }, deps);
  return error.id === undefined ? "moved" : "failed";
}
