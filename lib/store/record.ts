// A task's record: everything DynamoDB knows about one task id. One item, one owner of its meaning.
// table.ts says how it is laid out in DynamoDB, core/changes.ts says how it may change.
import type { GroupRef } from "../wire/envelope.ts";
import type { PayloadRef } from "./payload.ts";

/** States that are stored. UNKNOWN, STALLED, LOST and UNTRACKED are conclusions of a reader (core/states.ts). */
export const STORED_STATES = ["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED", "REPLACED"] as const;
export type StoredState = (typeof STORED_STATES)[number];

export const TERMINAL_STATES = ["SUCCESS", "FAILURE", "REVOKED", "REPLACED"] as const satisfies readonly StoredState[];
export type TerminalState = (typeof TERMINAL_STATES)[number];

export function isTerminal(state: StoredState): state is TerminalState {
  return state === "SUCCESS" || state === "FAILURE" || state === "REVOKED" || state === "REPLACED";
}

/** An error as it travels and rests: JSON only. `type` is the error's class name. */
export interface Failure {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  /** The error's `code`, where it has a string or a number (Node and AWS errors do). */
  readonly code?: string | number;
  readonly cause?: Failure;
}

export interface TaskRecord {
  readonly id: string;
  readonly state: StoredState;
  /** Name of the task. */
  readonly task?: string;
  /** Workload whose queue carried it. */
  readonly workload?: string;
  /** Which run this is about: 0 for the first. In RETRY, the run that comes next. */
  readonly attempt: number;
  /** Random token of the claim that wrote last. It fences: only its holder may finish. */
  readonly token?: string;
  /** Worker that holds, or held, the claim. */
  readonly owner?: string;
  /** Epoch ms until which the holder is taken to be alive. */
  readonly leaseUntil?: number;
  /** Epoch ms of the latest claim. */
  readonly startedAt?: number;
  /** Claims made so far: 1 where nothing went wrong and nothing was retried. */
  readonly runs?: number;
  /** SQS will not deliver the message of this claim again (its receive count is at the maximum). */
  readonly lastDelivery?: boolean;
  /** In RETRY: epoch ms before which the next run must not start. */
  readonly retryAt?: number;
  /** In RETRY: JSON of `[args, kwargs]` where the task asked for others, or of a PayloadRef to it. */
  readonly retryArgs?: string;
  /** Epoch ms of the publish, where it is recorded (chosen ids), or of the latest time its message was sent anew. */
  readonly publishedAt?: number;
  /** JSON of the result. Absent where there is none (undefined, ignored, forgotten). */
  readonly result?: string;
  /** Where the result lies in the payload store, instead of `result`. A tombstone keeps it: `forget()` may be repeated. */
  readonly resultRef?: PayloadRef;
  /** The group whose members' results are its result, instead of `result`: it waited for them, and had no message. */
  readonly members?: GroupRef;
  /** Of a REPLACED: id of the unit that ends in its place. */
  readonly replacement?: string;
  /** Of a REPLACED: JSON of the signature that it put in its place. */
  readonly replacementSig?: string;
  /** Why it failed, is retried, or was revoked. */
  readonly failure?: Failure;
  /** What `progress()` and `updateState()` reported: JSON. */
  readonly meta?: string;
  /** Custom state of `updateState()`, shown while STARTED. */
  readonly customState?: string;
  /** Somebody asked for the running task to be revoked: "terminate" kills it where that is possible. */
  readonly revokeRequested?: "cooperate" | "terminate";
  /** The task threw `Ignore`. */
  readonly ignored?: boolean;
  /** Epoch ms of the terminal write. */
  readonly endedAt?: number;
  /** Epoch ms after which the value is hidden (`ResultExpired`). */
  readonly resultExpiresAt?: number;
  /** `forget()` removed the value and left this tombstone, so that a late duplicate does not run again. */
  readonly forgotten?: boolean;
  /** A later delivery has sent again what follows its ending, and none after that has to. */
  readonly followed?: boolean;
  /** Message of the attempt that failed, kept with a FAILURE so that it can be browsed and sent again. */
  readonly body?: string;
  /** Of a FAILURE: where it is listed (store/failures.ts). Nothing else has it, so the index holds failures only. */
  readonly failedOn?: string;
  /** Of a FAILURE: the type of its error, for the list. */
  readonly errorType?: string;
  /** Of a FAILURE: the beginning of its message, for the list. */
  readonly errorMessage?: string;
  /** Times a FAILURE was sent again. The next one's id is derived from this. */
  readonly redrives?: number;
  /** The failed task that this one is a redrive of. */
  readonly redrivenFrom?: string;
  /** Epoch ms after which DynamoDB may remove the record (TTL). */
  readonly expiresAt?: number;
}
