// One simulated workflow: a random canvas, called by somebody who repeats what was not accepted, and worked off by the real code of
// containers over the in-memory adapters, under virtual time and faults. What it gives, and what it has called, is what its direct
// evaluation gives and calls (test/canvas/direct.ts).
import fc from "fast-check";
import { type App, createApp } from "../../lib/app.ts";
import { signature } from "../../lib/canvas.ts";
import type { TaskContext } from "../../lib/context.ts";
import { WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { LovageError, TaskFailed } from "../../lib/errors.ts";
import { groupResult } from "../../lib/group-result.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryJoinStore } from "../../lib/memory/join-store.ts";
import { MemoryPayloadStore } from "../../lib/memory/payload-store.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import { isTerminal } from "../../lib/store/record.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import type { JsonObject, JsonValue } from "../../lib/wire/serializer.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";
import { MAP, STARMAP } from "../../lib/wire/signature.ts";
import { Consumer } from "../../lib/worker/consumer.ts";
import { handleDeadLetter } from "../../lib/worker/dead-letter.ts";
import { executeDeps } from "../../lib/worker/deps.ts";
import { type Protocol, protocol } from "../../lib/worker/execution.ts";
import { runHere } from "../../lib/worker/pool-here.ts";
import { canvases, TASKS } from "../canvas/arbitrary.ts";
import { callOf, type Evaluated, evaluate, FAILED_ID, NOTED, SWAP } from "../canvas/direct.ts";
import { Faults } from "./faults.ts";
import { Life, type LifeWorld } from "./life.ts";
import { APP, DEAD, MINUTE, QUEUE, SECOND, VISIBILITY } from "./names.ts";
import { SimulatedQueues } from "./queues.ts";
import { type Service, type Weather, weatherOf } from "./weather.ts";

/** Faults happen for so long, then nothing does. */
const FAULTY_MS = 3 * MINUTE;
/** So long after that everything has ended. */
const BOUND_MS = 180 * MINUTE;
const WORKERS = 3;
const ARGS: readonly JsonValue[] = [1];
/** Numbers, texts and lists in all arguments of one workflow. */
const MOST_PARTS = 20_000;

export class CanvasWorld implements LifeWorld {
  readonly clock: FakeClock;
  readonly faults: Faults;
  readonly weather: Weather;
  readonly history = undefined;
  readonly mutant = undefined;
  readonly broker: MemoryBroker;
  readonly queues: SimulatedQueues;
  readonly writes: MemoryResultStore;
  readonly joins: MemoryJoinStore;
  readonly payloads: MemoryPayloadStore;
  readonly checker: LifeWorld["checker"] = {
    owner: () => {},
    sent: () => {},
    settles: () => {},
    acked: () => {},
    changesVisibility: () => {},
    answered: () => {},
  };
  readonly sig: WireSignature;
  /** Faults used up a message's receives, and its task ended as a dead letter: its evaluation is another, and was not compared. */
  spoilt = false;
  /** When the last record was written, in ms after the last fault. */
  latestEnd = 0;
  /** What ran, by task id: the same each time it ran. */
  readonly #calls = new Map<string, string>();
  readonly #violations: string[] = [];
  readonly #lives: Life[] = [];
  #incarnation = 0;

  readonly #protocol: Protocol;

  /** `lacking`: the protocol in which a rule is missing. */
  constructor(seed: number, lacking: Partial<Protocol> = {}) {
    this.#protocol = { ...protocol, ...lacking };
    const sig = fc.sample(canvases(), { seed, numRuns: 20 }).find(isSmall);
    if (sig === undefined) throw new Error(`seed ${seed} makes no small workflow`);
    this.sig = sig;
    this.weather = { ...weatherOf(seed), abandoned: false, functions: false, purging: false };
    this.clock = new FakeClock({ seed });
    this.faults = new Faults(seed, () => this.clock.monotonic() < FAULTY_MS);
    const { maxReceiveCount, retentionSeconds } = WORKLOAD_DEFAULTS;
    this.broker = new MemoryBroker(this.clock, [
      { name: QUEUE, deadLetter: DEAD, maxReceiveCount, retentionSeconds },
      { name: DEAD, retentionSeconds },
    ]);
    this.queues = new SimulatedQueues(this.broker, this.faults, this.weather);
    this.writes = new MemoryResultStore({ clock: this.clock });
    this.joins = new MemoryJoinStore({ clock: this.clock, records: this.writes });
    this.payloads = new MemoryPayloadStore({ clock: this.clock });
  }

  isDown(service: Service): boolean {
    const now = this.clock.monotonic();
    if (!this.faults.active) return false;
    const down = this.weather.outages.findIndex((one) => one.service === service && now >= one.from && now < one.until);
    return down >= 0 && this.faults.has(`${service} outage ${down}`);
  }

  /** Answers with what was wrong. */
  async run(): Promise<readonly string[]> {
    for (let i = 0; i < WORKERS; i++) this.#start(`worker-${i}`);
    this.#start("dead-letters");
    const caller = this.#life("caller", false);
    let id: string | undefined;
    void this.#call(caller).then((called) => {
      id = called;
    });
    const isOver = () => id !== undefined && this.clock.monotonic() > FAULTY_MS && this.#left() === 0;
    while (!isOver() && this.clock.monotonic() < FAULTY_MS + BOUND_MS) await this.clock.advance(30 * SECOND);
    if (!isOver()) this.#violations.push(`it never ended: ${this.#left()} messages are left`);
    else await this.#compare(id as string); // it is over
    for (const life of this.#lives) life.end();
    return this.#violations;
  }

  #left(): number {
    return this.broker.bodies(QUEUE).length + this.broker.bodies(DEAD).length;
  }

  /** Until it is accepted, under one id. */
  async #call(life: Life): Promise<string> {
    const app = this.#appOf(life);
    for (;;) {
      try {
        const result = await signature(this.sig, app).applyAsync([...ARGS], { taskId: "the-whole" });
        return (result as { readonly id: string }).id;
      } catch (error) {
        if (!(error instanceof LovageError)) throw error;
        await life.clock.sleep(SECOND);
      }
    }
  }

  async #compare(id: string): Promise<void> {
    const records = [...this.writes.records.values()];
    for (const record of records)
      if (!isTerminal(record.state)) this.#violations.push(`${record.id} (${record.task}) is left ${record.state}`);
    const began = this.clock.now() - this.clock.monotonic();
    this.latestEnd = Math.max(0, ...records.map(({ endedAt = 0 }) => endedAt - began - FAULTY_MS));
    this.spoilt = records.some(({ failure }) => failure?.type === "DeadLettered");
    if (this.spoilt) return;
    const expected = evaluate(this.sig, ARGS, TASKS);
    await this.#compareValue(id, expected);
    const [ran, due] = [[...this.#calls.values()].toSorted(), expected.calls.toSorted()];
    for (const call of missing(due, ran)) this.#violations.push(`${call} never ran`);
    for (const call of missing(ran, due)) this.#violations.push(`${call} ran, and should not have`);
  }

  async #compareValue(id: string, { value }: Evaluated): Promise<void> {
    const app = this.#appOf(this.#life("reader", false));
    const isGroup = (await this.joins.head(id)) !== undefined;
    const read = isGroup ? groupResult(id, app).then((group) => group.get()) : app.result(id).get();
    let seen: string | undefined;
    const heard = read.then(
      (given) => {
        seen = JSON.stringify(given ?? null);
      },
      (error: unknown) => {
        seen = error instanceof TaskFailed ? "a failure" : String(error);
      },
    );
    for (let waited = 0; seen === undefined && waited < 600; waited++) await this.clock.advance(SECOND);
    if (seen !== undefined) await heard;
    const due = value === undefined ? "a failure" : JSON.stringify(value);
    if (seen !== due) this.#violations.push(`it gave ${seen}, and should have given ${due}`);
  }

  #life(name: string, mayDie: boolean): Life {
    const life = new Life(this, name, mayDie);
    this.#lives.push(life);
    return life;
  }

  #start(role: string): void {
    const life = this.#life(`${role}.${this.#incarnation++}`, true);
    life.onDeath(() => {
      this.clock.timer(2 * SECOND + life.dice.draw("restart") * 30 * SECOND, () => this.#start(role));
    });
    const dead = role === "dead-letters";
    const app = this.#appOf(life);
    const runner = runHere(app);
    const made = executeDeps(app, this.#backends(life), life.name, silentLogger, {
      announce: async () => {},
      run: async (job) => {
        await life.mayDieHere("killed in user code");
        const { id, task } = job.envelope;
        if (isMap(task)) this.#note(id, callOf(task, [])); // in a map it is told of each item, or of none
        const outcome = await runner.run(job);
        await life.mayDieHere("killed in user code");
        return outcome;
      },
    });
    const deps = { ...made, protocol: this.#protocol };
    const { maxReceiveCount } = WORKLOAD_DEFAULTS;
    const options = { name: "default", concurrency: 2, prefetch: 1, waitSeconds: 20, visibilitySeconds: VISIBILITY };
    const queue = dead ? DEAD : QUEUE;
    const handle = dead ? [handleDeadLetter] : [];
    void new Consumer({ ...options, queue, maxReceiveCount }, deps, () => {}, ...handle).run();
  }

  #backends(life: Life) {
    const joins = life.joins(this.joins);
    return { broker: life.broker(), store: life.store(), payloads: life.payloads(), joins: async () => joins };
  }

  #appOf(life: Life): App {
    const backends = this.#backends(life);
    const app = createApp(APP, {
      clock: life.clock,
      logger: silentLogger,
      maxHops: 1_000,
      defaults: { maxRetries: 3 },
      connect: async () => ({ ...backends, where: async () => ({ broker: "simulated", store: "simulated" }) }),
    });
    for (const [name, handler] of Object.entries(TASKS)) {
      app.task(name, { bind: true }, (ctx: TaskContext, ...args: readonly JsonValue[]) => {
        this.#ran(ctx, name, args);
        return handler(...args);
      });
    }
    app.task(SWAP, { bind: true }, (ctx: TaskContext, ...args: readonly JsonValue[]) => {
      this.#ran(ctx, SWAP, args.slice(0, -1)); // the last are its kwargs
      return ctx.replace(signature(ctx.kwargs.by as JsonObject, app));
    });
    return app;
  }

  #ran({ id, task: called }: TaskContext, task: string, args: readonly JsonValue[]): void {
    if (!isMap(called)) this.#note(id, callOf(task, task === NOTED ? [FAILED_ID, ...args.slice(1)] : args));
  }

  #note(id: string, call: string): void {
    const before = this.#calls.get(id);
    if (before !== undefined && before !== call) this.#violations.push(`${id} ran as ${before}, then as ${call}`);
    this.#calls.set(id, call);
  }
}

/** Values that a group's members hand on in turn grow without bound: no message would hold them. */
function isSmall(sig: WireSignature): boolean {
  let left = MOST_PARTS;
  const measured = Object.fromEntries(
    Object.entries(TASKS).map(([name, handler]) => [
      name,
      (...args: readonly JsonValue[]) => {
        left = lessItsParts(args, left);
        return left > 0 ? handler(...args) : null;
      },
    ]),
  );
  evaluate(sig, ARGS, measured);
  return left > 0;
}

/** `left`, less the numbers, texts and lists in it; it is not looked at to its end where that is not positive. */
function lessItsParts(value: JsonValue, left: number): number {
  let rest = left - 1;
  if (typeof value !== "object" || value === null) return rest;
  for (const part of Object.values(value)) {
    if (rest <= 0) return rest;
    rest = lessItsParts(part, rest);
  }
  return rest;
}

const isMap = (task: string) => task === MAP || task === STARMAP;

/** Those of `all` that are not in `there`, as often as they are too many. */
function missing(all: readonly string[], there: readonly string[]): readonly string[] {
  const left = [...there];
  return all.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
