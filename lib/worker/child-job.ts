// A Job rebuilt in a process of the pool: what it reports and logs goes back to the worker.
import { inspect } from "node:util";
import type { Fields, Logger, LogLevel } from "../log.ts";
import type { TaskSettings } from "../settings.ts";
import { toError } from "../wire/failure.ts";
import { type Job, StopSignal } from "./job.ts";
import type { FromChild, FromJob, PostedJob, ToJob } from "./pool-messages.ts";

/** Kept here: tasks and their libraries may replace it. */
const processSend = process.send?.bind(process);

/** To the worker. Throws where a value cannot be cloned; that the worker is gone is no error, this process ends then. */
export function send(message: FromChild): void {
  processSend?.(message, undefined, undefined, () => {});
}

type Send = (message: FromJob) => void;

export class ChildJob {
  readonly posted: PostedJob;
  readonly stop = new StopSignal();
  readonly log = childLogger((message) => this.send(message));
  readonly #reports = new Map<number, PromiseWithResolvers<void>>();
  #calls = 0;
  #crashed = false;

  constructor(posted: PostedJob) {
    this.posted = posted;
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  asJob(settings: TaskSettings): Job {
    const { run: _, ending: __, ...facts } = this.posted;
    return {
      ...facts,
      settings,
      stop: this.stop,
      log: this.log,
      report: (meta, customState) => this.#report(meta, customState),
    };
  }

  send(message: FromJob): void {
    if (message.kind === "crashed") this.#crashed = true;
    send({ lovage: "run", run: this.posted.run, message });
  }

  receive(message: ToJob): void {
    if (message.kind === "revoked") {
      this.stop.stop("revoked");
      return;
    }
    const answer = this.#reports.get(message.call);
    this.#reports.delete(message.call);
    if (message.failure === undefined) answer?.resolve();
    else answer?.reject(toError(message.failure));
  }

  #report(meta: string | undefined, customState: string | undefined): Promise<void> {
    const call = this.#calls++;
    const answer = Promise.withResolvers<void>();
    this.#reports.set(call, answer);
    this.send({ kind: "report", call, meta, customState });
    return answer.promise;
  }
}

function childLogger(send: Send, bound: Fields = {}): Logger {
  const at = (level: Exclude<LogLevel, "silent">) => (fields: Fields, message: string) => {
    const all = { ...bound, ...fields };
    try {
      send({ kind: "log", level, fields: all, message });
    } catch {
      send({ kind: "log", level, fields: cloneable(all), message: String(message) }); // a function, a symbol, a stream
    }
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => childLogger(send, { ...bound, ...fields }),
  };
}

function cloneable(fields: Fields): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(fields));
  } catch {
    return { fields: inspect(fields, { depth: 2, customInspect: false }) };
  }
}
