// Watches a world and says which invariant of DESIGN and docs/protocol.md was broken, if any. Where each is asserted:
//
//  I1  one ending                 onApplied (never overwritten), announced (told once), endOf (and its callbacks alone)
//  I2  fenced                     onApplied (who holds the claim writes), answered (whose lease a beat renews), again (runs are explained)
//  I3  ack last                   acked (what is deleted is durable), Evidence (references find their object), verdict (nothing left)
//  I4  derived ids                redriven, onApplied (counts), endOf (what a callback was handed)
//  I5  no silence                 endOf (everything ends, BOUND_MS after the last fault at the latest), answered (no claim is refused wrongly)
//  I6  heartbeats yield           changesVisibility
//  I7  skew                       onApplied (no takeover in a calm world, where clocks differ by 10 s), runStarted (not before its time)
//  I8  truth by id                read
import { type Change, holds } from "../../lib/core/changes.ts";
import { follows } from "../../lib/core/follow-ups.ts";
import { type Certificate, certify, derivedId, idKey } from "../../lib/core/ids.ts";
import { conclude, type State } from "../../lib/core/states.ts";
import { CLOCK_SKEW_MS } from "../../lib/defaults.ts";
import { DecodeError } from "../../lib/errors.ts";
import type { Delivery } from "../../lib/ports/broker.ts";
import type { WriteAnswer } from "../../lib/ports/result-store.ts";
import { isTerminal, type TaskRecord } from "../../lib/store/record.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import type { Ended } from "../../lib/worker/job.ts";
import { decoded } from "./describe.ts";
import { Evidence } from "./evidence.ts";
import type { Life } from "./life.ts";
import { APP, BOUND_MS, isBeat, MAX_HOPS, MINUTE, QUEUES } from "./names.ts";
import type { Spec } from "./specs.ts";
import type { World } from "./world.ts";

const key = idKey(APP);

/** What a run is known by. */
export type RunFacts = Pick<Envelope, "id" | "retries" | "args" | "eta">;

interface LatestRun {
  readonly life: Life;
  readonly attempt: number;
  /** How it ended, if it did. */
  outcome: string | undefined;
}

export class Checker {
  readonly #world: World;
  readonly #evidence: Evidence;
  readonly #violations: string[] = [];
  readonly #lives = new Map<string, Life>();
  readonly #accepted = new Map<string, Spec>();
  readonly #sent = new Map<string, Envelope>();
  readonly #sends = new Map<string, number>();
  readonly #runs = new Map<string, number>();
  readonly #successes = new Set<string>();
  readonly #seen = new Map<string, State>();
  readonly #owed = new Map<string, Life>();
  readonly #announced = new Map<string, string>();
  /** Ids of the new tasks, by the failed one's. */
  readonly #redrives = new Map<string, Set<string>>();
  readonly #certificates = new Map<string, Certificate>();
  readonly #latest = new Map<string, LatestRun>();
  /** Receipts of messages that are being settled. */
  readonly #settled = new Set<string>();
  /** When the last task ended, in ms since the start. */
  lastEnd = 0;

  constructor(world: World) {
    this.#world = world;
    this.#evidence = new Evidence(world, (text) => this.#violation(text));
  }

  #violation(text: string): void {
    const at = (this.#world.clock.monotonic() / 1_000).toFixed(1);
    if (this.#violations.length < 20) this.#violations.push(`${at}s ${text}`);
  }

  owner(life: Life): void {
    this.#lives.set(life.name, life);
  }

  accepted(spec: Spec): void {
    this.#accepted.set(spec.envelope.id, spec);
  }

  sent(body: string): void {
    const message = decoded(body);
    if (message instanceof DecodeError) return;
    const envelope = this.#evidence.whole(message);
    const { hops = 0 } = envelope;
    const before = this.#sent.get(envelope.id)?.hops ?? 0;
    if (hops > MAX_HOPS) this.#violation(`hops: ${envelope.id} was sent with ${hops} messages before it`);
    if (hops < before) this.#violation(`hops: ${envelope.id} had ${before} messages before it, now ${hops}`);
    this.#sent.set(envelope.id, envelope);
    const name = `${envelope.id}/${envelope.retries}`;
    this.#sends.set(name, (this.#sends.get(name) ?? 0) + 1);
    if (envelope.redrivenFrom !== undefined && !this.#accepted.has(envelope.id))
      this.#redriven(envelope, envelope.redrivenFrom);
  }

  /** An operator was told that it was sent again. */
  saidRedriven(id: string): void {
    const record = this.#world.store.records.get(id);
    if (!this.#redrives.has(id) || record?.redrives === undefined)
      this.#violation(`redrive: ${id} was said to be sent again, its record counts ${record?.redrives ?? 0}`);
  }

  /** Invariant 4: one redrive that is counted is one new task, however often it was sent and by whom. */
  #redriven(envelope: Envelope, from: string): void {
    const spec = this.#world.specs.get(from); // its sender may not have been told that it was accepted
    const record = this.#world.store.records.get(from);
    const sent = this.#redrives.get(from) ?? new Set();
    this.#redrives.set(from, sent.add(envelope.id));
    if (spec === undefined || record?.state !== "FAILURE") {
      this.#violation(`redrive: ${from} was sent again in ${record?.state ?? "no state"}`);
      return;
    }
    if (sent.size > (this.#world.weather.redrivesAgain ? (record.redrives ?? 0) + 1 : 1))
      this.#violation(`I4 ${from} was redriven as ${[...sent].join(" and ")}, and counts ${record.redrives ?? 0}`);
    if (envelope.retries !== 0 || envelope.eta !== undefined || envelope.expires !== undefined)
      this.#violation(`redrive: ${envelope.id} has the attempt or the times of ${from}`);
    const kept = record.body === undefined ? undefined : decoded(record.body);
    const failed = kept === undefined || kept instanceof DecodeError ? undefined : this.#evidence.whole(kept);
    if (failed !== undefined && JSON.stringify(failed.args) !== JSON.stringify(envelope.args))
      this.#violation(`redrive: ${envelope.id} has other arguments than ${from} failed with`);
    this.#world.redriven(envelope, spec);
  }

  runs(id: string): number {
    return this.#runs.get(id) ?? 0;
  }

  ranToSuccess(id: string): void {
    this.#successes.add(id);
  }

  /** Invariants 1 and 2: one ending; every write under a claim by its holder, every takeover of a lease that is over. */
  onApplied(change: Change, before: TaskRecord | undefined, after: TaskRecord): void {
    const what = `${change.kind} of ${change.id}`;
    const keepsEnding = ["forget", "count-redrive", "note-followed"].includes(change.kind);
    if (before && isTerminal(before.state) && !(keepsEnding && after.state === before.state)) {
      this.#violation(`I1 ${what} overwrote ${before.state}`);
    }
    if (isTerminal(after.state) && !(before && isTerminal(before.state))) this.lastEnd = this.#world.clock.monotonic();
    const held =
      change.kind === "succeed" || change.kind === "retry" || change.kind === "heartbeat" || change.kind === "report";
    if (held && before?.state === "STARTED" && change.set.token !== undefined && change.set.token !== before.token)
      if (!this.#changes(change.id)) this.#violation(`I2 ${what} was written past the claim of ${before.owner}`);
    if (change.kind === "retry" && before?.state === "RETRY" && before.attempt >= after.attempt)
      this.#violation(`I2 ${what} came from an execution that another had overtaken in attempt ${before.attempt}`);
    if (before && after.attempt < before.attempt)
      this.#violation(`I2 ${what} went back from attempt ${before.attempt} to ${after.attempt}`);
    if (before?.state === "STARTED" && before.token !== after.token && !this.#changes(change.id)) {
      const holder = this.#lives.get(nameOf(before.owner));
      const holdersNow = this.#world.clock.now() + (holder?.offset ?? 0);
      if ((before.leaseUntil ?? 0) > holdersNow) this.#violation(`I2 ${what} took a live lease from ${before.owner}`);
      if (this.#world.weather.calm)
        this.#violation(`I7 ${what} took over from ${before.owner}, to which nothing had happened`);
    }
    this.#evidence.resultOf(after);
    if (after.failure?.type === "PayloadLost") this.#violation(`I5 ${what}: ${after.failure.message}`);
    if (change.kind === "fail" && !keeps(after))
      this.#violation(`redrive: ${what} did not keep the message of attempt ${after.attempt}`);
    if (change.kind === "count-redrive" && after.redrives !== (before?.redrives ?? 0) + 1)
      this.#violation(`I4 ${what} counted ${before?.redrives ?? 0} and then ${after.redrives}`);
    if (change.kind === "claim") {
      this.#owed.delete(`${before?.owner}/${change.id}`);
      if (before?.state === "STARTED" && before.revokeRequested && after.revokeRequested === undefined) {
        this.#violation(`revoke: ${what} dropped a request to revoke it`);
      }
    }
    if (change.kind === "retry" && before?.revokeRequested)
      this.#violation(`revoke: ${what} was retried though a revoke was requested`);
  }

  /** A claim that was answered must be run, however the answer looked. */
  answered(change: Change, answer: WriteAnswer, life: Life): void {
    const record = answer.applied ? answer.record : answer.existing;
    if (change.kind === "heartbeat" && answer.applied && record?.token !== change.when[0]?.token) {
      this.#violation(`I2 a heartbeat for ${change.id} renewed somebody else's lease`);
    }
    if (change.kind !== "claim") return;
    if (!answer.applied && holds(change.when, record))
      this.#violation(`I5 a claim of ${change.id} was refused in ${record?.state ?? "no record"}`);
    if (record?.token === change.set.token && !record?.revokeRequested)
      this.#owed.set(`${life.name}/${change.id}`, life);
  }

  /** Hooks hear of what is recorded, and of one ending once. */
  announced({ envelope: { id, ignoreResult }, ending: { kind } }: Ended): void {
    if (kind !== "success" && kind !== "failure") return;
    const before = this.#announced.get(id);
    this.#announced.set(id, kind);
    const untracked = ignoreResult && this.#certified(id).untracked; // nothing is recorded that could tell a duplicate
    if (before !== undefined && !untracked) this.#violation(`hooks: ${id} was announced as ${before}, then as ${kind}`);
    const state = this.#world.store.records.get(id)?.state;
    if (!untracked && state !== kind.toUpperCase())
      this.#violation(`hooks: ${id} was announced as ${kind}, its record is ${state ?? "missing"}`);
  }

  runStarted({ id, retries, args, eta }: RunFacts, life: Life): void {
    this.#owed.delete(`${life.name}/${id}`);
    this.#runs.set(id, this.runs(id) + 1);
    this.#again(id, retries, life);
    const now = this.#world.clock.now();
    if (eta !== undefined && now < eta - CLOCK_SKEW_MS) this.#violation(`I7 ${id} ran ${eta - now} ms before its time`);
    if (retries > 0 && args[0] !== "changed by the first retry")
      this.#violation(`I3 ${id} attempt ${retries} ran with the arguments of the first`);
    const expires = this.#sent.get(id)?.expires;
    if (expires !== undefined && now > expires + 50_000 + CLOCK_SKEW_MS && !life.disturbed)
      this.#violation(`expires: ${id} ran late`);
  }

  /**
   * Each further run of a claimed attempt is explained: by how the one before it ended, by what happened to its process, or by
   * what happened to this one, which has stood still since its claim.
   */
  #again(id: string, attempt: number, life: Life): void {
    const before = this.#latest.get(id);
    this.#latest.set(id, { life, attempt, outcome: undefined });
    const mode = this.#world.specs.get(id)?.mode ?? "tracked";
    if (before === undefined || mode === "unclaimed" || mode === "untracked" || this.#changes(id)) return;
    const explained =
      before.life.disturbed || life.disturbed || before.outcome === "requeue" || this.#world.batchTrouble;
    if (before.attempt === attempt && !explained)
      this.#violation(`I2 ${id} attempt ${attempt} ran again though nothing had happened to ${before.life.name}`);
    if (before.attempt < attempt && !explained && before.outcome !== "retry")
      this.#violation(`I2 ${id} attempt ${attempt} ran though attempt ${before.attempt} had not asked for it`);
  }

  runEnded(id: string, life: Life, outcome: string): void {
    const latest = this.#latest.get(id);
    if (latest?.life === life) latest.outcome = outcome;
  }

  /** Its settings change with the deploy: claimed by old code, not by new. */
  #changes(id: string): boolean {
    return this.#world.specs.get(id)?.envelope.task === "changing";
  }

  /** From now on nobody but who settles it may touch the message's visibility. */
  settles({ receipt }: Delivery): void {
    this.#settled.add(receipt);
  }

  /** Invariant 6. */
  changesVisibility(delivery: Delivery, seconds: number): void {
    if (!isBeat(seconds)) this.settles(delivery);
    else if (this.#settled.has(delivery.receipt))
      this.#violation(`I6 a heartbeat touched message ${delivery.messageId}, which had been settled`);
  }

  /** Invariant 3: what was acknowledged has its outcome and its follow-ups in durable places. */
  acked({ body }: Delivery): void {
    const envelope = decoded(body);
    const { id } = envelope;
    const record = id === undefined ? undefined : this.#world.store.records.get(id);
    if (envelope instanceof DecodeError) {
      const stands = id === undefined && this.#evidence.messages().filter((other) => other === body).length > 1;
      if (!stands && !(record && isTerminal(record.state)))
        this.#violation(`I3 unreadable message ${id ?? "without an id"} was acknowledged and is nowhere else`);
      return;
    }
    this.#ackedReadable(envelope, record);
  }

  #ackedReadable(envelope: Envelope, record: TaskRecord | undefined): void {
    const { id, retries } = envelope;
    // Another message of the same task, visible or in flight, still stands for it.
    if (this.#evidence.messagesOf(id, retries) > 1 || this.#evidence.messagesOf(id, retries + 1) > 0) return;
    const missing = record && isTerminal(record.state) ? this.#missing(envelope, record) : undefined;
    if (envelope.ignoreResult && this.#successes.has(id)) {
      // It has succeeded, and perhaps failed in another delivery: what either of them owes is enough.
      const callback = derivedId(key, id, "link:0");
      if (envelope.link.length === 0 || this.#durable(callback) || missing?.length === 0) return;
      this.#violation(`I3 ${id} was acknowledged before its follow-up was sent`);
      return;
    }
    if (missing !== undefined) {
      for (const next of missing) this.#violation(`I3 ${id} was acknowledged before its follow-up ${next} was sent`);
      return;
    }
    if (record && record.attempt > retries && (this.#sends.get(`${id}/${record.attempt}`) ?? 0) > 0) return;
    this.#violation(
      `I3 ${id} attempt ${retries} was acknowledged in ${record?.state ?? "no state"} and is nowhere else`,
    );
  }

  /** Follow-ups of its ending that are neither sent nor recorded. */
  #missing(envelope: Envelope, record: TaskRecord): readonly string[] {
    const routes = { key, now: 0, maxHops: MAX_HOPS, route: () => ({ workload: "default", ignoreResult: false }) };
    const due = follows(envelope, record, routes).publish.map(({ envelope: { id } }) => id);
    return due.filter((id) => !this.#durable(id));
  }

  /** An untracked task failed in one delivery and succeeded in another, which did not know: the callbacks of one of them are due. */
  #ranAgain({ id, ignoreResult }: Envelope, record: TaskRecord | undefined): boolean {
    return ignoreResult && this.#successes.has(id) && record?.state === "FAILURE";
  }

  /** A follow-up is sent, or recorded as one that cannot be. */
  #durable(id: string): boolean {
    return this.#sent.has(id) || this.#world.store.records.get(id)?.failure?.type === "HopLimitExceeded";
  }

  /** Where nothing goes wrong, no message comes to a dead-letter queue. */
  deadLetter({ body }: Delivery): void {
    const { calm, rates, functions } = this.#world.weather;
    const message = decoded(body);
    // One that no worker knows is given back on purpose; on Lambda with the rest of its batch, more often than that.
    const wasStrange = message instanceof DecodeError || (functions && message.task === "unknown");
    if (calm && !rates["throttled delivery"] && !wasStrange)
      this.#violation(`I3 ${message.id} was dead-lettered though nothing had gone wrong`);
  }

  /** Invariant 8: what a reader is told never contradicts what it was told before. */
  read(id: string): void {
    const spec = this.#accepted.get(id);
    if (!spec) return;
    const record = this.#world.store.records.get(id);
    const state = conclude(record, this.#certified(id), this.#world.clock.now());
    const before = this.#seen.get(id);
    this.#seen.set(id, state);
    if (state === "UNKNOWN") this.#violation(`I8 ${id} reads UNKNOWN`);
    if (state === "LOST" && !this.#world.weather.abandoned) this.#violation(`I8 ${id} reads LOST`);
    if (state === "LOST" && this.#evidence.messagesOf(id, 0) > 0)
      this.#violation(`I8 ${id} reads LOST, and its message is there`);
    if (before === undefined || before === state) return;
    if (before === "SUCCESS" || before === "FAILURE" || before === "REVOKED" || before === "LOST")
      this.#violation(`I8 ${id} read ${before}, now ${state}`);
    if (state === "PENDING") this.#violation(`I8 ${id} read ${before}, now PENDING`);
  }

  /** Invariants 3, 4 and 5, once everything is quiet. */
  verdict(): readonly string[] {
    for (const [id, spec] of this.#accepted) this.#endOf(id, spec);
    for (const { id, redrives = 0 } of this.#world.store.records.values()) {
      const sent = this.#redrives.get(id)?.size ?? 0;
      if (redrives > sent) this.#violation(`redrive: ${id} counts ${redrives} redrives, ${sent} tasks were sent`);
    }
    for (const queue of QUEUES) {
      const left = this.#world.left(queue);
      if (left > 0) this.#violation(`I3 ${left} messages on ${queue} are never acknowledged`);
    }
    const late = this.lastEnd - this.#world.lastFault;
    if (late > BOUND_MS && !this.#world.weather.abandoned)
      this.#violation(`I5 the last task ended ${(late / MINUTE).toFixed(0)} minutes after the last fault`);
    for (const [claim, life] of this.#owed)
      if (!life.disturbed) this.#violation(`claim ${claim} was held and never run`);
    return this.#violations;
  }

  #certified(id: string): Certificate {
    const known = this.#certificates.get(id) ?? certify(id, key);
    this.#certificates.set(id, known);
    return known;
  }

  /** Nobody consumed its message in time: it is gone, and readers are told. */
  #lost(id: string, record: TaskRecord | undefined): boolean {
    if (!this.#world.weather.abandoned || this.#evidence.messagesOf(id, 0) > 0) return false;
    const certificate = this.#certified(id);
    const state = conclude(record, certificate, this.#world.clock.now());
    const isAgeless = record === undefined && certificate.madeAt === undefined;
    const isLost = state === "LOST" || state === "UNTRACKED" || (isAgeless && state === "PENDING");
    if (isLost) this.#world.faults.count("SQS", "retention passed");
    return isLost;
  }

  #endOf(id: string, spec: Spec): void {
    const record = this.#world.store.records.get(id);
    const ended = record !== undefined && isTerminal(record.state);
    if (!ended && !(spec.mode === "untracked" && this.#successes.has(id))) {
      if (!this.#lost(id, record))
        this.#violation(`I5 ${id} (${spec.mode}) never ended: ${record?.state ?? "no record"}`);
      return;
    }
    if (this.#ranAgain(spec.envelope, record)) return;
    if (ended && (record.state === "REVOKED" || (record.state === "SUCCESS" && record.forgotten))) return;
    const failed = record?.state === "FAILURE";
    const expected = failed ? spec.envelope.linkError : spec.envelope.link;
    expected.forEach((_, i) => {
      const callback = derivedId(key, id, `${failed ? "link_error" : "link"}:${i}`);
      const end = this.#world.store.records.get(callback);
      if (!(end && isTerminal(end.state)) && this.#lost(callback, end)) return;
      if (!end || !isTerminal(end.state))
        this.#violation(`I5 callback ${callback} of ${id} never ended: ${end?.state ?? "no record"}`);
      if (spec.envelope.hops === MAX_HOPS) {
        if (end?.failure?.type !== "HopLimitExceeded")
          this.#violation(`hops: callback ${callback} of ${id} is one too far and ended as ${end?.state}`);
        return;
      }
      const sent = this.#sent.get(callback);
      if (sent && sent.hops !== 1) this.#violation(`hops: callback ${callback} of ${id} has ${sent.hops} before it`);
      const first = sent?.args[0];
      const right = failed ? id : this.#evidence.resultOf(record);
      if (right !== undefined && !this.#world.weather.abandoned && first !== right)
        this.#violation(`I4 callback of ${id} got ${short(first)}, its parent's record says ${short(right)}`);
    });
    const wrong = derivedId(key, id, failed ? "link:0" : "link_error:0");
    if (spec.mode === "tracked" && !this.#changes(id) && this.#sent.has(wrong))
      this.#violation(`I1 ${id} ended as ${record?.state} and published the other callback`);
  }
}

/** The worker of an owner: a function's has its sandbox and its request besides. */
const nameOf = (owner = "") => owner.split(":")[0] ?? "";

/** A failure keeps the message of the attempt that failed. */
function keeps({ body, attempt }: TaskRecord): boolean {
  const message = body === undefined ? undefined : decoded(body);
  return message instanceof DecodeError ? attempt === 0 : message?.retries === attempt;
}

const short = (value: unknown) => String(value).slice(0, 80);
