import type { Ending, Outcome } from "../core/outcome.ts";
import type { Logger } from "../log.ts";
import type { TaskSettings } from "../settings.ts";
import type { Envelope } from "../wire/envelope.ts";

/** Why a running job is told to stop. Carried as the reason of its AbortSignal. */
export type StopReason = "revoked" | "terminated" | "claim lost" | "shutdown";

/** One run of one task: what a runner needs, and nothing of queues and records. */
export interface Job {
  readonly envelope: Envelope;
  readonly settings: TaskSettings;
  readonly workload: string;
  readonly owner: string;
  readonly receiveCount: number;
  readonly messageId: string;
  /** Hard limit in seconds. */
  readonly timeLimit: number;
  /** Soft limit in seconds. */
  readonly softTimeLimit: number;
  /** Largest result that can be kept: in its record, or in the payload store. */
  readonly maxResultBytes: number;
  readonly stop: StopSignal;
  readonly log: Logger;
  /** Stores progress or a custom state; resolves to nothing where nothing is tracked. */
  report(meta: string | undefined, customState: string | undefined): Promise<void>;
}

/** Runs the task's code and says how it ended. Never rejects: whatever goes wrong is an outcome. */
export type Run = (job: Job) => Promise<Outcome>;

/** A task whose ending has been recorded. JSON but for its log. */
export interface Ended extends Pick<Job, "envelope" | "workload" | "owner" | "receiveCount" | "messageId" | "log"> {
  readonly ending: Ending;
}

/** Where the user's code runs: in the worker's own process, or in one of its pool's. */
export interface Runner {
  readonly run: Run;
  /** Calls the hooks and listeners that want to know. Never rejects, and takes at most HOOKS_SECONDS. */
  announce(ended: Ended): Promise<void>;
}

/** From asking to ending: a later one replaces an earlier one. */
const ORDER: readonly StopReason[] = ["revoked", "claim lost", "terminated", "shutdown"];

/** An AbortSignal that knows its reason by name, and whose reason may become a stronger one. */
export class StopSignal {
  readonly #listeners = new Set<(reason: StopReason) => void>();
  #reason: StopReason | undefined;

  get reason(): StopReason | undefined {
    return this.#reason;
  }

  stop(reason: StopReason): void {
    if (this.#reason !== undefined && ORDER.indexOf(reason) <= ORDER.indexOf(this.#reason)) return;
    this.#reason = reason;
    for (const listener of this.#listeners) listener(reason);
  }

  /** Calls `listener` at every stop, at once where there was one. Returns a function that removes it. */
  onStop(listener: (reason: StopReason) => void): () => void {
    this.#listeners.add(listener);
    if (this.#reason !== undefined) listener(this.#reason);
    return () => this.#listeners.delete(listener);
  }
}
