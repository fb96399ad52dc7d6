// One message of a dead-letter queue, to its end: the last guard against silence. It claims nothing and runs nothing; it
// records what nobody could record, or sends the message back to work where nobody ever tried.
import type { DeadLetter } from "../core/dead-letter.ts";
import { hiccupDelay } from "../core/visibility.ts";
import { WATCHDOG } from "../core/watchdog.ts";
import { DecodeError } from "../errors.ts";
import type { Delivery } from "../ports/broker.ts";
import { decode, type Envelope } from "../wire/envelope.ts";
import { settle } from "./apply.ts";
import type { Handle } from "./consumer.ts";
import { unreadable } from "./execute.ts";
import {
  circumstancesOf,
  type ExecuteDeps,
  modeOf,
  newToken,
  UNKNOWN_TASK_POLICY,
  type WorkloadLimits,
} from "./execution.ts";
import { StopSignal } from "./job.ts";
import { tracedSends } from "./traced.ts";
import { watchOver } from "./watch-over.ts";

/** An unreadable message without an id stays on the dead-letter queue, out of sight for this long at a time: the alarm keeps ringing. */
const UNREADABLE_SECONDS = 900;

/** A dead letter in hand. Nothing of it runs, so there is nothing to stop. */
export const handleDeadLetter: Handle = (delivery, workload, deps) => ({
  delivery,
  stop: new StopSignal(),
  done: consumeDeadLetter(delivery, workload, deps),
});

/** Resolves with the row of docs/protocol.md that settled the message. Never rejects. */
export async function consumeDeadLetter(
  delivery: Delivery,
  workload: WorkloadLimits,
  deps: ExecuteDeps,
): Promise<string> {
  try {
    return await consume(delivery, workload, deps);
  } catch (error) {
    const nameless = error instanceof DecodeError;
    deps.log.error(
      { error: String(error), queue: delivery.queue },
      nameless
        ? "an unreadable message stays on the dead-letter queue"
        : "could not record a dead letter, giving it back",
    );
    const seconds = nameless ? UNREADABLE_SECONDS : hiccupDelay(delivery.receiveCount);
    await settle({ kind: "release", seconds }, delivery, workload.name, deps).catch(() => {}); // it returns by itself
    return nameless ? "dead letter, unreadable" : "hiccup";
  }
}

async function consume(delivery: Delivery, workload: WorkloadLimits, deps: ExecuteDeps): Promise<string> {
  let envelope: Envelope;
  try {
    envelope = decode(delivery.body);
  } catch (error) {
    if (!(error instanceof DecodeError) || error.id === undefined) throw error;
    return (await unreadable(error, delivery, workload, deps)).row;
  }
  if (envelope.task === WATCHDOG) return (await watchOver(envelope, delivery, workload.name, deps)).row;
  const { body, receiveCount } = delivery;
  const { name, maxReceiveCount } = workload;
  const received: DeadLetter = { envelope, workload: name, receiveCount, body, maxReceiveCount };
  const settings = deps.task(envelope.task, envelope.kwargs);
  const policy = settings ?? UNKNOWN_TASK_POLICY;
  const mode = modeOf(received, settings, deps);
  const token = newToken(deps);
  const existing = await deps.store.read(envelope.id);
  const decision = deps.protocol.decideDeadLetter(received, existing, mode, token, policy, circumstancesOf(deps));
  const log = deps.log.child({ task: envelope.task, id: envelope.id, attempt: envelope.retries });
  const facts = { ...received, owner: deps.owner, messageId: delivery.messageId, log };
  let announced: Promise<void> = Promise.resolve();
  try {
    const { row } = await deps.protocol.apply(
      decision,
      delivery,
      name,
      (now) => deps.protocol.decideRefused(received, now, circumstancesOf(deps)),
      deps,
      {
        sending: tracedSends(deps, envelope, undefined),
        recorded: ({ ending }) => {
          if (!ending) return;
          deps.metrics?.ended(name, settings && envelope.task, ending, undefined);
          announced = deps.announce({ ...facts, ending });
        },
      },
    );
    log.warn({ row }, "dead letter");
    return row;
  } finally {
    await announced;
  }
}
