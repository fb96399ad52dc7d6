// One message, from its receive to its settlement, as named steps:
//
//  1. read      the body into an envelope; an unreadable one ends as a failure or on the dead-letter queue
//  2. place     early: hop; expired: revoke; no such task: fail
//  3. claim     one conditional write; a refusal carries the record that refused, and that decides
//  4. run       the task's code, in this process or another, under a heartbeat
//  5. decide    what follows from the outcome: a value
//  6. apply     record, follow-ups, message, in this order
//
// It never rejects: a back end that fails in the middle leaves the message to its next delivery.
import { inLine, type Line } from "../context.ts";
import * as changes from "../core/changes.ts";
import type { Decision, Received } from "../core/decision.ts";
import { hiccupDelay } from "../core/visibility.ts";
import { WATCHDOG } from "../core/watchdog.ts";
import { HOOKS_SECONDS, TASK_DEFAULTS } from "../defaults.ts";
import { DecodeError, LovageError } from "../errors.ts";
import type { EventName, LifecycleEvents } from "../events.ts";
import type { Logger } from "../log.ts";
import type { Delivery } from "../ports/broker.ts";
import { decode, type Envelope } from "../wire/envelope.ts";
import { toFailure } from "../wire/failure.ts";
import { hookContext, notLonger, unlessHurried } from "./announce.ts";
import { settle } from "./apply.ts";
import { type DecisionDeps, type ExecuteDeps, type Execution, newToken, type WorkloadLimits } from "./execution.ts";
import { StopSignal } from "./job.ts";
import { TaskRun } from "./task-run.ts";
import { watchOver } from "./watch-over.ts";

export function execute(delivery: Delivery, workload: WorkloadLimits, deps: ExecuteDeps): Execution {
  const stop = new StopSignal();
  return { delivery, stop, done: executeSteps(delivery, workload, stop, deps) };
}

async function executeSteps(
  delivery: Delivery,
  workload: WorkloadLimits,
  stop: StopSignal,
  deps: ExecuteDeps,
): Promise<string> {
  let { log } = deps;
  let hops = 0;
  try {
    const envelope = read(delivery);
    if (envelope instanceof DecodeError)
      return settled(await unreadable(envelope, delivery, workload, deps), delivery, log);

    log = deps.log.child({ task: envelope.task, id: envelope.id, attempt: envelope.retries });
    if (envelope.task === WATCHDOG)
      return settled(await watchOver(envelope, delivery, workload.name, { ...deps, log }), delivery, log);
    hops = envelope.hops ?? 0;
    const { body, receiveCount } = delivery;
    const received: Received = { envelope, workload: workload.name, receiveCount, body };
    const run = new TaskRun(received, delivery, workload, stop, { ...deps, log });
    await tell("taskReceived", () => ({ ctx: hookContext(run.facts) }), deps, { hops, log });

    const decision = run.place() ?? (await run.claimAndRun());
    return settled(await run.apply(decision), delivery, log);
  } catch (error) {
    const stack = error instanceof Error && !(error instanceof LovageError) ? error.stack : undefined; // a bug of ours
    const fields = { error: String(error), queue: delivery.queue, ...(stack && { stack }) };
    log.error(fields, "could not finish with this message, giving it back");
    const { queue, messageId } = delivery;
    await tell("taskInternalError", () => ({ error, queue, messageId }), deps, { hops, log });
    await settle({ kind: "release", seconds: hiccupDelay(delivery.receiveCount) }, delivery, workload.name, deps).catch(
      (again) => log.warn({ error: String(again) }, "could not give the message back, it returns by itself"),
    );
    return "hiccup";
  }
}

/** Listeners may be slow: the message does not wait for them for ever. */
async function tell<N extends EventName>(
  name: N,
  event: () => LifecycleEvents[N],
  { events, clock, hurry }: ExecuteDeps,
  line: Line,
): Promise<void> {
  if (!events.has(name)) return;
  const { log } = line;
  const heard = inLine(line, () => events.emit(name, event(), log));
  const told = notLonger(HOOKS_SECONDS, heard, `listeners of ${name}`, clock, log);
  await unlessHurried(told, hurry);
}

/** What `--debug` shows: the row of docs/protocol.md that was taken, and what came of it. */
function settled(
  { row, publish, settle: how }: Decision,
  { messageId, queue, receiveCount }: Delivery,
  log: Logger,
): string {
  const fields = {
    row,
    settle: how.kind,
    follow_ups: publish.length,
    message_id: messageId,
    queue,
    receive_count: receiveCount,
  };
  log.debug(fields, "settled");
  return row;
}

function read(delivery: Delivery): Envelope | DecodeError {
  try {
    return decode(delivery.body);
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

/** Where an id can be read the failure is recorded under it; otherwise the message itself is all there is to keep. */
export async function unreadable(
  error: DecodeError,
  delivery: Delivery,
  workload: Pick<WorkloadLimits, "name">,
  deps: DecisionDeps & Pick<ExecuteDeps, "metrics">,
): Promise<Decision> {
  deps.log.error(
    { id: error.id, task: error.task, queue: delivery.queue, error: error.message },
    "cannot read a message",
  );
  if (error.id === undefined) {
    const decision: Decision = { row: "unreadable, no id", publish: [], settle: { kind: "dead-letter" } };
    return deps.protocol.apply(decision, delivery, workload.name, () => decision, deps);
  }
  const now = deps.clock.now();
  const claim = {
    id: error.id,
    task: error.task ?? "unknown",
    workload: workload.name,
    attempt: 0,
    token: newToken(deps),
  };
  const failure = toFailure(error);
  const change = changes.failUnheld(claim, now, failure, TASK_DEFAULTS.resultExpiresSeconds, delivery.body);
  const decision: Decision = { row: "unreadable", change, publish: [], settle: { kind: "ack" } };
  // Whatever holds the id already is not this message: one that cannot be read has never been run.
  const acked: Decision = { row: "unreadable, again", publish: [], settle: { kind: "ack" } };
  const recorded = (done: Decision) => {
    if (done !== decision) return;
    const known = error.task !== undefined && deps.task(error.task) ? error.task : undefined;
    deps.metrics?.ended(workload.name, known, { kind: "failure", failure, expected: false }, undefined);
  };
  return deps.protocol.apply(decision, delivery, workload.name, () => acked, deps, { recorded });
}
