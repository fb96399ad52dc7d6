// A Job rebuilt in a thread of the pool: what it reports and logs goes back to the worker's main thread.
import { inspect } from "node:util";
import type { MessagePort } from "node:worker_threads";
import type { Fields, Logger, LogLevel } from "../log.ts";
import type { TaskSettings } from "../settings.ts";
import { toError } from "../wire/failure.ts";
import { type Job, StopSignal } from "./job.ts";
import type { FromJob, PostedJob, ToJob } from "./pool-messages.ts";

export class ThreadJob {
  readonly posted: PostedJob;
  readonly stop = new StopSignal();
  readonly #reports = new Map<number, PromiseWithResolvers<void>>();
  #calls = 0;
  #crashed = false;

  constructor(posted: PostedJob) {
    this.posted = posted;
    posted.port.on("message", (message: ToJob) => this.#receive(message));
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  asJob(settings: TaskSettings): Job {
    const { port, ...facts } = this.posted;
    return {
      ...facts,
      settings,
      stop: this.stop,
      log: threadLogger(port),
      report: (meta, customState) => this.#report(meta, customState),
    };
  }

  send(message: FromJob): void {
    if (message.kind === "crashed") this.#crashed = true;
    this.posted.port.postMessage(message);
  }

  #report(meta: string | undefined, customState: string | undefined): Promise<void> {
    const call = this.#calls++;
    const answer = Promise.withResolvers<void>();
    this.#reports.set(call, answer);
    this.send({ kind: "report", call, meta, customState });
    return answer.promise;
  }

  #receive(message: ToJob): void {
    if (message.kind === "revoked") {
      this.stop.stop("revoked");
      return;
    }
    const answer = this.#reports.get(message.call);
    this.#reports.delete(message.call);
    if (message.failure === undefined) answer?.resolve();
    else answer?.reject(toError(message.failure));
  }
}

function threadLogger(port: MessagePort, bound: Fields = {}): Logger {
  const at = (level: Exclude<LogLevel, "silent">) => (fields: Fields, message: string) => {
    const all = { ...bound, ...fields };
    try {
      port.postMessage({ kind: "log", level, fields: all, message } satisfies FromJob);
    } catch {
      port.postMessage({ kind: "log", level, fields: cloneable(all), message: String(message) } satisfies FromJob); // a function, a symbol, a stream
    }
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => threadLogger(port, { ...bound, ...fields }),
  };
}

function cloneable(fields: Fields): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(fields));
  } catch {
    return { fields: inspect(fields, { depth: 2, customInspect: false }) };
  }
}
