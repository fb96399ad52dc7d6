// What was sent: every task that was accepted by the broker, once. Retries, hops and repeated deliveries are not new tasks.

import type { PayloadRef } from "../store/payload.ts";
import { decode, type Envelope } from "../wire/envelope.ts";
import type { JsonObject } from "../wire/serializer.ts";

/** A task that was sent: by the code under test, by another task, or as a callback. */
export interface SentTask<A extends readonly unknown[] = readonly unknown[]> {
  readonly id: string;
  /** Name of the task. */
  readonly task: string;
  /** As they travelled: JSON. */
  readonly args: A;
  readonly kwargs: JsonObject;
  /** The caller's own headers. */
  readonly headers: JsonObject;
  readonly workload: string;
  /** When it was sent, by the test's clock. */
  readonly at: Date;
  /** Seconds until it may start, from `countdown` or `eta`; 0 for at once. */
  readonly countdown: number;
  readonly eta?: Date;
  readonly expires?: Date;
  /** Seconds, where the call stated one. */
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
  readonly ignoreResult: boolean;
  /** Id of the task that sent it. */
  readonly parentId?: string;
  /** Names of its callbacks. */
  readonly link: readonly string[];
  readonly linkError: readonly string[];
}

/** A task, by itself or by its name. */
export type AnyTask = string | { readonly taskName: string };

/** A task whose arguments are `A`, by itself or by its name. */
export type TaskOf<A extends readonly unknown[]> = string | { readonly taskName: string; delay(...args: A): unknown };

export const nameOf = (task: AnyTask): string => (typeof task === "string" ? task : task.taskName);

export class SentTasks {
  #tasks: SentTask[] = [];
  readonly #ids = new Set<string>();
  readonly #payload: (ref: PayloadRef) => string | undefined;

  /** `payload`: where arguments lie that were too large for their message. */
  constructor(payload: (ref: PayloadRef) => string | undefined) {
    this.#payload = payload;
  }

  /** Notes a message that was accepted. */
  note(body: string, workload: string, now: number): void {
    const envelope = this.#read(body);
    if (envelope === undefined || envelope.retries > 0 || this.#ids.has(envelope.id)) return;
    this.#ids.add(envelope.id);
    this.#tasks.push(sentTask(envelope, workload, now));
  }

  /** Undefined where it cannot be read: somebody put it there by hand. */
  #read(body: string): Envelope | undefined {
    try {
      const envelope = decode(body);
      const json = envelope.argsRef && this.#payload(envelope.argsRef);
      if (json === undefined) return envelope;
      const [args, kwargs] = JSON.parse(json) as [Envelope["args"], JsonObject]; // what the call put there
      return { ...envelope, args, kwargs };
    } catch {
      return undefined;
    }
  }

  get all(): readonly SentTask[] {
    return [...this.#tasks];
  }

  /** Forgets them. One that is sent on afterwards, as a resent dead letter is, is no new task still. */
  clear(): void {
    this.#tasks = [];
  }
}

function sentTask(envelope: Envelope, workload: string, now: number): SentTask {
  const { id, task, args, kwargs, headers, eta, expires, timeLimit, softTimeLimit, ignoreResult, parentId } = envelope;
  return {
    ...{ id, task, args, kwargs, headers, workload, ignoreResult, at: new Date(now) },
    countdown: eta === undefined ? 0 : Math.max(0, eta - now) / 1_000,
    ...(eta === undefined ? {} : { eta: new Date(eta) }),
    ...(expires === undefined ? {} : { expires: new Date(expires) }),
    ...(timeLimit === undefined ? {} : { timeLimit }),
    ...(softTimeLimit === undefined ? {} : { softTimeLimit }),
    ...(parentId === undefined ? {} : { parentId }),
    link: envelope.link.map((signature) => signature.task),
    linkError: envelope.linkError.map((signature) => signature.task),
  };
}
