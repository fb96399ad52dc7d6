// What the worker's main thread and a thread of its pool tell each other. The outcome itself is the result of piscina's run.
import type { MessagePort } from "node:worker_threads";
import type { LogLevel } from "../log.ts";
import type { Failure } from "../store/record.ts";
import type { Job } from "./job.ts";

/** What a thread is started with. */
export interface ThreadData {
  readonly appPath: string;
  /** How many threads have begun to load the app since one last managed to. Shared by all of a pool. */
  readonly loading: Int32Array;
  /** With more than these a thread waits for a job before it loads the app: one that dies of it must not be replaced for ever. */
  readonly loadsAtMost: number;
}

/** A Job, as far as it can travel. */
export interface PostedJob
  extends Pick<Job, "envelope" | "workload" | "owner" | "receiveCount" | "messageId" | "timeLimit" | "softTimeLimit"> {
  readonly port: MessagePort;
}

/** On the job's own port, in order. */
export type FromJob =
  /** The app is loaded: limits count from here. */
  | { readonly kind: "started" }
  | {
      readonly kind: "log";
      readonly level: Exclude<LogLevel, "silent">;
      readonly fields: Record<string, unknown>;
      readonly message: string;
    }
  | {
      readonly kind: "report";
      readonly call: number;
      readonly meta: string | undefined;
      readonly customState: string | undefined;
    }
  /** An error of this job that nobody caught. The thread waits to be ended. */
  | {
      readonly kind: "crashed";
      readonly origin: "uncaughtException" | "unhandledRejection";
      readonly failure: Failure;
    };

export type ToJob =
  | { readonly kind: "revoked" }
  | { readonly kind: "reported"; readonly call: number; readonly failure: Failure | undefined };

/** Not on a job's port: an error that belongs to no running job. `task` and `id` name the one that left it behind. */
export interface StrayError {
  readonly kind: "stray";
  readonly task: string | undefined;
  readonly id: string | undefined;
  readonly failure: Failure;
}
