// What the worker and a process of its pool tell each other. A job's outcome is the result of tinypool's run.
import type { Ending } from "../core/outcome.ts";
import type { LogLevel } from "../log.ts";
import type { Failure } from "../store/record.ts";
import type { Job } from "./job.ts";

/** What a child is started with: its one argument, as JSON. */
export interface ChildStart {
  readonly appPath: string;
  /** The worker's process id: with another parent the child is an orphan. */
  readonly workerPid: number;
  /** When it loads the app. One that dies of it at once would be replaced for ever. */
  readonly load: "at once" | "with the first job";
}

/** A Job, as far as it can travel. */
export interface PostedJob
  extends Pick<
    Job,
    "envelope" | "workload" | "owner" | "receiveCount" | "messageId" | "timeLimit" | "softTimeLimit" | "maxResultBytes"
  > {
  /** Number of this run in its pool. Both sides drop messages of another: a job may leave code behind that goes on. */
  readonly run: number;
  /** Nothing to run: how it ended is to be told to hooks and listeners. */
  readonly ending?: Ending;
}

/** Nothing to run: the pool closes. The child closes what it has opened, says so, and waits to be killed. */
export interface PostedFarewell {
  readonly farewell: true;
}

/** From a run, in order. */
export type FromJob =
  /** The child has the job, and listens. */
  | { readonly kind: "taken" }
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
  /** An error of this job that nobody caught. The child waits to be killed. */
  | {
      readonly kind: "crashed";
      readonly origin: "uncaughtException" | "unhandledRejection";
      readonly failure: Failure;
    };

export type ToJob =
  | { readonly kind: "revoked" }
  | { readonly kind: "reported"; readonly call: number; readonly failure: Failure | undefined };

/** An error that belongs to no running job. `task` and `id` name the one that left it behind. */
export interface StrayError {
  readonly lovage: "stray";
  readonly task: string | undefined;
  readonly id: string | undefined;
  readonly failure: Failure;
}

interface OfRun<Message> {
  readonly lovage: "run";
  readonly run: number;
  readonly message: Message;
}

/** What a process had opened is closed. */
export interface Closed {
  readonly lovage: "closed";
}

export type FromChild = OfRun<FromJob> | StrayError | Closed;
export type ToChild = OfRun<ToJob>;

/** The channel is shared with tinypool, and with whatever a task's libraries send with `process.send`. */
export function isOurs<Message extends FromChild | ToChild>(data: unknown): data is Message {
  return typeof data === "object" && data !== null && "lovage" in data;
}
