// One message, from its receive to its settlement, as named steps:
//
//  1. read      the body into an envelope; an unreadable one ends as a failure or on the dead-letter queue
//  2. place     early: hop; expired: revoke; no such task: fail
//  3. claim     one conditional write; a refusal carries the record that refused, and that decides
//  4. run       the task's code, in this thread or another, under a heartbeat
//  5. decide    what follows from the outcome: a value
//  6. apply     record, follow-ups, message, in this order
//
// It never rejects: a back end that fails in the middle leaves the message to its next delivery.
import * as changes from "../core/changes.ts";
import type { Circumstances, Decision, Mode, Received } from "../core/decide.ts";
import * as decisions from "../core/decide.ts";
import type { Routes } from "../core/follow-ups.ts";
import { certify } from "../core/ids.ts";
import type { Outcome } from "../core/outcome.ts";
import { hiccupDelay, leaseUntil } from "../core/visibility.ts";
import { TASK_DEFAULTS, UNKNOWN_TASK_RECEIVES } from "../defaults.ts";
import { DecodeError, MessageTooLarge, NotRegistered, NotSupported } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Delivery } from "../ports/broker.ts";
import type { TaskSettings } from "../settings.ts";
import type { TaskRecord } from "../store/record.ts";
import { decode, type Envelope, encode } from "../wire/envelope.ts";
import { toFailure } from "../wire/failure.ts";
import { type ApplyDeps, apply, settle, writeSurely } from "./apply.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { type Run, StopSignal } from "./job.ts";

/** The decisions, so that the simulation can take one away and see what breaks. */
export const protocol = { ...decisions, apply };
export type Protocol = typeof protocol;

export interface ExecuteDeps extends ApplyDeps {
  readonly routes: Omit<Routes, "now">;
  readonly owner: string;
  readonly protocol: Protocol;
  /** Settings of a registered task. */
  task(name: string): TaskSettings | undefined;
  taskNames(): readonly string[];
  run: Run;
}

export interface WorkloadLimits {
  readonly name: string;
  readonly visibilitySeconds: number;
  readonly maxReceiveCount: number;
}

/** A message in hand. `stop` may be called from outside (shutdown). */
export interface Execution {
  readonly delivery: Delivery;
  readonly stop: StopSignal;
  /** Resolves with the row of docs/protocol.md that settled it. */
  readonly done: Promise<string>;
}

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
  let log = deps.log;
  try {
    const envelope = read(delivery);
    if (envelope instanceof DecodeError)
      return settled(await unreadable(envelope, delivery, workload, deps), delivery, log);

    log = deps.log.child({ task: envelope.task, id: envelope.id, attempt: envelope.retries });
    const received: Received = { envelope, workload: workload.name, receiveCount: delivery.receiveCount };
    const run = new RunOfTask(received, delivery, workload, stop, { ...deps, log });

    const decision = run.place() ?? (await run.claimAndRun());
    return settled(await run.apply(decision), delivery, log);
  } catch (error) {
    log.error({ error: String(error), queue: delivery.queue }, "could not finish with this message, giving it back");
    await settle({ kind: "release", seconds: hiccupDelay(delivery.receiveCount) }, delivery, workload.name, deps).catch(
      (again) => log.warn({ error: String(again) }, "could not give the message back, it returns by itself"),
    );
    return "hiccup";
  }
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
async function unreadable(
  error: DecodeError,
  delivery: Delivery,
  workload: WorkloadLimits,
  deps: ExecuteDeps,
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
  const change = changes.failUnheld(claim, now, toFailure(error), TASK_DEFAULTS.resultExpiresSeconds, delivery.body);
  const decision: Decision = { row: "unreadable", change, publish: [], settle: { kind: "ack" } };
  // Whatever holds the id already is not this message: one that cannot be read has never been run.
  const acked: Decision = { row: "unreadable, again", publish: [], settle: { kind: "ack" } };
  return deps.protocol.apply(decision, delivery, workload.name, () => acked, deps);
}

export function newToken({ clock }: ExecuteDeps): string {
  return Buffer.from(clock.randomBytes(12)).toString("base64url");
}

/** What the task asks for, as far as it is known here. */
export function modeOf(
  { envelope }: Received,
  settings: TaskSettings | undefined,
  { routes }: Pick<ExecuteDeps, "routes">,
): Mode {
  // Only an id that says so itself may go without a record: a reader has nothing else to tell by.
  if (envelope.ignoreResult && certify(envelope.id, routes.key).untracked) return "untracked";
  return settings?.claim === false ? "unclaimed" : "tracked";
}

export const UNKNOWN_TASK_POLICY = {
  maxRetries: TASK_DEFAULTS.maxRetries,
  defaultRetryDelay: TASK_DEFAULTS.defaultRetryDelaySeconds,
  retryBackoff: false,
  retryBackoffMax: TASK_DEFAULTS.retryBackoffMaxSeconds,
  retryJitter: TASK_DEFAULTS.retryJitter,
  resultExpires: TASK_DEFAULTS.resultExpiresSeconds,
} as const;

class RunOfTask {
  readonly #received: Received;
  readonly #delivery: Delivery;
  readonly #workload: WorkloadLimits;
  readonly #stop: StopSignal;
  readonly #deps: ExecuteDeps;
  readonly #settings: TaskSettings | undefined;
  readonly #mode: Mode;
  readonly #token: string;

  constructor(received: Received, delivery: Delivery, workload: WorkloadLimits, stop: StopSignal, deps: ExecuteDeps) {
    this.#received = received;
    this.#delivery = delivery;
    this.#workload = workload;
    this.#stop = stop;
    this.#deps = deps;
    this.#settings = deps.task(received.envelope.task);
    this.#mode = modeOf(received, this.#settings, deps);
    this.#token = newToken(deps);
  }

  get #policy() {
    return this.#settings ?? UNKNOWN_TASK_POLICY;
  }

  #circumstances(): Circumstances {
    const now = this.#deps.clock.now();
    return { now, random: this.#deps.clock.random(), routes: { ...this.#deps.routes, now } };
  }

  /** What happens to a message that is not to be started, or undefined where it is. */
  place(): Decision | undefined {
    const { protocol } = this.#deps;
    const circumstances = this.#circumstances();
    const untimely =
      protocol.decideExpired(this.#received, this.#policy, circumstances, this.#token) ??
      protocol.decideEarly(this.#received, circumstances);
    if (untimely) return untimely;
    const reason = this.#unrunnable();
    if (reason === undefined) return undefined;
    const giveBackUntil = reason instanceof NotRegistered ? UNKNOWN_TASK_RECEIVES : 0;
    this.#deps.log.error({ error: reason.message }, "cannot run this task");
    return protocol.decideUnrunnable(
      this.#received,
      toFailure(reason),
      this.#policy,
      circumstances,
      this.#token,
      giveBackUntil,
    );
  }

  #unrunnable(): Error | undefined {
    const { envelope } = this.#received;
    if (this.#settings === undefined) return new NotRegistered(envelope.task, this.#deps.taskNames());
    // Running it and dropping the rest of its workflow would lose tasks that were accepted.
    if (envelope.chain.length > 0 || envelope.chord !== undefined) {
      return new NotSupported(
        "the message carries a chain or a chord, which this version cannot continue; send the steps one by one, with link",
      );
    }
    return undefined;
  }

  async claimAndRun(): Promise<Decision> {
    if (this.#mode === "tracked") {
      const refusal = await this.#claim();
      if (refusal) return refusal;
    }
    const outcome = this.#stop.reason === undefined ? await this.#run() : stoppedBeforeStart(this.#stop);
    return this.#decide(outcome);
  }

  /** Undefined where the claim is held. */
  async #claim(): Promise<Decision | undefined> {
    const { clock, owner, protocol, log } = this.#deps;
    const now = clock.now();
    const claim = protocol.claimOf(this.#received, this.#token);
    const lease = {
      owner,
      until: leaseUntil(now, this.#workload.visibilitySeconds),
      lastDelivery: this.#received.receiveCount >= this.#workload.maxReceiveCount,
    };
    const answer = await writeSurely(changes.claim(claim, now, lease), this.#deps);
    const record = answer.applied ? answer.record : answer.existing;
    // Refused by my own token: the write had arrived, its answer was lost and it was written again.
    const held = answer.applied || (record?.state === "STARTED" && record.token === this.#token);
    if (!held) return protocol.decideRefused(this.#received, record, this.#circumstances());
    if (record?.revokeRequested) this.#stop.stop("revoked");
    if ((record?.runs ?? 1) > 1 && this.#received.envelope.retries === 0)
      log.info({ run: record?.runs }, "starts again, an earlier execution of this attempt did not finish it");
    return undefined;
  }

  async #run(): Promise<Outcome> {
    const { envelope, workload } = this.#received;
    const settings = this.#settings as TaskSettings; // place() has refused unknown tasks
    const stop = this.#stop;
    const claim = this.#mode === "tracked" ? this.#deps.protocol.claimOf(this.#received, this.#token) : undefined;
    const heartbeat = startHeartbeat(
      this.#delivery,
      claim,
      this.#workload.visibilitySeconds,
      {
        claimLost: () => stop.stop("claim lost"),
        revokeRequested: (how) => stop.stop(how === "terminate" ? "terminated" : "revoked"),
      },
      this.#deps,
    );
    const timeLimit = envelope.timeLimit ?? settings.timeLimit;
    try {
      return await this.#deps.run({
        envelope,
        settings,
        workload,
        owner: this.#deps.owner,
        receiveCount: this.#received.receiveCount,
        messageId: this.#delivery.messageId,
        timeLimit,
        softTimeLimit: envelope.softTimeLimit ?? Math.min(settings.softTimeLimit, timeLimit),
        stop,
        log: this.#deps.log,
        report: async (meta, customState) => {
          if (claim) await this.#deps.store.write(changes.report(claim, meta, customState));
        },
      });
    } finally {
      await heartbeat.stop();
    }
  }

  #decide(outcome: Outcome): Decision {
    const { protocol } = this.#deps;
    const circumstances = this.#circumstances();
    const decision = protocol.decide(outcome, this.#received, this.#mode, this.#token, this.#policy, circumstances);
    if (outcome.kind !== "retry" || decision.publish[0] === undefined) return decision;
    // A retry with arguments that cannot be sent must fail before its record promises another attempt.
    try {
      encode(decision.publish[0].envelope, this.#received.workload);
      return decision;
    } catch (error) {
      if (!(error instanceof MessageTooLarge)) throw error;
      const failure = { kind: "failure", failure: toFailure(error), expected: false } as const;
      return protocol.decide(failure, this.#received, this.#mode, this.#token, this.#policy, circumstances);
    }
  }

  apply(decision: Decision): Promise<Decision> {
    const { protocol } = this.#deps;
    const refused = (existing: TaskRecord | undefined) =>
      protocol.decideWriteRefused(
        existing,
        this.#received,
        this.#mode,
        this.#token,
        this.#policy,
        this.#circumstances(),
      );
    return protocol.apply(decision, this.#delivery, this.#workload.name, refused, this.#deps);
  }
}

function stoppedBeforeStart(stop: StopSignal): Outcome {
  return stop.reason === "shutdown"
    ? { kind: "interrupted" }
    : { kind: "revoked", reason: "revoked before it started" };
}
