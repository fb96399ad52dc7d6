// One job in a process of the pool, as the worker sees it: its limits, its messages, and what its process's death means.
import { systemClock } from "../clock.ts";
import type { Outcome } from "../core/outcome.ts";
import { POOL } from "../defaults.ts";
import { ClaimLost, StartupFailed, TimeLimitExceeded, WorkerLost } from "../errors.ts";
import { toError, toFailure } from "../wire/failure.ts";
import { limit, thrown } from "./invoke.ts";
import type { Job, StopReason } from "./job.ts";
import type { Death } from "./pool-children.ts";
import type { FromJob, ToChild, ToJob } from "./pool-messages.ts";

export class PoolRun {
  readonly number: number;
  readonly #job: Job;
  readonly #heapMb: number;
  readonly #killed = new AbortController();
  readonly #reports = new Set<Promise<void>>();
  readonly #forget: () => void;
  readonly #unsent: ToJob[] = [];
  #toChild: ((message: ToChild) => void) | undefined;
  #taken = false;
  #cancelLimit: () => void;
  #ending: Outcome | undefined;

  constructor(number: number, job: Job, heapMb: number) {
    this.number = number;
    this.#job = job;
    this.#heapMb = heapMb;
    this.#cancelLimit = limit(systemClock, POOL.loadSeconds, () => {
      const error = new StartupFailed(
        `a process could not load the app within ${POOL.loadSeconds} s; look for an import that never ends`,
      );
      this.#kill({ kind: "failure", failure: toFailure(error), expected: false });
    });
    this.#forget = job.stop.onStop((reason) => this.#stop(reason));
  }

  /** Aborts when the process is to be killed. */
  get killed(): AbortSignal {
    return this.#killed.signal;
  }

  /** The job is on its way to a child, which `send` speaks to. */
  connect(send: (message: ToChild) => void): void {
    this.#toChild = send;
  }

  receive(message: FromJob): void {
    switch (message.kind) {
      case "taken":
        this.#taken = true;
        for (const unsent of this.#unsent.splice(0)) this.#send(unsent);
        break;
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

  /** Why the process is gone: it was killed from here, or died of the task. */
  lost(why: Death | unknown): Outcome {
    if (this.#ending) return this.#ending;
    const { code, signal } = (why ?? {}) as Partial<Death>; // an error has neither
    // A child ignores these as soon as it is up: it was told to stop, with its worker, before it could begin.
    if (!this.#taken && (signal === "SIGINT" || signal === "SIGTERM")) return { kind: "interrupted" };
    if (code === undefined) {
      const error = new StartupFailed(`no process could be started for the task: ${toFailure(why).message}`);
      return { kind: "failure", failure: toFailure(error), expected: false };
    }
    const cause =
      signal != null
        ? this.#signalled(signal)
        : `ended with exit code ${code}: process.exit() was called in it; return or throw instead`;
    return thrown(new WorkerLost(`the task's process ${cause}`), this.#job);
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
        this.#kill({ kind: "revoked", reason: "terminated" });
        break;
      case "shutdown":
        this.#kill({ kind: "interrupted" });
        break;
      case "claim lost":
        this.#kill(thrown(new ClaimLost(this.#job.envelope.id), this.#job));
        break;
      default:
        reason satisfies never;
    }
  }

  #startLimit(): void {
    this.#cancelLimit();
    const { timeLimit } = this.#job;
    const passed = () => this.#kill(thrown(new TimeLimitExceeded(timeLimit), this.#job));
    this.#cancelLimit = limit(systemClock, timeLimit, passed);
  }

  #crashed(origin: "uncaughtException" | "unhandledRejection", cause: Error): void {
    const what = origin === "unhandledRejection" ? "a rejected promise nobody handled" : "an error nobody caught";
    const error = new WorkerLost(
      `${what} ended the task's process: ${cause.name}: ${cause.message}; await every promise, and catch what callbacks throw`,
    );
    this.#kill(thrown(Object.assign(error, { cause }), this.#job));
  }

  #kill(ending: Outcome): void {
    this.#ending ??= ending;
    this.#killed.abort();
  }

  #report(call: number, meta: string | undefined, customState: string | undefined): void {
    const stored = this.#job.report(meta, customState).then(
      () => this.#send({ kind: "reported", call, failure: undefined }),
      (error: unknown) => this.#send({ kind: "reported", call, failure: toFailure(error) }),
    );
    this.#reports.add(stored);
    void stored.then(() => this.#reports.delete(stored));
  }

  /** What comes before the child listens would be lost. */
  #send(message: ToJob): void {
    if (this.#taken) this.#toChild?.({ lovage: "run", run: this.number, message });
    else this.#unsent.push(message);
  }

  #signalled(signal: NodeJS.Signals): string {
    const more = "give the workload more memory, or have the task hold less at a time";
    switch (signal) {
      case "SIGABRT": // what V8 does when the heap is full
      case "SIGTRAP":
      case "SIGILL":
        return `died of ${signal}: it ran out of memory, its heap is limited to ${this.#heapMb} MB, or code in it aborted; ${more}`;
      case "SIGKILL":
        return `was killed (SIGKILL), as a machine does that runs out of memory; its heap is limited to ${this.#heapMb} MB, Buffers come on top; ${more}`;
      default:
        return `died of ${signal}: it was sent from outside, or native code crashed`;
    }
  }
}
