// One attempt of one task, from a message that could be read to a decision that is carried out.
import { inLine } from "../context.ts";
import * as changes from "../core/changes.ts";
import type { Decision, Mode, Received } from "../core/decision.ts";
import type { Outcome } from "../core/outcome.ts";
import { leaseUntil } from "../core/visibility.ts";
import { MAX_RESULT_BYTES, PAYLOADS, TASK_DEFAULTS } from "../defaults.ts";
import {
  LovageError,
  MessageTooLarge,
  NotRegistered,
  NotSupported,
  PayloadLost,
  PayloadStoreUnavailable,
  RecordUnreadable,
  ResultExpired,
  ResultsTooLarge,
} from "../errors.ts";
import type { Delivery } from "../ports/broker.ts";
import type { TaskSettings } from "../settings.ts";
import { type Failure, isTerminal, type TaskRecord } from "../store/record.ts";
import type { Envelope } from "../wire/envelope.ts";
import { toFailure } from "../wire/failure.ts";
import { seal } from "../wire/seal.ts";
import { calledTask } from "../wire/signature.ts";
import { unlessHurried } from "./announce.ts";
import {
  circumstancesOf,
  type ExecuteDeps,
  modeOf,
  newToken,
  UNKNOWN_TASK_POLICY,
  type WorkloadLimits,
} from "./execution.ts";
import { startHeartbeat } from "./heartbeat.ts";
import type { Ended, StopSignal } from "./job.ts";
import { measure, type Timing } from "./metrics.ts";
import { withArgs } from "./payloads.ts";
import { withResults } from "./results.ts";
import { tracedSends } from "./traced.ts";
import { writeSurely } from "./write-surely.ts";

export class TaskRun {
  readonly #received: Received;
  readonly #delivery: Delivery;
  readonly #workload: WorkloadLimits;
  readonly #stop: StopSignal;
  readonly #deps: ExecuteDeps;
  readonly #mode: Mode;
  readonly #token: string;
  #settings: TaskSettings | undefined;
  #announced: Promise<void> = Promise.resolve();
  #outcome: Outcome | undefined;
  #timing: Timing | undefined;
  /** Its message with its arguments, wherever they lay. */
  #whole: Envelope;

  constructor(received: Received, delivery: Delivery, workload: WorkloadLimits, stop: StopSignal, deps: ExecuteDeps) {
    this.#received = received;
    this.#delivery = delivery;
    this.#workload = workload;
    this.#stop = stop;
    this.#deps = deps;
    this.#settings = deps.task(received.envelope.task, received.envelope.kwargs);
    this.#mode = modeOf(received, this.#settings, deps);
    this.#token = newToken(deps);
    this.#whole = received.envelope;
  }

  get #policy() {
    return this.#settings ?? UNKNOWN_TASK_POLICY;
  }

  /** What happens to a message that is not to be started, or undefined where it is. */
  place(): Decision | undefined {
    const { protocol } = this.#deps;
    const circumstances = circumstancesOf(this.#deps);
    const untimely =
      protocol.decideExpired(this.#received, this.#policy, circumstances, this.#token) ??
      protocol.decideEarly(this.#received, circumstances);
    if (untimely) return untimely;
    const reason = this.#unrunnable();
    if (reason === undefined) return undefined;
    this.#deps.log.error({ error: reason.message }, "cannot run this task");
    const { stack: _, ...failure } = toFailure(reason); // it would show nothing of the task's
    return protocol.decideUnrunnable(
      this.#received,
      failure,
      this.#policy,
      circumstances,
      this.#token,
      reason instanceof NotRegistered ? "unknown task" : this.#lacksStore() ? "no payload store" : "not supported",
    );
  }

  /** Its producer has a payload store and this worker has none: workers are deployed after it, it seems. */
  #lacksStore(): boolean {
    return this.#received.envelope.argsRef !== undefined && this.#deps.payloads === undefined;
  }

  #unrunnable(): Error | undefined {
    const { envelope } = this.#received;
    if (this.#settings === undefined) return new NotRegistered(calledTask(envelope), this.#deps.taskNames());
    // Running it and dropping the rest of its workflow would lose tasks that were accepted.
    if (envelope.chord !== undefined && this.#deps.joins === undefined) {
      return new NotSupported(
        "the message is a member of a chord, and the app's back ends (connect) keep no workflows; give them joins()",
      );
    }
    if (this.#lacksStore()) {
      return new NotSupported(
        "the message's arguments lie in a payload store, and this app has none; give createApp() the same payloads as its sender has",
      );
    }
    return undefined;
  }

  async claimAndRun(): Promise<Decision> {
    const refusal = await this.#right();
    if (refusal) return refusal;
    this.#outcome = this.#stop.reason === undefined ? await this.#run() : stoppedBeforeStart(this.#stop);
    return this.#decide(this.#outcome);
  }

  /** Undefined where it may run. */
  async #right(): Promise<Decision | undefined> {
    if (this.#mode === "tracked") return this.#claim();
    if (this.#mode === "untracked") return undefined;
    // Without a claim a read is all that tells of a revoke, or that another delivery has ended it.
    const existing = await this.#deps.store.read(this.#received.envelope.id);
    const over =
      existing !== undefined && (isTerminal(existing.state) || existing.attempt > this.#received.envelope.retries);
    return over ? this.#deps.protocol.decideRefused(this.#received, existing, circumstancesOf(this.#deps)) : undefined;
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
    if (!held) return protocol.decideRefused(this.#received, record, circumstancesOf(this.#deps));
    if (record?.revokeRequested) this.#stop.stop("revoked");
    if ((record?.runs ?? 1) > 1 && this.#received.envelope.retries === 0)
      log.info({ run: record?.runs }, "starts again, an earlier execution of this attempt did not finish it");
    return undefined;
  }

  async #run(): Promise<Outcome> {
    const { workload } = this.#received;
    const stop = this.#stop;
    const claim = this.#claimHeld;
    return this.#keeping(async () => {
      const envelope = await this.#withArgs();
      if ("kind" in envelope) return envelope;
      this.#whole = envelope;
      const settings = this.#learn(envelope);
      if (stop.reason !== undefined) return stoppedBeforeStart(stop);
      const timeLimit = envelope.timeLimit ?? settings.timeLimit;
      const measured = this.#deps.metrics && measure(this.#delivery, envelope.eta, this.#deps.clock);
      const outcome = await this.#deps.run({
        envelope,
        settings,
        workload,
        owner: this.#deps.owner,
        receiveCount: this.#received.receiveCount,
        messageId: this.#delivery.messageId,
        timeLimit,
        softTimeLimit: envelope.softTimeLimit ?? softLimit(envelope.timeLimit, settings),
        maxResultBytes: this.#deps.payloads ? PAYLOADS.maxBytes : MAX_RESULT_BYTES,
        stop,
        log: this.#deps.log,
        report: async (meta, customState) => {
          if (claim) await this.#deps.store.write(changes.report(claim, meta, customState));
        },
      });
      this.#timing = measured?.();
      if (outcome.kind !== "retry" || outcome.next === undefined) return outcome;
      // What the retry does not change is what this run had, wherever that lay.
      return { ...outcome, next: { ...argumentsOf(envelope), ...outcome.next } };
    });
  }

  /** Settings for the run. Which task a map calls may have been told by arguments that lay elsewhere. */
  #learn({ task, kwargs }: Envelope): TaskSettings {
    this.#settings = this.#deps.task(task, kwargs) ?? this.#settings;
    return this.#settings as TaskSettings; // place() has refused unknown tasks
  }

  get #claimHeld(): changes.Claim | undefined {
    return this.#mode === "tracked" ? this.#deps.protocol.claimOf(this.#received, this.#token) : undefined;
  }

  /** Message and claim stay this execution's while `work` goes on. */
  async #keeping<T>(work: () => Promise<T>): Promise<T> {
    const { id, task, hops = 0 } = this.#received.envelope;
    const stop = this.#stop;
    const heartbeat = startHeartbeat(
      this.#delivery,
      this.#claimHeld,
      this.#workload.visibilitySeconds,
      {
        claimLost: () => stop.stop("claim lost"),
        revokeRequested: (how) => stop.stop(how === "terminate" ? "terminated" : "revoked"),
        beat: () => {
          const { events, owner, log } = this.#deps;
          inLine({ hops, log }, () => events.emitNow("heartbeatSent", { id, task, worker: owner }, log));
        },
      },
      this.#deps,
    );
    try {
      return await work();
    } finally {
      await heartbeat.stop();
    }
  }

  /** The envelope with its arguments, or the outcome where they cannot be had: gone for good, or for now. */
  async #withArgs(): Promise<Envelope | Outcome> {
    const { envelope } = this.#received;
    if (envelope.argsRef === undefined && envelope.results === undefined) return envelope;
    const stopped = Promise.withResolvers<Outcome>();
    const forget = this.#stop.onStop(() => stopped.resolve(stoppedBeforeStart(this.#stop)));
    try {
      return await Promise.race([this.#fetched(envelope), stopped.promise]);
    } catch (error) {
      if (!(error instanceof LovageError)) throw error;
      const failure = toFailure(error);
      this.#deps.log.error({ error: error.message }, "could not fetch the task's arguments");
      if (GONE_FOR_GOOD.some((type) => error instanceof type)) return { kind: "failure", failure, expected: false };
      return { kind: "payload unavailable", failure };
    } finally {
      forget();
    }
  }

  async #fetched(envelope: Envelope): Promise<Envelope> {
    const whole = await withArgs(envelope, this.#deps);
    return this.#settings?.results === "stream" ? whole : await withResults(whole, this.#deps);
  }

  /** `by`: whether large payloads may travel by reference. */
  #decide(outcome: Outcome, by: "reference" | "value" = "reference"): Decision {
    const { protocol } = this.#deps;
    const payloads = by === "reference" ? this.#deps.payloads?.limits : undefined;
    const circumstances = { ...circumstancesOf(this.#deps), payloads };
    const decision = protocol.decide(outcome, this.#received, this.#mode, this.#token, this.#policy, circumstances);
    if (outcome.kind !== "retry") return decision;
    const next = decision.publish[0];
    const again = decision.row === "retry" && next !== undefined;
    this.#logRetry(outcome, next?.delaySeconds, again);
    if (!again) return decision;
    // A next attempt that cannot be sent or recorded must fail before its record promises it.
    try {
      seal(next.envelope, this.#deps.queue(this.#received.workload), payloads, circumstances.now, circumstances.now);
      const asked = decision.put?.ref.bytes ?? 0;
      if (asked > PAYLOADS.maxBytes) throw new MessageTooLarge("what the retry asks for", asked, PAYLOADS.maxBytes);
      const kept = Buffer.byteLength(decision.change?.set.retryArgs ?? "");
      if (kept > MAX_RESULT_BYTES) throw new MessageTooLarge("what the retry asks for", kept, MAX_RESULT_BYTES);
      return decision;
    } catch (error) {
      if (!(error instanceof LovageError)) throw error;
      const failure = { kind: "failure", failure: toFailure(error), expected: false } as const;
      return protocol.decide(failure, this.#received, this.#mode, this.#token, this.#policy, circumstances);
    }
  }

  #logRetry(
    { failure, exhausted }: Extract<Outcome, { kind: "retry" }>,
    seconds: number | undefined,
    retries: boolean,
  ): void {
    const { log } = this.#deps;
    const error = (what: Failure) => `${what.type}: ${what.message}`;
    if (retries) log.info({ retry_in_s: seconds, ...(failure && { error: error(failure) }) }, "runs again later");
    else log.error({ error: error(exhausted), stack: exhausted.stack }, "failed, its retries are exhausted");
  }

  /** The run is over and its payload store is down: a result that its record can hold is not lost for that. */
  #decideWithoutStore(error: LovageError): Decision {
    const outcome = this.#outcome;
    const fits = outcome?.kind === "success" && (outcome.result?.length ?? 0) <= MAX_RESULT_BYTES;
    this.#deps.log.error({ error: error.message, run_again: !fits }, "could not put a payload into its store");
    if (fits) return this.#decide(outcome, "value");
    const failure = toFailure(error);
    return error instanceof PayloadStoreUnavailable
      ? this.#decide({ kind: "payload unavailable", failure })
      : this.#decide({ kind: "failure", failure, expected: false }); // a bucket or a permission that is missing: no run will find it
  }

  /** Resolves when the decision is carried out, and whoever wants to know of the ending has been told. */
  async apply(decision: Decision): Promise<Decision> {
    const { protocol } = this.#deps;
    let planned = decision;
    const refused = (existing: TaskRecord | undefined): Decision => {
      const instead = protocol.decideWriteRefused(
        existing,
        this.#received,
        this.#mode,
        this.#token,
        this.#policy,
        circumstancesOf(this.#deps),
      );
      // Refused by what it has written itself: only the answer was lost.
      const own = existing?.token === this.#token && existing.state !== "STARTED";
      return own && planned.ending ? { ...instead, ending: planned.ending } : instead;
    };
    const notPut = (error: LovageError) => {
      planned = this.#decideWithoutStore(error);
      return planned;
    };
    const recorded = ({ ending }: Decision) => {
      if (!ending) return;
      const known = this.#settings && this.#received.envelope.task;
      this.#deps.metrics?.ended(this.#received.workload, known, ending, this.#timing);
      this.#announced = this.#deps.announce({ ...this.facts, ending });
    };
    try {
      const { name } = this.#workload;
      const sending = tracedSends(this.#deps, this.#received.envelope, this.#outcome?.trace);
      const during = <T>(put: () => Promise<T>) => this.#keeping(put);
      return await protocol.apply(decision, this.#delivery, name, refused, this.#deps, {
        recorded,
        notPut,
        sending,
        during,
      });
    } finally {
      await unlessHurried(this.#announced, this.#deps.hurry);
    }
  }

  /** What others are told of it. */
  get facts(): Omit<Ended, "ending"> {
    const { workload, receiveCount } = this.#received;
    const { owner, log } = this.#deps;
    return { envelope: this.#whole, workload, owner, receiveCount, messageId: this.#delivery.messageId, log };
  }
}

/** No later delivery finds them either. */
const GONE_FOR_GOOD = [PayloadLost, ResultExpired, ResultsTooLarge, RecordUnreadable, NotSupported];

/** Results that are a stream stay a reference: a retry that asks for other arguments names those after it. */
function argumentsOf({ args, kwargs, results }: Envelope) {
  return { args, kwargs, ...(results && { results }) };
}

/** A call's own hard limit brings its own soft one, as in a task's options. */
function softLimit(ofCall: number | undefined, settings: TaskSettings): number {
  return ofCall === undefined ? settings.softTimeLimit : ofCall * TASK_DEFAULTS.softTimeLimitRatio;
}

function stoppedBeforeStart(stop: StopSignal): Outcome {
  return stop.reason === "shutdown"
    ? { kind: "interrupted" }
    : { kind: "revoked", reason: "revoked before it started" };
}
