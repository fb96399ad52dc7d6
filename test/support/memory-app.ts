// A whole deployment in memory, under virtual time: one app that calls, workers that are processes of their own and may be
// killed, SQS and DynamoDB in memory. Nothing waits: `advance` and `settle` let time pass.
import { type App, type AppOptions, createApp } from "../../lib/app.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Backends } from "../../lib/connection.ts";
import type { State } from "../../lib/core/states.ts";
import { queuesOf } from "../../lib/local/queues.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryJoinStore } from "../../lib/memory/join-store.ts";
import { MemoryPayloadStore } from "../../lib/memory/payload-store.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { AsyncResult } from "../../lib/result.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { capturedLogger, type LogLine } from "../../lib/testing/captured-logger.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { decode, type Envelope } from "../../lib/wire/envelope.ts";
import { createLambdaHandler } from "../../lib/worker/lambda.ts";
import { startWorker, type Worker, type WorkerOptions } from "../../lib/worker/worker.ts";
import { onFargate } from "../../lib/workload.ts";

export const APP = "duckling";
export const QUEUE = `${APP}-default`;
export const DEAD = `${APP}-default-dead`;

export interface MemoryAppOptions
  extends Pick<AppOptions, "workloads" | "defaults" | "payloads" | "maxHops" | "opentelemetry"> {
  /** Options of the worker that is started, or false for none. @default {} */
  readonly worker?: WorkerOptions | false;
  /** @default 2026-01-01T00:00:00Z */
  readonly start?: Date;
}

/** What a killed process would have done next. */
export type Step = "write" | "send" | "delete" | "put";

export interface WorkerProcess {
  readonly worker: Worker;
  /** It stands still, as by SIGSTOP: no call leaves it, no answer reaches it, no timer of it fires. */
  pause(): void;
  /** It goes on, as by SIGCONT: what came meanwhile comes now. */
  resume(): void;
  /** It stops in the middle of whatever it does, as by SIGKILL: no write, no message, no timer of it comes any more. */
  kill(): void;
  /** Kills it right before it does this for the next time. */
  killBefore(step: Step): void;
  /** Shuts down as on SIGTERM, letting time pass as needed. */
  stop(): Promise<void>;
}

export class MemoryApp<T> implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly broker: MemoryBroker;
  readonly store: MemoryResultStore;
  readonly joins: MemoryJoinStore;
  /** Used where the app has `payloads`. */
  readonly payloads: MemoryPayloadStore;
  /** The app of whoever calls. */
  readonly app: App;
  /** Its tasks. */
  readonly tasks: T;
  readonly logs: LogLine[] = [];
  readonly #define: (app: App) => T;
  readonly #options: MemoryAppOptions;
  readonly #workers: WorkerProcess[] = [];

  constructor(define: (app: App) => T, options: MemoryAppOptions) {
    const workloads = options.workloads ?? { default: onFargate({ work: "io" }) };
    this.#define = define;
    this.#options = { ...options, workloads };
    this.clock = new FakeClock(options.start && { start: options.start.getTime() });
    this.store = new MemoryResultStore({ clock: this.clock });
    this.joins = new MemoryJoinStore({ clock: this.clock, records: this.store });
    this.payloads = new MemoryPayloadStore({ clock: this.clock });
    this.broker = new MemoryBroker(this.clock, queuesOf({ name: APP, workloads }));
    this.app = this.#createApp(this, this.clock);
    this.tasks = define(this.app);
  }

  /** Lets virtual time pass. */
  async advance(seconds: number): Promise<void> {
    await this.clock.advance(seconds * 1_000);
  }

  /** Lets time pass until the result is final, and says how it ended; an hour at most. */
  async settle(...results: readonly AsyncResult<unknown>[]): Promise<State> {
    let state: State = "UNKNOWN";
    for (const result of results) {
      await this.until(`task ${result.id} has ended`, () => result.ready());
      state = await result.state();
    }
    return state;
  }

  /** Lets time pass until something is so; an hour at most. */
  async until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    for (let waited = 0; !(await isSo()); waited++) {
      if (waited > 3_600) throw new Error(`an hour has passed, and it is not so that ${what}`);
      await this.advance(waited < 20 ? 0.05 : 1);
    }
  }

  /** Waits for a promise while time passes. */
  async during<R>(promise: Promise<R>): Promise<R> {
    let pending = true;
    const settled = promise.finally(() => {
      pending = false;
    });
    settled.catch(() => {}); // it is returned below
    await this.until("a promise has settled", () => !pending);
    return settled;
  }

  record(result: { readonly id: string }): TaskRecord | undefined {
    return this.store.records.get(result.id);
  }

  /** Messages on a queue, visible or not. */
  messages(queue = QUEUE): readonly Envelope[] {
    return this.broker.bodies(queue).map(decode);
  }

  /** Puts a message body on the queue, as anybody may. */
  async send(body: string, queue = QUEUE): Promise<void> {
    await this.broker.send(queue, { body, delaySeconds: 0 });
  }

  /** Delivers every message on the queue once more, as SQS may. */
  async duplicate(queue = QUEUE): Promise<void> {
    for (const body of this.broker.bodies(queue)) await this.send(body, queue);
  }

  /** Starts another worker, a process of its own, whose wall clock is wrong by `skewMs`. */
  async startWorker(
    options: WorkerOptions = {},
    define: (app: App) => unknown = this.#define,
    skewMs = 0,
  ): Promise<WorkerProcess> {
    const { life, app } = this.#startProcess(define, skewMs);
    const worker = await startWorker(app, { graceSeconds: 5, ...options });
    const started: WorkerProcess = {
      worker,
      pause: () => life.pause(),
      resume: () => life.resume(),
      kill: () => life.kill(),
      killBefore: (step) => life.killBefore(step),
      stop: () => (life.dead ? Promise.resolve() : this.#stop(worker)),
    };
    this.#workers.push(started);
    return started;
  }

  /** A sandbox of a Lambda function, a process of its own. */
  startFunction(): { readonly handler: ReturnType<typeof createLambdaHandler>; kill(): void } {
    const { life, app } = this.#startProcess(this.#define, 0);
    return { handler: createLambdaHandler(app), kill: () => life.kill() };
  }

  #startProcess(define: (app: App) => unknown, skewMs: number): { readonly life: Life; readonly app: App } {
    const life = new Life(this.clock, skewMs);
    const { broker, store, joins, payloads } = this;
    const reached = {
      broker: life.within(broker),
      store: life.within(store),
      joins: life.within(joins),
      payloads: life.within(payloads),
    };
    const app = this.#createApp(reached, life.clock);
    define(app);
    return { life, app };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) await worker.stop();
    await this.app.close();
  }

  /** A poll and the grace are over after 30 s of virtual time; what remains is real: the end of the thread that guards it. */
  async #stop(worker: Worker): Promise<void> {
    let pending = true;
    const stopped = worker.stop().finally(() => {
      pending = false;
    });
    stopped.catch(() => {}); // it is awaited below
    for (let waited = 0; pending && waited < 30; waited++) await this.advance(1);
    await stopped;
  }

  #createApp(reached: Pick<MemoryApp<T>, "broker" | "store" | "joins" | "payloads">, clock: Clock): App {
    const { workloads, defaults, payloads, maxHops, opentelemetry } = this.#options;
    const { broker, store, joins } = reached;
    const where = async () => ({ broker: "memory", store: "memory" });
    const backends: Backends = {
      broker,
      store,
      joins: async () => joins,
      where,
      ...(payloads && { payloads: reached.payloads }),
    };
    const options = { connect: async () => backends, clock, logger: capturedLogger(this.logs) };
    return createApp(APP, {
      ...options,
      ...(workloads && { workloads }),
      ...(defaults && { defaults }),
      ...(maxHops && { maxHops }),
      ...(payloads && { payloads }),
      ...(opentelemetry && { opentelemetry }),
    });
  }
}

/** Defines the tasks, starts one worker unless told otherwise, and disposes of everything with `await using`. */
export async function memoryApp<T>(define: (app: App) => T, options: MemoryAppOptions = {}): Promise<MemoryApp<T>> {
  const memory = new MemoryApp(define, options);
  if (options.worker !== false) await memory.startWorker(options.worker);
  return memory;
}

/** A process: while it lives its calls go through and its timers fire; after that neither does. */
class Life {
  readonly clock: Clock;
  dead = false;
  #fatal: Step | undefined;
  #paused: PromiseWithResolvers<void> | undefined;

  constructor(clock: Clock, skewMs: number) {
    this.clock = {
      now: () => clock.now() + skewMs,
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => this.#whileAlive(clock.sleep(ms, signal)),
      timer: (ms, fire) => {
        let live = true;
        const due = () => live && !this.dead && fire();
        const cancel = clock.timer(ms, () => (this.#paused ? void this.#paused.promise.then(due) : due()));
        return () => {
          live = false;
          cancel();
        };
      },
      random: () => clock.random(),
      randomBytes: (length) => clock.randomBytes(length),
    };
  }

  kill(): void {
    this.dead = true;
  }

  killBefore(step: Step): void {
    this.#fatal = step;
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** A back end as this process reaches it. */
  within<B extends object>(backend: B): B {
    return new Proxy(backend, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...args: readonly unknown[]) => {
          if (name === this.#fatal) this.kill();
          if (this.dead) return new Promise(() => {});
          const call = () => this.#whileAlive(Reflect.apply(member, target, args) as Promise<unknown>); // every method of the ports is async
          return this.#paused ? this.#paused.promise.then(call) : call();
        };
      },
    });
  }

  #whileAlive<R>(promise: Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      const reached = (settle: () => void) => {
        if (this.#paused) void this.#paused.promise.then(() => reached(settle));
        else if (!this.dead) settle();
      };
      promise.then(
        (value) => reached(() => resolve(value)),
        (error) => reached(() => reject(error)),
      );
    });
  }
}
