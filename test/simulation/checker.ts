// Watches a world and says which invariant of docs/protocol.md was broken, if any.
import { type Change, holds } from "../../lib/core/changes.ts";
import { followUps } from "../../lib/core/follow-ups.ts";
import { certify, derivedId, idKey } from "../../lib/core/ids.ts";
import { conclude, type State } from "../../lib/core/states.ts";
import { CLOCK_SKEW_MS } from "../../lib/defaults.ts";
import type { MemoryBroker } from "../../lib/memory/broker.ts";
import type { Delivery } from "../../lib/ports/broker.ts";
import type { WriteAnswer } from "../../lib/ports/result-store.ts";
import { mismatch, type PayloadRef } from "../../lib/store/payload.ts";
import { isTerminal, type TaskRecord } from "../../lib/store/record.ts";
import { decode, type Envelope } from "../../lib/wire/envelope.ts";
import type { Ended, Job } from "../../lib/worker/job.ts";
import type { Life } from "./life.ts";
import { APP, DEAD, MAX_HOPS, QUEUE } from "./names.ts";
import type { Spec, World } from "./world.ts";

const key = idKey(APP);

export class Checker {
  readonly #world: World;
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

  constructor(world: World) {
    this.#world = world;
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

  sent(message: Envelope): void {
    const envelope = this.#whole(message);
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
    if (sent.size > (this.#world.redrivesAgain ? (record.redrives ?? 0) + 1 : 1))
      this.#violation(`I4 ${from} was redriven as ${[...sent].join(" and ")}, and counts ${record.redrives ?? 0}`);
    if (envelope.retries !== 0 || envelope.eta !== undefined || envelope.expires !== undefined)
      this.#violation(`redrive: ${envelope.id} has the attempt or the times of ${from}`);
    const failed = record.body === undefined ? undefined : this.#whole(decode(record.body));
    if (failed !== undefined && JSON.stringify(failed.args) !== JSON.stringify(envelope.args))
      this.#violation(`redrive: ${envelope.id} has other arguments than ${from} failed with`);
    this.#world.redriven(envelope, spec);
  }

  /** Whatever refers to an object must find it, and find what it was. */
  #payload(ref: PayloadRef, what: string): unknown {
    const json = this.#world.payloads.peek(ref);
    const problem = json === undefined ? "is not there" : mismatch(ref, json);
    if (problem !== undefined) this.#violation(`I3 ${what} refers to ${ref.key}: ${problem}`);
    return JSON.parse(json ?? "null");
  }

  #whole(envelope: Envelope): Envelope {
    if (envelope.argsRef === undefined) return envelope;
    const found = this.#payload(envelope.argsRef, `the message of ${envelope.id}`) as [Envelope["args"]] | null; // as seal() writes it
    return { ...envelope, args: found?.[0] ?? [] };
  }

  #resultOf(record: TaskRecord | undefined): unknown {
    if (record?.resultRef) return this.#payload(record.resultRef, `the record of ${record.id}`);
    return record?.result === undefined ? undefined : JSON.parse(record.result);
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
    const keepsEnding = change.kind === "forget" || change.kind === "count-redrive";
    if (before && isTerminal(before.state) && !(keepsEnding && after.state === before.state)) {
      this.#violation(`I1 ${what} overwrote ${before.state}`);
    }
    if (before && after.attempt < before.attempt)
      this.#violation(`I2 ${what} went back from attempt ${before.attempt} to ${after.attempt}`);
    if (before?.state === "STARTED" && before.token !== after.token) {
      const holder = this.#lives.get(before.owner ?? "");
      const holdersNow = this.#world.clock.now() + (holder?.offset ?? 0);
      if ((before.leaseUntil ?? 0) > holdersNow) this.#violation(`I2 ${what} took a live lease from ${before.owner}`);
      if (this.#world.calm) this.#violation(`I2 ${what} took over from ${before.owner}, to which nothing had happened`);
    }
    this.#resultOf(after);
    if (after.failure?.type === "PayloadLost") this.#violation(`I5 ${what}: ${after.failure.message}`);
    if (change.kind === "fail" && (after.body === undefined || decode(after.body).retries !== after.attempt))
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
    const untracked = ignoreResult && certify(id, key).untracked; // nothing is recorded that could tell a duplicate
    if (before !== undefined && !untracked) this.#violation(`hooks: ${id} was announced as ${before}, then as ${kind}`);
    const state = this.#world.store.records.get(id)?.state;
    if (!untracked && state !== kind.toUpperCase())
      this.#violation(`hooks: ${id} was announced as ${kind}, its record is ${state ?? "missing"}`);
  }

  runStarted(job: Job, life: Life): void {
    const { id, eta } = job.envelope;
    this.#owed.delete(`${life.name}/${id}`);
    this.#runs.set(id, this.runs(id) + 1);
    const now = this.#world.clock.now();
    if (eta !== undefined && now < eta - CLOCK_SKEW_MS)
      this.#violation(`delay: ${id} ran ${eta - now} ms before its time`);
    if (job.envelope.retries > 0 && job.envelope.args[0] !== "changed by the first retry") {
      this.#violation(`I3 ${id} attempt ${job.envelope.retries} ran with the arguments of the first`);
    }
    const expires = this.#sent.get(id)?.expires;
    if (expires !== undefined && now > expires + 50_000 + CLOCK_SKEW_MS && !life.disturbed)
      this.#violation(`expires: ${id} ran late`);
  }

  /** Invariant 3: what was acknowledged has its outcome and its follow-ups in durable places. */
  acked({ body }: Delivery, broker: MemoryBroker): void {
    const envelope = decode(body);
    const { id, retries } = envelope;
    const record = this.#world.store.records.get(id);
    // Another message of the same task, visible or in flight, still stands for it.
    const copies = [...broker.bodies(QUEUE), ...broker.bodies(DEAD)].map((other) => decode(other));
    if (copies.filter((other) => other.id === id && other.retries >= retries).length > 1) return;
    if (record && isTerminal(record.state)) {
      const routes = { key, now: 0, maxHops: MAX_HOPS, route: () => ({ workload: "default", ignoreResult: false }) };
      for (const { envelope: next } of followUps(envelope, record, routes)) {
        if (!this.#durable(next.id))
          this.#violation(`I3 ${id} was acknowledged before its follow-up ${next.id} was sent`);
      }
      return;
    }
    if (envelope.ignoreResult && this.#successes.has(id)) {
      const callback = derivedId(key, id, "link:0");
      if (envelope.link.length > 0 && !this.#durable(callback))
        this.#violation(`I3 ${id} was acknowledged before its follow-up was sent`);
      return;
    }
    if (record && record.attempt > retries && (this.#sends.get(`${id}/${record.attempt}`) ?? 0) > 0) return;
    this.#violation(
      `I3 ${id} attempt ${retries} was acknowledged in ${record?.state ?? "no state"} and is nowhere else`,
    );
  }

  /** A follow-up is sent, or recorded as one that cannot be. */
  #durable(id: string): boolean {
    return this.#sent.has(id) || this.#world.store.records.get(id)?.failure?.type === "HopLimitExceeded";
  }

  /** Where nothing goes wrong, no message comes to a dead-letter queue. */
  deadLetter({ body }: Delivery): void {
    if (this.#world.calm && this.#world.rates.burn === 0)
      this.#violation(`I3 ${decode(body).id} was dead-lettered though nothing had gone wrong`);
  }

  /** Invariant 8: what a reader is told never contradicts what it was told before. */
  read(id: string): void {
    const spec = this.#accepted.get(id);
    if (!spec) return;
    const record = this.#world.store.records.get(id);
    const state = conclude(record, certify(id, key), this.#world.clock.now());
    const before = this.#seen.get(id);
    this.#seen.set(id, state);
    if (state === "UNKNOWN" || state === "LOST") this.#violation(`I8 ${id} reads ${state}`);
    if (before === undefined || before === state) return;
    if (before === "SUCCESS" || before === "FAILURE" || before === "REVOKED")
      this.#violation(`I8 ${id} read ${before}, now ${state}`);
    if (state === "PENDING") this.#violation(`I8 ${id} read ${before}, now PENDING`);
  }

  /** Invariants 4 and 5, once everything is quiet. */
  verdict(): readonly string[] {
    for (const [id, spec] of this.#accepted) this.#endOf(id, spec);
    for (const { id, redrives = 0 } of this.#world.store.records.values()) {
      const sent = this.#redrives.get(id)?.size ?? 0;
      if (redrives > sent) this.#violation(`redrive: ${id} counts ${redrives} redrives, ${sent} tasks were sent`);
    }
    for (const queue of [QUEUE, DEAD]) {
      const left = this.#world.broker.bodies(queue).length;
      if (left > 0) this.#violation(`I3 ${left} messages on ${queue} are never acknowledged`);
    }
    for (const [claim, life] of this.#owed)
      if (!life.disturbed) this.#violation(`claim ${claim} was held and never run`);
    return this.#violations;
  }

  #endOf(id: string, spec: Spec): void {
    const record = this.#world.store.records.get(id);
    const ended = record !== undefined && isTerminal(record.state);
    if (!ended && !(spec.mode === "untracked" && this.#successes.has(id))) {
      this.#violation(`I5 ${id} (${spec.mode}) never ended: ${record?.state ?? "no record"}`);
      return;
    }
    if (ended && (record.state === "REVOKED" || (record.state === "SUCCESS" && record.forgotten))) return;
    const failed = record?.state === "FAILURE";
    const expected = failed ? spec.envelope.linkError : spec.envelope.link;
    expected.forEach((_, i) => {
      const callback = derivedId(key, id, `${failed ? "link_error" : "link"}:${i}`);
      const end = this.#world.store.records.get(callback);
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
      const right = failed ? id : this.#resultOf(record);
      if (right !== undefined && first !== right)
        this.#violation(`I4 callback of ${id} got ${short(first)}, its parent's record says ${short(right)}`);
    });
    const wrong = derivedId(key, id, failed ? "link:0" : "link_error:0");
    if (spec.mode === "tracked" && this.#sent.has(wrong))
      this.#violation(`I1 ${id} ended as ${record?.state} and published the other callback`);
  }
}

const short = (value: unknown) => String(value).slice(0, 80);
