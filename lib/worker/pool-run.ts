// One job in a thread, as the main thread sees it: its limits, its messages, and what its thread's death means.
import type { MessagePort } from "node:worker_threads";
import { systemClock } from "../clock.ts";
import type { Outcome } from "../core/outcome.ts";
import { ClaimLost, StartupFailed, TimeLimitExceeded, WorkerLost } from "../errors.ts";
import { toError, toFailure } from "../wire/failure.ts";
import { limit, thrown } from "./invoke.ts";
import type { Job, StopReason } from "./job.ts";
import type { FromJob, ToJob } from "./pool-messages.ts";

/** A thread that has not loaded the app after this long will not: an import that waits for ever, or an endless loop in it. */
const LOAD_SECONDS = 120;

export class PoolRun {
  readonly #job: Job;
  readonly #port: MessagePort;
  readonly #memoryMb: number;
  readonly #kill = new AbortController();
  readonly #reports = new Set<Promise<void>>();
  readonly #forget: () => void;
  #cancelLimit: () => void;
  #ending: Outcome | undefined;

  constructor(job: Job, port: MessagePort, memoryMb: number) {
    this.#job = job;
    this.#port = port;
    this.#memoryMb = memoryMb;
    this.#cancelLimit = limit(systemClock, LOAD_SECONDS, () => {
      const error = new StartupFailed(
        `a thread could not load the app within ${LOAD_SECONDS} s; look for an import that never ends`,
      );
      this.#endThread({ kind: "failure", failure: toFailure(error), expected: false });
    });
    this.#forget = job.stop.onStop((reason) => this.#stop(reason));
  }

  /** Aborts when the thread is to be ended. */
  get killed(): AbortSignal {
    return this.#kill.signal;
  }

  receive(message: FromJob): void {
    switch (message.kind) {
      case "started":
        this.#startLimit();
        break;
      case "log":
        this.#job.log[message.level](message.fields, message.message);
        break;
      case "report":
        this.#report(message.call, message.meta, message.customState);
        break;
      case "crashed":
        this.#crashed(message.origin, toError(message.failure));
        break;
      default:
        message satisfies never;
    }
  }

  /** Why the thread is gone: it was ended from here, or by the task. */
  lost(error: unknown): Outcome {
    return this.#ending ?? thrown(new WorkerLost(this.#cause(error)), this.#job);
  }

  interrupted(): Outcome {
    return this.#ending ?? { kind: "interrupted" };
  }

  /** Nothing happens to this job any more; resolves when what it reported is stored. */
  async end(): Promise<void> {
    this.#forget();
    this.#cancelLimit();
    await Promise.all(this.#reports);
  }

  #stop(reason: StopReason): void {
    switch (reason) {
      case "revoked":
        this.#send({ kind: "revoked" });
        break;
      case "terminated":
        this.#endThread({ kind: "revoked", reason: "terminated" });
        break;
      case "shutdown":
        this.#endThread({ kind: "interrupted" });
        break;
      case "claim lost":
        this.#endThread(thrown(new ClaimLost(this.#job.envelope.id), this.#job));
        break;
      default:
        reason satisfies never;
    }
  }

  #startLimit(): void {
    this.#cancelLimit();
    const { timeLimit } = this.#job;
    const passed = () => this.#endThread(thrown(new TimeLimitExceeded(timeLimit), this.#job));
    this.#cancelLimit = limit(systemClock, timeLimit, passed);
  }

  #crashed(origin: "uncaughtException" | "unhandledRejection", cause: Error): void {
    const what = origin === "unhandledRejection" ? "a rejected promise nobody handled" : "an error nobody caught";
    const error = new WorkerLost(
      `${what} ended the task's thread: ${cause.name}: ${cause.message}; await every promise, and catch what callbacks throw`,
    );
    this.#endThread(thrown(Object.assign(error, { cause }), this.#job));
  }

  #endThread(ending: Outcome): void {
    this.#ending ??= ending;
    this.#kill.abort();
  }

  #report(call: number, meta: string | undefined, customState: string | undefined): void {
    const stored = this.#job.report(meta, customState).then(
      () => this.#send({ kind: "reported", call, failure: undefined }),
      (error: unknown) => this.#send({ kind: "reported", call, failure: toFailure(error) }),
    );
    this.#reports.add(stored);
    void stored.then(() => this.#reports.delete(stored));
  }

  #send(message: ToJob): void {
    this.#port.postMessage(message);
  }

  #cause(error: unknown): string {
    const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }; // what piscina rejects with: an Error
    if (code === "ERR_WORKER_OUT_OF_MEMORY") {
      return `the task ran out of memory: the heap of its thread is limited to ${this.#memoryMb} MB; give the workload more memory, or have the task hold less at a time`;
    }
    const exit = /^worker exited with code: (-?\d+)$/.exec(String(message))?.[1];
    if (exit !== undefined)
      return `the task's thread ended with exit code ${exit}: process.exit() was called in it; return or throw instead`;
    return `the task's thread died: ${String(message ?? error)}`;
  }
}
