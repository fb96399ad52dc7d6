// One simulated world: the real code of containers, functions and operators over the in-memory adapters, under virtual time.
// A seed is a world; `only` leaves parts of it out.
import { BatchWrites } from "../../lib/aws/batch-writes.ts";
import { derivedId, idKey } from "../../lib/core/ids.ts";
import { WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { DecodeError } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryPayloadStore } from "../../lib/memory/payload-store.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { ResultStore } from "../../lib/ports/result-store.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import { executeDeps } from "../../lib/worker/deps.ts";
import { type ExecuteDeps, type Protocol, protocol } from "../../lib/worker/execution.ts";
import { appOf } from "./apps.ts";
import { Checker, type RunFacts } from "./checker.ts";
import { Containers } from "./containers.ts";
import { decoded } from "./describe.ts";
import { Faults } from "./faults.ts";
import { Functions } from "./functions.ts";
import { History } from "./history.ts";
import { Life } from "./life.ts";
import type { Mutant } from "./mutant.ts";
import {
  APP,
  BOUND_MS,
  DAY,
  DEAD,
  FAULTS_MS,
  FUNCTIONS,
  FUNCTIONS_DEAD,
  HOUR,
  MINUTE,
  QUEUE,
  QUEUES,
  SECOND,
} from "./names.ts";
import { Operators } from "./operators.ts";
import { SimulatedQueues } from "./queues.ts";
import type { Spec } from "./specs.ts";
import { simulatedStatements } from "./statements.ts";
import { inContainer } from "./user-code.ts";
import { type Service, type Weather, weatherOf } from "./weather.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly mutant?: Mutant | undefined;
  /** Claims and endings go through the batching layer. @default false */
  readonly batched?: boolean;
  /** Parts of it that may happen, by name. @default - all */
  readonly only?: ReadonlySet<string>;
  /** Keeps a history for people. @default false */
  readonly recorded?: boolean;
}

/**
 * Where nobody consumes for two weeks, somebody looks in now and then: when, and for how long. The last time whatever the others
 * have started and left reads LOST.
 */
const VISITS = [
  { from: 11.95 * DAY, ms: 8 * MINUTE, faulty: true },
  { from: 14.5 * DAY, ms: 5 * MINUTE, faulty: false },
  { from: 29 * DAY, ms: 10 * MINUTE, faulty: false },
] as const;

export class World {
  readonly clock: FakeClock;
  readonly broker: MemoryBroker;
  readonly queues: SimulatedQueues;
  readonly store: MemoryResultStore;
  /** What everybody writes to: `store`, or the batching layer over it. */
  readonly writes: ResultStore;
  readonly payloads: MemoryPayloadStore;
  readonly weather: Weather;
  readonly faults: Faults;
  readonly checker: Checker;
  readonly operators: Operators;
  readonly mutant: Mutant | undefined;
  readonly history: History | undefined;
  readonly specs = new Map<string, Spec>();
  /** The code that is deployed. */
  code = 0;
  /** Sizes of the batches that were sent. */
  readonly batches = new Set<number>();
  /** The batching layer is everybody's: what happens to it, happens to all. */
  batchTrouble = false;
  /** ms since the start. */
  lastFault = FAULTS_MS;
  readonly #seed: number;
  readonly #protocol: Protocol;
  readonly #lives: Life[] = [];
  readonly #containers: Containers;
  readonly #functions: Functions | undefined;

  constructor({ seed, mutant, batched = false, only, recorded = false }: WorldOptions) {
    this.#seed = seed;
    this.mutant = mutant;
    this.weather = weatherOf(seed);
    const clock = new FakeClock({ seed });
    this.clock = clock;
    this.history = recorded ? new History(() => clock.monotonic()) : undefined;
    this.faults = new Faults(seed, () => this.faulty, only);
    this.faults.onFault((who, fault) => this.history?.note(who, `*** ${fault}`));
    this.checker = new Checker(this);
    const { maxReceiveCount, retentionSeconds, deadLetterRetentionSeconds } = WORKLOAD_DEFAULTS;
    this.broker = new MemoryBroker(clock, [
      { name: QUEUE, deadLetter: DEAD, maxReceiveCount, retentionSeconds },
      { name: FUNCTIONS, deadLetter: FUNCTIONS_DEAD, maxReceiveCount, retentionSeconds },
      { name: DEAD, retentionSeconds: deadLetterRetentionSeconds },
      { name: FUNCTIONS_DEAD, retentionSeconds: deadLetterRetentionSeconds },
    ]);
    this.queues = new SimulatedQueues(this.broker, this.faults, this.weather);
    this.payloads = new MemoryPayloadStore({ clock });
    this.store = new MemoryResultStore({ clock, onApplied: (...write) => this.checker.onApplied(...write) });
    this.#protocol = { ...protocol, ...mutant?.protocol };
    this.writes = batched ? this.#batching() : this.store;
    this.operators = new Operators(this);
    this.#containers = new Containers(this);
    this.#functions = this.weather.functions ? new Functions(this) : undefined;
  }

  /** All processes share its batches: more of them, and larger ones, than each would have by itself. */
  #batching(): ResultStore {
    const { clock, store, mutant } = this;
    const dice = this.faults.dice("batches");
    const statements = simulatedStatements(this, dice, store, mutant?.statement);
    const batches = new BatchWrites({
      table: APP,
      execute: mutant?.execute?.(statements) ?? statements,
      clock,
      endOfTurn: (callback) => clock.timer(dice.draw("turn") * SECOND, callback), // a busy event loop, for larger batches
    });
    return {
      read: (id) => store.read(id),
      write: (change) => batches.write(change, (alone) => store.write(alone)),
      failures: (query) => store.failures(query),
      check: () => store.check(),
      close: () => store.close(),
    };
  }

  get faulty(): boolean {
    const now = this.clock.monotonic();
    if (now < FAULTS_MS) return true;
    return this.weather.abandoned && VISITS.some(({ from, ms, faulty }) => faulty && now >= from && now < from + ms);
  }

  /** Whether an outage is under way. Counted by whoever meets it. */
  isDown(service: Service): boolean {
    const now = this.clock.monotonic();
    const i = this.weather.outages.findIndex((one) => one.service === service && now >= one.from && now < one.until);
    return i >= 0 && this.faults.has(`${service} outage ${i}`);
  }

  /** Runs the whole world: faults for a while, then quiet until everything has ended or the bound has passed. */
  async run(): Promise<readonly string[]> {
    this.operators.start(this.#seed);
    this.#startReader();
    this.#staff();
    if (this.weather.deploying && this.faults.has("deploy")) this.#scheduleDeploy();
    await this.clock.advance(FAULTS_MS);
    if (this.weather.abandoned) await this.#abandon();
    else {
      await this.clock.advance(MINUTE);
      await this.#untilQuiet(BOUND_MS + 30 * MINUTE);
    }
    for (const life of this.#lives) life.end();
    return this.checker.verdict();
  }

  async #untilQuiet(atMost: number): Promise<void> {
    const until = this.clock.monotonic() + atMost;
    while (this.clock.monotonic() < until && !this.#quiet()) await this.clock.advance(2 * MINUTE);
  }

  #staff(): void {
    this.#containers.start();
    this.#functions?.start();
  }

  async #abandon(): Promise<void> {
    for (const { from, ms, faulty } of VISITS) {
      this.#containers.abandon();
      this.#functions?.abandon();
      await this.clock.advance(from - this.clock.monotonic());
      this.#staff();
      await this.clock.advance(faulty && this.#seed % 24 === 21 ? 20 * SECOND : ms);
    }
    await this.#untilQuiet(2 * HOUR);
  }

  #scheduleDeploy(): void {
    const when = (1 + 3 * this.faults.dice("deploy").draw("when")) * MINUTE;
    this.clock.timer(when, () => {
      this.faults.count("all", "deploy");
      this.code = 1;
      this.#containers.deploy();
    });
  }

  /** Messages on a queue, but for those that nobody can read: they stay on the dead-letter queue for ever. */
  left(queue: string): number {
    return this.broker.bodies(queue).filter((body) => {
      const message = decoded(body);
      return !(message instanceof DecodeError && message.id === undefined && queue.endsWith("-dead"));
    }).length;
  }

  #quiet(): boolean {
    return QUEUES.every((queue) => this.left(queue) === 0);
  }

  life(name: string, mayDie: boolean): Life {
    const life = new Life(this, name, mayDie);
    this.#lives.push(life);
    return life;
  }

  /** Names for people of the ids in it. */
  names(): ReadonlyMap<string, string> {
    const names = new Map<string, string>();
    for (const { envelope } of this.specs.values()) {
      const { id, args, task, redrivenFrom } = envelope;
      const name =
        redrivenFrom === undefined ? `${task} ${String(args[0] ?? "?")}` : `redrive of ${names.get(redrivenFrom)}`;
      names.set(id, name);
      for (const path of ["link:0", "link_error:0"]) names.set(derivedId(idKey(APP), id, path), `${path} of ${name}`);
    }
    return names;
  }

  named(text: string): string {
    let named = text;
    for (const [id, name] of this.names()) named = named.replaceAll(id, name);
    return named;
  }

  runStarted(facts: RunFacts, life: Life): void {
    this.history?.note(life.name, `runs ${facts.id} attempt ${facts.retries}`);
    this.checker.runStarted(facts, life);
  }

  runEnded(id: string, life: Life, outcome: string): void {
    this.history?.note(life.name, `ends its run of ${id}: ${outcome}`);
    this.checker.runEnded(id, life, outcome);
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
      for (const id of this.specs.keys()) this.checker.read(id);
      const now = this.clock.monotonic();
      const busy =
        now < FAULTS_MS + HOUR || VISITS.some(({ from, ms }) => now >= from - HOUR && now < from + ms + HOUR);
      this.clock.timer(busy ? 15 * SECOND : HOUR, look);
    };
    look();
  }

  /** What a container, or somebody at a console, works with. */
  deps(life: Life): ExecuteDeps {
    const backends = { broker: life.broker(), store: life.store(), payloads: life.payloads() };
    const inTheirPlace = async () => {
      throw new Error("containers run tasks by inContainer()");
    };
    const app = appOf(this.code, life.clock, backends, inTheirPlace);
    const run: ExecuteDeps["run"] = (job) => inContainer(this, life, job);
    const announce: ExecuteDeps["announce"] = async (ended) => this.checker.announced(ended);
    const deps = executeDeps(app, backends, life.name, silentLogger, { run, announce });
    return { ...deps, announce, protocol: this.#protocol };
  }
}
