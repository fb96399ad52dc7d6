// A worker as a process: signals, its end, its exit code.
//
//   1st SIGTERM, SIGINT, or the end of a parent with an IPC channel   drain: receive no more, finish within the grace -> 0
//   2nd                                                               give back what runs, at most a second  -> 143, 130
//   no progress, a queue deleted, access withdrawn                    one line that says why                           -> 1
//   an exception nobody caught                                        drain                                            -> 1
import type { App } from "../app.ts";
import { WORKER_STOP } from "../defaults.ts";
import type { Logger } from "../log.ts";
import { startWorker, type Worker, type WorkerDescription, type WorkerOptions } from "../worker/worker.ts";
import { causeOf } from "./cause.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { span } from "./output.ts";

const GIVE_BACK_MS = 1_000;
/** After the grace and the last poll. */
const END_SECONDS = WORKER_STOP.settleSeconds + WORKER_STOP.closeSeconds;

/** To a parent with an IPC channel, such as `lovage dev`: it polls. */
export interface ReadyMessage {
  readonly ready: WorkerDescription;
}

/** Resolves with the exit code. Rejects where it cannot start: one cause. */
export async function runWorker(
  app: App,
  options: WorkerOptions,
  log: Logger,
  onReady: (description: WorkerDescription) => void,
): Promise<ExitCode> {
  const worker = await startWorker(app, options);
  const ending = new Ending(worker, app, options, log);
  ending.listen();
  onReady(worker.description);
  process.send?.({ ready: worker.description } satisfies ReadyMessage);
  return ending.code();
}

/** Until it polls it has nothing in hand: told to stop, it just ends. Call what is returned once it polls. */
export function endWhileStarting(): () => void {
  const end = () => process.exit(EXIT.ok);
  const occasions = ["SIGTERM", "SIGINT", "disconnect"] as const;
  for (const occasion of occasions) process.on(occasion as "disconnect", end); // the types have one overload for each
  return () => {
    for (const occasion of occasions) process.off(occasion, end);
  };
}

class Ending {
  readonly #worker: Worker;
  readonly #app: App;
  readonly #log: Logger;
  /** A drain longer than this hangs. */
  readonly #boundSeconds: number;
  readonly #atOnce = Promise.withResolvers<ExitCode>();
  #stopping = false;
  #crashed = false;

  constructor(worker: Worker, app: App, { waitSeconds = 0 }: WorkerOptions, log: Logger) {
    this.#worker = worker;
    this.#app = app;
    this.#log = log;
    this.#boundSeconds = Math.max(worker.description.graceSeconds, waitSeconds) + END_SECONDS;
  }

  listen(): void {
    process.on("SIGTERM", () => this.#stop("SIGTERM", EXIT.terminated));
    process.on("SIGINT", () => this.#stop("SIGINT", EXIT.interrupted));
    process.once("disconnect", () => this.#stop("told by its parent", EXIT.terminated));
    process.on("unhandledRejection", (reason) => {
      this.#log.error(
        { ...errorFields(reason) },
        "a promise was rejected and nobody handled it; await it, or catch it",
      );
    });
    process.on("uncaughtException", (error) => {
      this.#crashed = true;
      this.#log.error({ ...errorFields(error) }, "an exception was caught by nobody");
      if (!this.#stopping) this.#stop("an exception", EXIT.terminated);
    });
  }

  code(): Promise<ExitCode> {
    return Promise.race([this.#atOnce.promise, this.#drained()]);
  }

  async #drained(): Promise<ExitCode> {
    try {
      await this.#worker.stopped;
      if (this.#stopping) await this.#worker.stop(); // the last acknowledgements
    } catch (error) {
      const { code, message } = causeOf(error);
      this.#log.error({ code, in_hand: this.#worker.inHand }, `the worker ends: ${message}`);
      return EXIT.failed;
    }
    this.#log.info({}, "stopped, nothing in hand");
    return this.#crashed ? EXIT.failed : EXIT.ok;
  }

  #stop(why: string, atOnce: ExitCode): void {
    const { inHand, description } = this.#worker;
    if (this.#stopping) {
      void this.#giveBack(atOnce);
      return;
    }
    this.#stopping = true;
    const grace = span(description.graceSeconds);
    this.#log.info(
      { reason: why, in_hand: inHand },
      `stopping: ${inHand} in hand, up to ${grace}; again to stop at once`,
    );
    this.#worker.stop().catch(() => {}); // #drained() hears of it
    this.#app.clock.timer(this.#boundSeconds * 1_000, () => {
      this.#log.error(
        { in_hand: this.#worker.inHand },
        `the worker ends: it did not come to rest within ${span(this.#boundSeconds)}; what it has in hand returns to its queue by itself`,
      );
      this.#atOnce.resolve(EXIT.failed);
    });
  }

  async #giveBack(code: ExitCode): Promise<void> {
    const { clock } = this.#app;
    const before = this.#worker.inHand;
    this.#worker.stop().catch(() => {}); // asked again it interrupts what runs
    const until = clock.monotonic() + GIVE_BACK_MS;
    while (this.#worker.inHand > 0 && clock.monotonic() < until) await clock.sleep(20);
    const left = this.#worker.inHand;
    if (before > 0 && left === 0) await (await this.#app.backends()).broker.flush();
    const rest = left === 0 ? "" : `; ${left} still in hand, back on the queue when the lease ends`;
    this.#log.warn({ given_back: before - left, in_hand: left }, `stopped at once${rest}`);
    this.#atOnce.resolve(code);
  }
}

function errorFields(error: unknown): { error: string; stack?: string | undefined } {
  const { message, stack } = causeOf(error);
  return { error: message, stack };
}
