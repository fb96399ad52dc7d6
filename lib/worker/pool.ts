// Runs jobs in threads, so that code which computes cannot hold up heartbeats and can be ended by force. One job per thread
// at a time; threads live on between jobs. What cannot be done from here:
//
//  * The soft limit, and a revoke that asks to cooperate, reach a job through its event loop: a loop that never awaits does
//    not see them. The hard limit ends it.
//  * A thread inside one long native call (a synchronous child process, a huge regular expression's compilation) dies when
//    that call returns. Its job has ended by then, and another thread has taken its place.
//  * `memoryMb` limits the JavaScript heap; Buffers are outside it. V8 ends a thread that grows beyond the limit, but one
//    that overshoots it by tens of MB between two collections (arrays of millions, a Map's growth) makes V8 abort the whole
//    process, as does `process.abort()` or a crash in an addon. All its messages then come again elsewhere.
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { Piscina } from "piscina";
import type { Outcome } from "../core/outcome.ts";
import type { Logger } from "../log.ts";
import { toFailure } from "../wire/failure.ts";
import type { Job, Run } from "./job.ts";
import type { PostedJob, StrayError, ThreadData } from "./pool-messages.ts";
import { PoolRun } from "./pool-run.ts";

export interface PoolOptions {
  /** The app's module; every thread imports it. */
  readonly appPath: string;
  /** Jobs at a time. */
  readonly threads: number;
  /** Heap of one thread. */
  readonly memoryMb: number;
  readonly log: Logger;
}

export interface TaskPool extends AsyncDisposable {
  readonly run: Run;
  /** Ends every thread. Jobs under way end as interrupted. */
  close(): Promise<void>;
}

export function createPool(options: PoolOptions): TaskPool {
  return new ThreadPool(options);
}

/** A smaller young generation makes V8 notice the heap's limit earlier: with its default more kinds of growth abort the process. */
const YOUNG_GENERATION_MB = 32;

const THREAD = fileURLToPath(new URL(`./thread${extname(import.meta.url)}`, import.meta.url));

class ThreadPool implements TaskPool {
  readonly #piscina: Piscina<PostedJob, Outcome>;
  readonly #memoryMb: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #closed = false;

  constructor({ appPath, threads, memoryMb, log }: PoolOptions) {
    this.#memoryMb = memoryMb;
    this.#free = threads;
    const workerData: ThreadData = {
      appPath,
      loading: new Int32Array(new SharedArrayBuffer(4)),
      loadsAtMost: 2 * threads + 3,
    };
    this.#piscina = new Piscina({
      filename: THREAD,
      name: "default",
      minThreads: threads,
      maxThreads: threads,
      // Between jobs a thread's event loop runs on: connections stay alive, and what a job left behind shows.
      atomics: "disabled",
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      workerData,
    });
    this.#piscina.on("message", ({ task, id, failure }: StrayError) => {
      const whose =
        task === undefined
          ? "an error outside any task that nobody caught"
          : "an error of a task that had already ended; nobody caught it, no other task is blamed";
      log.error({ task, id, error: `${failure.type}: ${failure.message}`, stack: failure.stack }, whose);
    });
    this.#piscina.on("error", (error: unknown) =>
      log.error({ error: String(error) }, "an idle thread died, another takes its place"),
    );
  }

  readonly run = async (job: Job): Promise<Outcome> => {
    await this.#takeSlot();
    try {
      return await this.#run(job);
    } catch (error) {
      return { kind: "failure", failure: toFailure(error), expected: false }; // a bug of ours must not look like a stuck task
    } finally {
      this.#returnSlot();
    }
  };

  async close(): Promise<void> {
    this.#closed = true;
    this.#piscina.options.minThreads = 0; // piscina would refill when a thread that was ended earlier exits only now
    await this.#piscina.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(job: Job): Promise<Outcome> {
    if (this.#closed) return { kind: "interrupted" };
    const { port1, port2 } = new MessageChannel();
    const run = new PoolRun(job, port1, this.#memoryMb);
    const { envelope, workload, owner, receiveCount, messageId, timeLimit, softTimeLimit } = job;
    const posted = { envelope, workload, owner, receiveCount, messageId, timeLimit, softTimeLimit, port: port2 };
    port1.on("message", (message) => run.receive(message));
    try {
      if (run.killed.aborted) return run.lost(undefined);
      const outcome = await this.#piscina.run(posted, { transferList: [port2], signal: run.killed });
      return outcome;
    } catch (error) {
      return this.#closed ? run.interrupted() : run.lost(error);
    } finally {
      // Sent before the outcome, over another port: here already, and perhaps not yet delivered.
      for (let next = receiveMessageOnPort(port1); next !== undefined; next = receiveMessageOnPort(port1))
        run.receive(next.message);
      await run.end();
      port1.close();
    }
  }

  /** piscina would queue too, but a job that waits for a thread must not be taken for one whose thread does not start. */
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
