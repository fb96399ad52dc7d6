// A long-running worker: checks that everything is there, then works off its queues until it is told to stop.
import { randomBytes } from "node:crypto";
import { availableParallelism, hostname } from "node:os";
import type { App } from "../app.ts";
import { systemClock } from "../clock.ts";
import { WORKER_DEFAULTS, WORKER_STOP } from "../defaults.ts";
import { describe } from "../duration.ts";
import { readEnvironment } from "../environment.ts";
import { InvalidOption, StartupFailed } from "../errors.ts";
import type { Logger } from "../log.ts";
import { storeOf } from "../payloads.ts";
import type { Broker } from "../ports/broker.ts";
import { deadLetterQueueName, queueName } from "../store/table.ts";
import type { Workload } from "../workload.ts";
import { Consumer, type ConsumerOptions, type Note } from "./consumer.ts";
import { handleDeadLetter } from "./dead-letter.ts";
import { executeDeps, withOverrides } from "./deps.ts";
import { type HealthServer, serveHealth } from "./health-server.ts";
import { taskMetrics } from "./metrics.ts";
import { createPool, type TaskPool } from "./pool.ts";
import { runHere } from "./pool-here.ts";
import { guardMainThread, Progress } from "./progress.ts";
import { protectionOf } from "./protection.ts";
import { chosenWorkloads, demandTasks } from "./served-workloads.ts";

export interface WorkerOptions {
  /** The app's module: the processes of CPU-heavy workloads import it again. */
  readonly appPath?: string;
  /** Workloads to serve. @default - all of the app's */
  readonly workloads?: readonly string[];
  /** Runs at a time, for each workload. @default - the workload's: CPU-heavy the number of CPUs, I/O-bound 10 */
  readonly concurrency?: number;
  /** Also end what comes to the dead-letter queues. @default true */
  readonly deadLetters?: boolean;
  /** Seconds that running tasks get after `stop()`. @default 100 */
  readonly graceSeconds?: number;
  /** Seconds without progress after which it ends with WorkerStalled. @default 300 */
  readonly stallSeconds?: number;
  /** Watch from another thread that the main one is not blocked. @default true */
  readonly guard?: boolean;
  /** Long poll in seconds, 0 to 20; a shutdown waits for it. @default 10 */
  readonly waitSeconds?: number;
  /** Serves /healthz and /readyz there; 0 chooses a free one. @default - neither is served */
  readonly port?: number;
  /** Address to serve them on. @default "0.0.0.0" */
  readonly host?: string;
  /** @default - the app's */
  readonly log?: Logger;
}

/** What a worker serves and where: its start-up screen. */
export interface WorkerDescription {
  readonly app: string;
  readonly owner: string;
  readonly pid: number;
  readonly node: string;
  readonly broker: string;
  readonly store: string;
  /** Absent where the app has no `payloads`. */
  readonly payloads?: string;
  readonly workloads: readonly {
    readonly name: string;
    readonly queue: string;
    readonly work: "io" | "cpu";
    readonly concurrency: number;
    readonly inHandAtMost: number;
    readonly visibilitySeconds: number;
    readonly maxReceiveCount: number;
    readonly memoryMb: number;
    readonly tasks: readonly string[];
  }[];
  readonly deadLetters: boolean;
  readonly graceSeconds: number;
  /** Where /healthz and /readyz are, if they are served. */
  readonly health?: string;
}

export interface Worker extends AsyncDisposable {
  readonly description: WorkerDescription;
  /** Messages received and not settled. */
  readonly inHand: number;
  /** Resolves when it has stopped; rejects with what ended it: WorkerStalled, QueueNotFound, AccessDenied. */
  readonly stopped: Promise<void>;
  /** Receives no more, lets running tasks end within the grace, gives back the rest, and resolves. Again: at once. */
  stop(): Promise<void>;
}

/**
 * Starts a worker. Throws StartupFailed (also for an app without tasks, or a workload that no task names), InvalidOption,
 * QueueNotFound, TableNotFound, BucketNotFound, AccessDenied: one clear cause.
 */
export async function startWorker(app: App, options: WorkerOptions = {}): Promise<Worker> {
  const served = servedWorkloads(app, options);
  const health = await healthOf(app, options);
  try {
    return await start(app, served, options, health);
  } catch (error) {
    await health?.close();
    throw error;
  }
}

async function healthOf(app: App, options: WorkerOptions): Promise<HealthServer | undefined> {
  const { port, host = WORKER_DEFAULTS.healthHost, stallSeconds = WORKER_DEFAULTS.stallSeconds } = options;
  if (port === undefined) return undefined;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidOption(`port of the worker is ${describe(port)}; it takes a whole number from 0 to 65535`);
  return serveHealth({ app: app.name, port, host, stallSeconds, log: options.log ?? app.log });
}

async function start(
  app: App,
  served: readonly Served[],
  options: WorkerOptions,
  health: HealthServer | undefined,
): Promise<Worker> {
  const log = options.log ?? app.log;
  const metrics = taskMetrics(app);
  const owner = `${hostname()}:${process.pid}:${randomBytes(3).toString("hex")}`;
  await app.events.emit("workerInit", { worker: owner }, log);
  const backends = await app.backends();
  await backends.store.check();
  if (app.payloads) await storeOf(backends).check();
  for (const { name } of served) await backends.broker.check(queueName(app.name, name));
  const deadLetters = options.deadLetters ?? true;
  if (deadLetters) for (const { name } of served) await backends.broker.check(deadLetterQueueName(app.name, name));

  const names = served.map(({ name }) => name);
  const stallSeconds = options.stallSeconds ?? WORKER_DEFAULTS.stallSeconds;
  const progress = new Progress(app.clock, stallSeconds);
  const pools: TaskPool[] = [];
  const consumers: Consumer[] = [];
  const failing = new Map<string, string>();
  const noteOf =
    (queue: string): Note =>
    (news, error) => {
      progress.note(news);
      if (news === "answer") failing.delete(queue);
      if (news === "no answer") failing.set(queue, error instanceof Error ? error.message : String(error));
      if (news !== "answer") protection.look();
    };
  const tasks = [...app.tasks.values()].map(({ settings }) => settings);
  const inHand = () => consumers.reduce((sum, consumer) => sum + consumer.inHand, 0);
  const timeLimits = tasks.filter(({ workload }) => names.includes(workload)).map(({ timeLimit }) => timeLimit);
  const protection = protectionOf(readEnvironment().ecsAgentUri, timeLimits, { inHand, clock: app.clock, log });
  const here = runHere(app);
  const hurry = new AbortController();
  // A heartbeat that gets through is progress too: a long task is no stall.
  const broker = heard(backends.broker, () => progress.note("heartbeat"));
  for (const { name, definition, concurrency } of served) {
    const cpuHeavy = definition.work === "cpu";
    const pool = cpuHeavy
      ? createPool({ appPath: pathOf(options, name), processes: concurrency, memoryMb: definition.memoryMb, log })
      : undefined;
    if (pool) pools.push(pool);
    const given = executeDeps(app, { ...backends, broker }, owner, log, pool ?? here, metrics);
    const deps = { ...given, hurry: hurry.signal };
    const consumer: ConsumerOptions = {
      name,
      queue: queueName(app.name, name),
      visibilitySeconds: definition.heartbeatVisibilitySeconds,
      maxReceiveCount: definition.maxReceiveCount,
      concurrency,
      prefetch: definition.prefetch,
      waitSeconds: options.waitSeconds ?? WORKER_DEFAULTS.waitSeconds,
    };
    consumers.push(new Consumer(consumer, deps, noteOf(consumer.queue)));
    if (!deadLetters) continue;
    const dead = {
      ...consumer,
      queue: deadLetterQueueName(app.name, name),
      concurrency: 1,
      prefetch: 1,
    };
    consumers.push(new Consumer(dead, deps, noteOf(dead.queue), handleDeadLetter));
  }
  const where = await backends.where();
  const unguard = (options.guard ?? true) ? guardMainThread(stallSeconds) : async () => {};
  const closing = async () => {
    metrics?.stop();
    await Promise.all([...pools.map((pool) => pool.close()), unguard(), app.closeResources(), protection.close()]);
    await app.events.emit("workerShutdown", { worker: owner }, log);
    await app.tracing?.flush();
  };
  const close = async () => {
    await closedInTime(closing(), log);
    await health?.close();
  };
  const description: WorkerDescription = {
    app: app.name,
    owner,
    pid: process.pid,
    node: process.version,
    ...where,
    deadLetters,
    graceSeconds: options.graceSeconds ?? WORKER_DEFAULTS.graceSeconds,
    workloads: served.map(({ name, definition, concurrency }) => ({
      name,
      queue: queueName(app.name, name),
      work: definition.work,
      concurrency,
      inHandAtMost: concurrency * definition.prefetch,
      visibilitySeconds: definition.heartbeatVisibilitySeconds,
      maxReceiveCount: definition.maxReceiveCount,
      memoryMb: definition.memoryMb,
      tasks: tasks.filter(({ workload }) => workload === name).map((settings) => settings.name),
    })),
    ...(health === undefined ? {} : { health: health.url }),
  };
  metrics?.start();
  const worker = new RunningWorker(consumers, app, description, progress, hurry, close);
  health?.report(() => ({
    phase: worker.stopping ? "draining" : "running",
    inHand: worker.inHand,
    standstill: progress.standstill(),
    failing: [...failing].map(([queue, error]) => ({ queue, error })),
  }));
  await app.events.emit("workerReady", { worker: owner, workloads: names }, log);
  return worker;
}

interface Served {
  readonly name: string;
  readonly definition: Workload;
  readonly concurrency: number;
}

function servedWorkloads(app: App, { workloads, concurrency }: WorkerOptions): readonly Served[] {
  const names = chosenWorkloads(app, workloads);
  demandTasks(app, names, "worker");
  return names.map((name) => {
    const definition = app.workload(name) as Workload; // chosen from those it has
    return { name, definition, concurrency: concurrency ?? definition.concurrency ?? availableParallelism() };
  });
}

function pathOf({ appPath }: WorkerOptions, workload: string): string {
  if (appPath === undefined)
    throw new StartupFailed(
      `workload "${workload}" is CPU-heavy and runs in processes of its own, which import the app again; pass appPath`,
    );
  return appPath;
}

function heard(broker: Broker, onAnswer: () => void): Broker {
  return withOverrides(broker, {
    changeVisibility: async (delivery, seconds) => {
      const answer = await broker.changeVisibility(delivery, seconds);
      onAnswer();
      return answer;
    },
  });
}

/** Real time, whatever clock the app has: processes end in it. Keeps the process alive until then. */
async function closedInTime(closed: Promise<unknown>, log: Logger): Promise<void> {
  const { closeSeconds } = WORKER_STOP;
  const done = new AbortController();
  const late = systemClock.sleep(closeSeconds * 1_000, done.signal).then(
    () => log.error({}, `processes, resources or listeners of workerShutdown did not end within ${closeSeconds} s`),
    () => {}, // they did
  );
  await Promise.race([closed.finally(() => done.abort()), late]);
}

class RunningWorker implements Worker {
  readonly description: WorkerDescription;
  readonly stopped: Promise<void>;
  readonly #consumers: readonly Consumer[];
  readonly #app: App;
  readonly #hurry: AbortController;
  #stopping: Promise<void> | undefined;
  #draining = false;

  constructor(
    consumers: readonly Consumer[],
    app: App,
    description: WorkerDescription,
    progress: Progress,
    hurry: AbortController,
    close: () => Promise<unknown>,
  ) {
    this.#consumers = consumers;
    this.#hurry = hurry;
    this.#app = app;
    this.description = description;
    this.stopped = this.#run(progress).finally(close);
    this.stopped.catch(() => {}); // whoever awaits it hears of it
  }

  get inHand(): number {
    return this.#consumers.reduce((sum, consumer) => sum + consumer.inHand, 0);
  }

  /** Nothing more is received. */
  get stopping(): boolean {
    return this.#draining;
  }

  stop(): Promise<void> {
    if (this.#stopping) this.#interrupt();
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Until all have drained, or one cannot go on: then the others drain too. A stalled worker has nobody to hand back to. */
  async #run(progress: Progress): Promise<void> {
    const ended = new AbortController();
    const drained = Promise.all(this.#consumers.map((consumer) => consumer.run()));
    let failure: { readonly error: unknown } | undefined;
    void Promise.race(this.#consumers.map((consumer) => consumer.broken)).catch((error: unknown) => {
      failure = { error };
      return this.#drain(drained);
    });
    try {
      await Promise.race([drained, progress.watch(() => this.inHand, ended.signal).then(() => drained)]);
      if (failure) throw failure.error;
    } finally {
      ended.abort();
      for (const consumer of this.#consumers) consumer.stop();
    }
  }

  async #stop(): Promise<void> {
    await this.#drain(this.stopped);
    await (await this.#app.backends()).broker.flush();
  }

  /** Nothing more is received; what runs gets the grace, and is interrupted after it. */
  async #drain(until: Promise<unknown>): Promise<void> {
    this.#draining = true;
    for (const consumer of this.#consumers) consumer.stop();
    this.#app.events.emitNow("workerShuttingDown", { worker: this.description.owner }, this.#app.log);
    const cancel = this.#app.clock.timer(this.description.graceSeconds * 1_000, () => this.#interrupt());
    await until.finally(cancel);
  }

  /** What still runs is given back, and who hears of it has little time left. */
  #interrupt(): void {
    for (const consumer of this.#consumers) consumer.interrupt();
    this.#app.clock.timer(WORKER_STOP.settleSeconds * 1_000, () => {
      const fields = { in_hand: this.inHand };
      if (this.inHand > 0)
        this.#app.log.error(fields, "the worker ends, hooks and listeners are not waited for any more");
      this.#hurry.abort();
    });
  }
}
