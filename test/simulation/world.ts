// One simulated world: real execute/apply code of several workers over the in-memory adapters, under virtual time.
import { BatchWrites } from "../../lib/aws/batch-writes.ts";
import type { ExecuteStatements } from "../../lib/aws/execute-statements.ts";
import type { Change } from "../../lib/core/changes.ts";
import * as changes from "../../lib/core/changes.ts";
import { freshId, idKey } from "../../lib/core/ids.ts";
import type { Outcome } from "../../lib/core/outcome.ts";
import { WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { Events } from "../../lib/events.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryPayloadStore } from "../../lib/memory/payload-store.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { ResultStore } from "../../lib/ports/result-store.ts";
import { revoke } from "../../lib/revoke.ts";
import type { TaskSettings } from "../../lib/settings.ts";
import { FakeClock, seededRandom } from "../../lib/testing/fake-clock.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import { seal } from "../../lib/wire/seal.ts";
import { consumeDeadLetter } from "../../lib/worker/dead-letter.ts";
import { execute } from "../../lib/worker/execute.ts";
import { type ExecuteDeps, type Protocol, protocol } from "../../lib/worker/execution.ts";
import type { Job } from "../../lib/worker/job.ts";
import { type Purged, purge } from "../../lib/worker/purge.ts";
import { type Redriven, redriveTask } from "../../lib/worker/redrive.ts";
import { Checker } from "./checker.ts";
import { type FaultRates, Life } from "./life.ts";
import { APP, DEAD, MAX_HOPS, QUEUE } from "./names.ts";
import { simulatedStatements } from "./statements.ts";

const VISIBILITY = 30;
const MAX_RECEIVES = WORKLOAD_DEFAULTS.maxReceiveCount;
/** A message with large arguments is over the first, its large result over the second; nothing else is. */
const LIMITS = { argsOver: 2_500, resultsOver: 1_000 };
const LARGE = "x".repeat(3_000);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** What one simulated task does. */
export interface Spec {
  readonly mode: "tracked" | "unclaimed" | "untracked" | "chosen";
  /** Outcome of each attempt; the last one repeats. */
  readonly plan: readonly ("success" | "failure" | "retry" | "requeue")[];
  readonly seconds: number;
  /** Its arguments and its result travel by reference. */
  readonly large: boolean;
  readonly envelope: Envelope;
  readonly delaySeconds: number;
  readonly publishAt: number;
  /** Only of a chosen id: the publisher says it again. */
  readonly publishAgainAt: number | undefined;
  readonly revokeAt: number | undefined;
  readonly forgetAt: number | undefined;
}

/** Takes one rule of the protocol away. */
export interface Mutant {
  readonly name: string;
  readonly protocol?: Partial<Protocol>;
  /** Changes a write on its way to the store. */
  readonly change?: (change: Change) => Change;
  /** Changes a write in a batch, after it became a statement. */
  readonly statement?: (change: Change) => Change;
  /** Changes what the batching layer is told. */
  readonly execute?: (execute: ExecuteStatements) => ExecuteStatements;
}

export interface WorldOptions {
  readonly seed: number;
  readonly mutant?: Mutant;
  /** Claims and endings go through the batching layer. @default false */
  readonly batched?: boolean;
}

export class World {
  readonly clock: FakeClock;
  readonly broker: MemoryBroker;
  readonly store: MemoryResultStore;
  readonly payloads: MemoryPayloadStore;
  readonly checker: Checker;
  readonly rates: FaultRates;
  readonly specs = new Map<string, Spec>();
  readonly faults: Record<string, number> = {};
  readonly #seed: number;
  /** What became of messages that a purge received. */
  readonly purges = new Set<Purged>();
  /** What became of tasks that were to be redriven. */
  readonly redrives = new Set<Redriven["kind"]>();
  readonly #random: () => number;
  readonly #key = idKey(APP);
  readonly #protocol: Protocol;
  readonly #mutate: (change: Change) => Change;
  /** What everybody writes to: `store`, or the batching layer over it. */
  readonly #writes: ResultStore;
  readonly #lives: Life[] = [];
  /** Somebody empties the queue. */
  readonly #purging: boolean;
  /** Somebody sends failed tasks again. */
  readonly #redriving: boolean;
  /** Also what was sent again before. */
  readonly redrivesAgain: boolean;
  #faultsUntil = 0;

  constructor({ seed, mutant, batched = false }: WorldOptions) {
    this.#seed = seed;
    this.#purging = seed % 4 === 2;
    this.#redriving = seed % 4 === 3;
    this.redrivesAgain = seed % 8 === 7;
    this.#random = seededRandom(seed * 7_919);
    this.clock = new FakeClock({ seed });
    this.checker = new Checker(this);
    this.broker = new MemoryBroker(this.clock, [
      { name: QUEUE, deadLetter: DEAD, maxReceiveCount: MAX_RECEIVES },
      { name: DEAD },
    ]);
    this.payloads = new MemoryPayloadStore({ clock: this.clock });
    this.store = new MemoryResultStore({
      clock: this.clock,
      onApplied: (...write) => this.checker.onApplied(...write),
    });
    this.#protocol = { ...protocol, ...mutant?.protocol };
    this.#mutate = mutant?.change ?? ((change) => change);
    // A third of the worlds are calm: only duplicates and reordering. There, no claim may ever be taken over.
    const storm = seed % 3 === 0 ? 0 : this.#random() * 0.06;
    this.rates = {
      crash: storm,
      pause: storm / 2,
      failBefore: storm,
      lostAnswer: storm,
      sdkRetry: 0.1,
      late: storm,
      duplicate: 0.05,
      burn: seed % 5 === 1 ? 0.85 : 0,
    };
    this.#writes = batched ? this.#batching(mutant) : this.store;
  }

  /** All processes share its batches: more of them, and larger ones, than each would have by itself. */
  #batching({ statement, execute = (same) => same }: Partial<Mutant> = {}): ResultStore {
    const { clock, store } = this;
    const batches = new BatchWrites({
      table: APP,
      execute: execute(simulatedStatements(this, store, statement)),
      clock,
      endOfTurn: (callback) => clock.timer(this.#random() * SECOND, callback), // a busy event loop, for larger batches
    });
    return {
      read: (id) => store.read(id),
      write: (change) => batches.write(change, (alone) => store.write(alone)),
      failures: (query) => store.failures(query),
      check: () => store.check(),
      close: () => store.close(),
    };
  }

  get calm(): boolean {
    return this.rates.crash === 0;
  }

  get faulty(): boolean {
    return this.clock.now() < this.#faultsUntil;
  }

  random(): number {
    return this.#random();
  }

  count(fault: string): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
  }

  /** Runs the whole world: faults for a while, then quiet until everything has ended or an hour has passed. */
  async run(): Promise<readonly string[]> {
    this.#faultsUntil = this.clock.now() + 6 * MINUTE;
    for (let i = 0; i < 3; i++) this.#startWorker(i, (this.#random() - 0.5) * 5 * SECOND);
    this.#startDeadLetterConsumer();
    for (let i = 0; i < 8; i++) this.#schedule(this.#spec(i));
    this.#startReader();
    if (this.#purging) this.#schedulePurges();
    if (this.#redriving) this.#scheduleRedrives();
    await this.clock.advance(7 * MINUTE);
    for (let minute = 0; minute < 120 && !this.#quiet(); minute += 2) await this.clock.advance(2 * MINUTE);
    for (const life of this.#lives) life.kill();
    return this.checker.verdict();
  }

  #quiet(): boolean {
    return (
      this.broker.bodies(QUEUE).length === 0 &&
      this.broker.bodies(DEAD).length === 0 &&
      this.clock.now() > this.#faultsUntil
    );
  }

  #spec(index: number): Spec {
    const pick = <T>(choices: readonly T[]): T => choices[Math.floor(this.#random() * choices.length)] as T;
    const mode = pick([
      "tracked",
      "tracked",
      "tracked",
      "tracked",
      "chosen",
      "unclaimed",
      "unclaimed",
      "untracked",
    ] as const);
    const now = this.clock.now();
    const publishAt = now + this.#random() * 3 * MINUTE;
    const untracked = mode === "untracked";
    const id =
      mode === "chosen" ? `chosen-${index}` : freshId(this.#key, publishAt, this.clock.randomBytes(10), untracked);
    const countdown = pick([0, 0, 0, 7, 40]);
    const large = (this.#seed + index) % 4 === 0;
    const signature = { task: "callback", args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
    return {
      mode,
      plan: pick([
        ["success"],
        ["success"],
        ["failure"],
        ["retry", "success"],
        ["retry", "retry", "failure"],
        ["requeue", "success"],
        ["retry"],
      ] as const),
      large,
      seconds: pick([0, 0.2, 3, 45, 100]),
      publishAt,
      delaySeconds: countdown,
      publishAgainAt: mode === "chosen" && this.#random() < 0.5 ? publishAt + this.#random() * 2 * MINUTE : undefined,
      revokeAt: this.#random() < 0.25 && !untracked ? publishAt + this.#random() * 2 * MINUTE : undefined,
      forgetAt: this.#random() < 0.2 && !untracked ? publishAt + this.#random() * 5 * MINUTE : undefined,
      envelope: {
        id,
        task: mode === "unclaimed" ? "unclaimed" : "task",
        args: large ? [index, LARGE] : [index],
        kwargs: {},
        rootId: id,
        ...(index % 4 === 1 ? { hops: MAX_HOPS } : {}), // its callbacks are one too far
        retries: 0,
        ...(countdown === 0 ? {} : { eta: publishAt + countdown * SECOND }),
        ...(this.#random() < 0.1 ? { expires: publishAt + this.#random() * 2 * MINUTE } : {}),
        ignoreResult: untracked,
        lang: "js",
        headers: {},
        link: this.#random() < 0.5 ? [signature] : [],
        linkError: this.#random() < 0.5 ? [signature] : [],
        chain: [],
      },
    };
  }

  #schedule(spec: Spec): void {
    this.specs.set(spec.envelope.id, spec);
    const client = this.#life("client", 0, false);
    const at = (time: number | undefined, action: () => Promise<unknown>) => {
      if (time === undefined) return;
      this.clock.timer(time - this.clock.now(), () => {
        action().catch(() => {}); // an unavailable back end: the client was told
      });
    };
    const { id } = spec.envelope;
    const publish = async () => {
      const now = this.clock.now();
      const sealed = seal(spec.envelope, "default", LIMITS, now, now + spec.delaySeconds * SECOND);
      if (sealed.payload) await client.payloads(this.payloads).put(sealed.payload);
      const store = client.store(this.#writes, this.#mutate);
      if (spec.mode === "chosen") {
        const answer = await store.write(changes.recordPending(id, "task", "default", this.clock.now()));
        if (!answer.applied) return;
      }
      await client.broker(this.broker).send(QUEUE, { body: sealed.body, delaySeconds: spec.delaySeconds });
      this.checker.accepted(spec);
    };
    at(spec.publishAt, publish);
    at(spec.publishAgainAt, publish);
    at(spec.revokeAt, () => revoke(client.store(this.#writes, this.#mutate), id, "cooperate", this.clock.now()));
    at(spec.forgetAt, () => client.store(this.#writes, this.#mutate).write(changes.forget(id)));
  }

  #life(name: string, offset: number, mayDie: boolean): Life {
    const life = new Life(this, name, offset, mayDie);
    this.#lives.push(life);
    return life;
  }

  #startWorker(index: number, offset: number, generation = 0): void {
    const life = this.#life(`worker-${index}.${generation}`, offset, true);
    life.onDeath(() => {
      // A supervisor starts it again.
      this.clock.timer(2 * SECOND + this.#random() * 30 * SECOND, () =>
        this.#startWorker(index, offset, generation + 1),
      );
    });
    const deps = this.#deps(life);
    const workload = { name: "default", visibilitySeconds: VISIBILITY, maxReceiveCount: MAX_RECEIVES };
    const loop = async () => {
      for (;;) {
        try {
          const options = { max: 1 + Math.floor(this.#random() * 2), waitSeconds: 20, visibilitySeconds: VISIBILITY };
          const deliveries = await deps.broker.receive(QUEUE, options);
          await Promise.all(deliveries.map((delivery) => execute(delivery, workload, deps).done));
        } catch {
          await life.clock.sleep(SECOND); // the broker was unavailable
        }
      }
    };
    void loop();
  }

  #startDeadLetterConsumer(): void {
    const life = this.#life("dead-letters", 0, false);
    const deps = this.#deps(life);
    const workload = { name: "default", visibilitySeconds: VISIBILITY, maxReceiveCount: Number.POSITIVE_INFINITY };
    const loop = async () => {
      for (;;) {
        try {
          const deliveries = await deps.broker.receive(DEAD, {
            max: 1,
            waitSeconds: 20,
            visibilitySeconds: VISIBILITY,
          });
          for (const delivery of deliveries) {
            this.checker.deadLetter(delivery);
            await consumeDeadLetter(delivery, workload, deps);
          }
        } catch {
          await life.clock.sleep(SECOND);
        }
      }
    };
    void loop();
  }

  /** Somebody drops what waits, a few times, and may be killed in the middle. */
  #schedulePurges(): void {
    const signal = new AbortController().signal;
    const options = { workload: "default", queue: QUEUE, deadLetters: false, unreadable: false, signal };
    const onMessage = (purged: Purged) => this.purges.add(purged);
    for (let i = 0; i < 6; i++) {
      this.clock.timer(this.#random() * 4 * MINUTE, () => {
        const deps = this.#deps(this.#life(`purge-${i}`, 0, true));
        purge({ ...options, onMessage }, deps).catch(() => {}); // a back end was unavailable
      });
    }
  }

  /** Operators send again whatever has failed, two at once now and then, and may be killed in the middle. */
  #scheduleRedrives(): void {
    const operate = async (name: string, again: boolean) => {
      const deps = this.#deps(this.#life(name, 0, true));
      for (const id of [...this.specs.keys()]) {
        const redriven = await redriveTask(id, { again, dryRun: false }, deps).catch(() => undefined); // a back end was unavailable
        if (redriven !== undefined) this.redrives.add(redriven.kind);
        if (redriven?.kind === "sent") this.checker.saidRedriven(id);
      }
    };
    for (let i = 0; i < 8; i++) {
      const at = this.#random() * 6.5 * MINUTE;
      const together = this.#random() < 0.5 ? 2 : 1;
      const again = this.redrivesAgain && this.#random() < 0.3;
      for (let n = 0; n < together; n++) this.clock.timer(at, () => void operate(`operator-${i}.${n}`, again));
    }
  }

  /** A task that a redrive made: it succeeds, whatever the one before it did. */
  redriven(envelope: Envelope, from: Spec): void {
    const now = this.clock.now();
    const none = { publishAgainAt: undefined, revokeAt: undefined, forgetAt: undefined };
    const spec: Spec = { ...from, ...none, plan: ["success"], envelope, delaySeconds: 0, publishAt: now };
    this.specs.set(envelope.id, spec);
    this.checker.accepted(spec);
  }

  #startReader(): void {
    const look = () => {
      for (const spec of this.specs.values()) this.checker.read(spec.envelope.id);
      this.clock.timer(5 * SECOND, look);
    };
    look();
  }

  #deps(life: Life): ExecuteDeps {
    return {
      broker: life.broker(this.broker),
      store: life.store(this.#writes, this.#mutate),
      payloads: { store: life.payloads(this.payloads), limits: LIMITS },
      clock: life.clock,
      log: silentLogger,
      owner: life.name,
      protocol: this.#protocol,
      routes: { key: this.#key, maxHops: MAX_HOPS, route: () => ({ workload: "default", ignoreResult: false }) },
      queue: () => QUEUE,
      deadLetterQueue: () => DEAD,
      task: (name) => settings(name),
      taskNames: () => ["task", "callback", "unclaimed"],
      run: (job) => this.#runJob(job, life),
      announce: async (ended) => this.checker.announced(ended),
      events: new Events(),
    };
  }

  async #runJob(job: Job, life: Life): Promise<Outcome> {
    const { id, retries } = job.envelope;
    this.checker.runStarted(job, life);
    const spec = this.specs.get(id);
    const stopped = Promise.withResolvers<"stopped">();
    const forget = job.stop.onStop((reason) => {
      if (reason !== "claim lost") stopped.resolve("stopped"); // an execution that lost its claim goes on: the worst case
    });
    // Without a claim deliveries run side by side; a later one that is faster gets ahead of the first.
    const pace = spec?.mode === "unclaimed" && this.checker.runs(id) > 1 ? 0.2 : 1;
    const ended = await Promise.race([life.clock.sleep((spec?.seconds ?? 0.1) * pace * SECOND), stopped.promise]);
    forget();
    if (ended === "stopped") return { kind: "revoked", reason: "revoked while running" };
    const plan = spec?.plan ?? ["success"];
    const failure = { type: "Error", message: "as planned" };
    // A requeue keeps its attempt, so its plan advances with the runs.
    const step = plan[
      Math.min(plan.includes("requeue") ? this.checker.runs(id) - 1 : retries, plan.length - 1)
    ] as Spec["plan"][number];
    switch (step) {
      case "success":
        this.checker.ranToSuccess(id);
        // Two executions of a large one have two results: the object of one must never be taken for the other's.
        return {
          kind: "success",
          result: JSON.stringify(`${id}#${retries}${spec?.large ? `#${this.checker.runs(id)}${LARGE}` : ""}`),
        };
      case "failure":
        return { kind: "failure", failure, expected: false };
      case "retry":
        return {
          kind: "retry",
          failure,
          exhausted: failure,
          countdown: this.random() < 0.2 ? 1_000 : 5,
          ...(retries === 0 && { next: { args: ["changed by the first retry", ...(spec?.large ? [LARGE] : [])] } }),
        };
      case "requeue":
        return { kind: "rejected", requeue: true, failure };
      default:
        return step satisfies never;
    }
  }
}

function settings(name: string): TaskSettings {
  return {
    name,
    workload: "default",
    bind: false,
    claim: name !== "unclaimed",
    ignoreResult: false,
    timeLimit: 300,
    softTimeLimit: 270,
    autoRetryFor: [],
    dontAutoRetryFor: [],
    throws: [],
    maxRetries: 3,
    defaultRetryDelay: 5,
    retryBackoff: false,
    retryBackoffMax: 600,
    retryJitter: true,
    resultExpires: 86_400,
  };
}
