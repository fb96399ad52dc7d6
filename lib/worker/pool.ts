// Runs jobs in child processes, so that code which computes cannot hold up heartbeats, can be ended by force, and takes
// nothing with it when it dies. One job per process at a time; processes live on between jobs. What cannot be done:
//
//  * The soft limit, and a revoke that asks to cooperate, reach a job through its event loop: a loop that never awaits does
//    not see them. The hard limit ends it.
//  * `memoryMb` limits JavaScript heaps; Buffers are outside them, and it is the container's limit that ends those.
//  * An app whose own handlers end the process on SIGINT or SIGTERM does so in its children too; their jobs are lost.
//  * What a process printed in its very last moments may be missing: tinypool stops listening when it exits.
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Tinypool, type TinypoolChannel } from "tinypool";
import { systemClock } from "../clock.ts";
import type { Ending, Outcome } from "../core/outcome.ts";
import { HOOKS_SECONDS, POOL } from "../defaults.ts";
import { environmentWith } from "../environment.ts";
import type { Logger } from "../log.ts";
import { taskSettings } from "../settings.ts";
import { toFailure } from "../wire/failure.ts";
import { limit } from "./invoke.ts";
import { type Ended, type Job, type Runner, StopSignal } from "./job.ts";
import { type Child, Children } from "./pool-children.ts";
import {
  type ChildStart,
  type FromChild,
  isOurs,
  type PostedFarewell,
  type PostedJob,
  type StrayError,
} from "./pool-messages.ts";
import { PoolRun } from "./pool-run.ts";

export interface PoolOptions {
  /** The app's module; every process imports it. */
  readonly appPath: string;
  /** Jobs at a time. */
  readonly processes: number;
  /** Memory of the whole container. */
  readonly memoryMb: number;
  readonly log: Logger;
}

export interface TaskPool extends Runner, AsyncDisposable {
  /** Kills every process. Jobs under way end as interrupted. */
  close(): Promise<void>;
}

export function createPool(options: PoolOptions): TaskPool {
  return new ProcessPool(options);
}

/** What each of the pool's processes may use for JavaScript objects, in MB. */
export function heapMb({ memoryMb, processes }: Pick<PoolOptions, "memoryMb" | "processes">): number {
  return Math.max(POOL.minHeapMb, Math.floor((memoryMb * POOL.heapRatio) / processes));
}

const CHILD = fileURLToPath(new URL(`./child${extname(import.meta.url)}`, import.meta.url));

/** How this process was started, so that a child reads the same files, without what only one process can do. */
function nodeOptions(heap: number): string[] {
  const options = process.execArgv.filter((option) => !/^--(?:inspect|watch|test|input-type)/.test(option));
  const evaluated = options.findIndex((option) => /^(?:-e|-p|-pe|--eval|--print)$/.test(option));
  if (evaluated >= 0) options.splice(evaluated, 2);
  return [...options, `--max-old-space-size=${heap}`];
}

class ProcessPool implements TaskPool {
  readonly #tinypool: Tinypool;
  readonly #children = new Children();
  readonly #options: PoolOptions;
  readonly #heapMb: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #runs = 0;
  /** Processes that have died since one last loaded the app. */
  #deaths = 0;
  #closing: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#heapMb = heapMb(options);
    this.#free = options.processes;
    this.#tinypool = new Tinypool({
      runtime: "child_process",
      filename: CHILD,
      name: "runJob",
      minThreads: options.processes,
      maxThreads: options.processes,
      argv: this.#argv("at once"),
      execArgv: nodeOptions(this.#heapMb),
      env: environmentWith({}) as Record<string, string>, // a variable that is not set is not there
      serialization: "advanced",
      useAtomics: false,
    });
    this.#tinypool.on("error", (error: unknown) => {
      if (this.#closing) return;
      options.log.error({ error: String(error) }, "an idle process died, another takes its place");
      queueMicrotask(() => this.#died()); // it comes in the middle of the exit, before Children has heard of that
    });
    this.#sweep();
  }

  readonly run = (job: Job): Promise<Outcome> => this.#inTurn(job, undefined);

  /** In a process of its own kind, like the task: hooks compute, block and crash as tasks do. */
  async announce({ ending, ...facts }: Ended): Promise<void> {
    const limits = { timeLimit: HOOKS_SECONDS, softTimeLimit: HOOKS_SECONDS };
    const settings = taskSettings(facts.envelope.task, limits, {});
    const job = { ...facts, ...limits, settings, maxResultBytes: 0, stop: new StopSignal(), report: async () => {} };
    const outcome = await this.#inTurn(job, ending);
    if (outcome.kind === "failure")
      facts.log.error(
        { error: `${outcome.failure.type}: ${outcome.failure.message}` },
        "hooks or listeners did not end",
      );
  }

  async #inTurn(job: Job, ending: Ending | undefined): Promise<Outcome> {
    await this.#takeSlot();
    try {
      return await this.#run(job, ending);
    } catch (error) {
      return { kind: "failure", failure: toFailure(error), expected: false }; // a bug of ours must not look like a stuck task
    } finally {
      this.#returnSlot();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(job: Job, ending: Ending | undefined): Promise<Outcome> {
    if (this.#closing) return { kind: "interrupted" };
    const number = ++this.#runs;
    const run = new PoolRun(number, job, this.#heapMb);
    let child: Child | undefined;
    const channel: TinypoolChannel = {
      onMessage: (send) => {
        this.#sweep();
        child = this.#children.at(channel);
        run.connect(send);
      },
      postMessage: (data: unknown) => this.#receive(data, run),
    };
    const { envelope, workload, owner, receiveCount, messageId, timeLimit, softTimeLimit, maxResultBytes } = job;
    const facts = { envelope, workload, owner, receiveCount, messageId, timeLimit, softTimeLimit, maxResultBytes };
    const posted: PostedJob = { run: number, ...facts, ...(ending && { ending }) };
    try {
      if (run.killed.aborted) return run.lost(undefined);
      const ended = this.#tinypool.run(posted, { channel, signal: run.killed });
      run.killed.addEventListener("abort", () => this.#sweep()); // after tinypool's own listener, which lets go of the child
      this.#sweep();
      return await ended;
    } catch (error) {
      this.#died();
      const death = await child?.gone;
      return this.#closing ? run.interrupted() : run.lost(death ?? error);
    } finally {
      await run.end();
    }
  }

  /** tinypool gives what a child says to the channel of its last job, also when that job has ended. */
  #receive(data: unknown, run: PoolRun): void {
    if (!isOurs<FromChild>(data)) return;
    if (data.lovage === "stray") this.#logStray(data);
    else if (data.lovage === "run" && data.run === run.number) {
      if (data.message.kind === "started") this.#loaded();
      run.receive(data.message);
    }
  }

  #logStray({ task, id, failure }: StrayError): void {
    const whose =
      task === undefined
        ? "an error outside any task that nobody caught"
        : "an error of a task that had already ended; nobody caught it, no other task is blamed";
    this.#options.log.error({ task, id, error: `${failure.type}: ${failure.message}`, stack: failure.stack }, whose);
  }

  #loaded(): void {
    this.#deaths = 0;
    this.#tinypool.options.argv = this.#argv("at once");
  }

  /**
   * tinypool has started another, unless one has ever died before it was up: from then on it leaves that, and the jobs that
   * wait for one, to us. A next job has it try again.
   */
  #died(): void {
    if (this.#closing) return;
    this.#deaths++;
    const tooMany = this.#deaths > 2 * this.#options.processes + 3;
    if (tooMany) this.#tinypool.options.argv = this.#argv("with the first job");
    if (this.#tinypool.threads.length < this.#options.processes) {
      if (tooMany) this.#tinypool.cancelPendingTasks();
      else this.#tinypool.run(undefined).catch(() => this.#died());
    }
    this.#sweep();
  }

  async #close(): Promise<void> {
    await this.#farewell(Math.min(this.#free, this.#tinypool.threads.length));
    this.#tinypool.options.minThreads = 0; // it would refill when a child that was killed earlier exits only now
    const destroyed = this.#tinypool.destroy();
    this.#sweep();
    await Promise.all([destroyed, this.#children.allGone()]);
  }

  /** Lets processes that have no job close what they have opened. One that does not is killed all the same. */
  async #farewell(idle: number): Promise<void> {
    const farewells = Array.from({ length: idle }, () => {
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      const postMessage = (data: unknown) => {
        if (isOurs<FromChild>(data) && data.lovage === "closed") resolve();
      };
      // It does not end, except by the death of its process.
      this.#tinypool
        .run({ farewell: true } satisfies PostedFarewell, { channel: { postMessage, onMessage: () => {} } })
        .catch(() => resolve());
      return closed;
    });
    if (farewells.length === 0) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = limit(systemClock, POOL.farewellSeconds, resolve);
    await Promise.race([Promise.all(farewells), late]);
    cancel();
  }

  #sweep(): void {
    this.#children.sweep(this.#tinypool.threads);
  }

  #argv(load: ChildStart["load"]): string[] {
    return [JSON.stringify({ appPath: this.#options.appPath, workerPid: process.pid, load } satisfies ChildStart)];
  }

  /** tinypool would queue too, but a job that waits for a process must not be taken for one whose process does not start. */
  async #takeSlot(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #returnSlot(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
