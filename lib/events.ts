// Lifecycle events: Celery's signals by their names (celery/signals.py), in camelCase. Listeners run where the thing happens:
// what is about a run's code in the process that runs it, what is about messages and the worker in the worker.
import type { TaskContext } from "./context.ts";
import { InvalidOption } from "./errors.ts";
import type { HookContext } from "./hooks.ts";
import type { Logger } from "./log.ts";
import { closest } from "./options.ts";
import { toFailure } from "./wire/failure.ts";
import type { JsonObject, JsonValue } from "./wire/serializer.ts";

/** How a run of a task's code ended. */
export type RunEnding =
  | "SUCCESS"
  | "FAILURE"
  | "RETRY"
  | "REPLACED"
  | "IGNORED"
  | "REJECTED"
  | "REVOKED"
  | "INTERRUPTED";

/** What each event tells. */
export interface LifecycleEvents {
  /** A call is about to be sent. Synchronous; `headers` may be added to, and reach `ctx.headers` of the task. */
  beforeTaskPublish: {
    readonly id: string;
    readonly task: string;
    readonly args: readonly JsonValue[];
    readonly kwargs: JsonObject;
    readonly workload: string;
    readonly headers: Record<string, JsonValue>;
  };
  /** SQS has accepted it. */
  afterTaskPublish: { readonly id: string; readonly task: string; readonly workload: string };
  /** A worker has received a message and read it. */
  taskReceived: { readonly ctx: HookContext };
  /** A run is about to start, in the process that runs it. */
  taskPrerun: { readonly ctx: TaskContext };
  /** Its code has ended, in the process that ran it; nothing is recorded yet. Not where that process was killed. */
  taskPostrun: { readonly ctx: TaskContext; readonly ending: RunEnding };
  /** Recorded. */
  taskSuccess: { readonly ctx: HookContext; readonly result: unknown };
  taskRetry: { readonly ctx: HookContext; readonly error: Error | undefined; readonly retryAt: Date };
  /** `expected`: it is one of the task's `throws`. */
  taskFailure: { readonly ctx: HookContext; readonly error: Error; readonly expected: boolean };
  /** Revoked, or expired. */
  taskRevoked: { readonly ctx: HookContext; readonly reason: string };
  /** The task threw Reject. */
  taskRejected: { readonly ctx: HookContext; readonly reason: string; readonly requeue: boolean };
  /** No task of this name is registered here. `taskFailure` follows. */
  taskUnknown: { readonly ctx: HookContext; readonly error: Error };
  /** A worker could not finish with a message: a back end is down, or Lovage has a bug. It comes again. */
  taskInternalError: { readonly error: unknown; readonly queue: string; readonly messageId: string };
  /** A running task's message and claim have been renewed. */
  heartbeatSent: { readonly id: string; readonly task: string; readonly worker: string };
  /** A worker starts: nothing is connected yet. */
  workerInit: { readonly worker: string };
  /** It polls. */
  workerReady: { readonly worker: string; readonly workloads: readonly string[] };
  /** It was asked to stop, or cannot go on. */
  workerShuttingDown: { readonly worker: string };
  /** It has stopped. */
  workerShutdown: { readonly worker: string };
  /** A process of a CPU-heavy workload has loaded the app. */
  workerProcessInit: { readonly pid: number };
  /** It is about to end with its worker. Not where it is killed. */
  workerProcessShutdown: { readonly pid: number };
}

export type EventName = keyof LifecycleEvents;
export type Listener<N extends EventName> = (event: LifecycleEvents[N]) => void | Promise<void>;

const NAMES: Readonly<Record<EventName, true>> = {
  beforeTaskPublish: true,
  afterTaskPublish: true,
  taskReceived: true,
  taskPrerun: true,
  taskPostrun: true,
  taskSuccess: true,
  taskRetry: true,
  taskFailure: true,
  taskRevoked: true,
  taskRejected: true,
  taskUnknown: true,
  taskInternalError: true,
  heartbeatSent: true,
  workerInit: true,
  workerReady: true,
  workerShuttingDown: true,
  workerShutdown: true,
  workerProcessInit: true,
  workerProcessShutdown: true,
};

export class Events {
  readonly #listeners = new Map<EventName, Set<(event: never) => unknown>>();

  /** Adds a listener; disposing of the answer removes it. Throws InvalidOption for a name that is no event. */
  on<N extends EventName>(name: N, listener: Listener<N>): Disposable {
    if (!Object.hasOwn(NAMES, name)) {
      const near = closest(String(name), Object.keys(NAMES));
      throw new InvalidOption(
        `there is no event "${String(name)}"; ${near ? `did you mean ${near}?` : `events: ${Object.keys(NAMES).join(", ")}`}`,
      );
    }
    if (typeof listener !== "function") throw new InvalidOption(`the listener of ${name} is no function`);
    const own = (event: LifecycleEvents[N]) => listener(event); // the same function may be added twice, and removed once
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all.add(own));
    return { [Symbol.dispose]: () => void all.delete(own) };
  }

  has(name: EventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  /** Tells all listeners, and waits for them. Never rejects: a listener that fails is logged. */
  async emit<N extends EventName>(name: N, event: LifecycleEvents[N], log: Logger): Promise<void> {
    await Promise.all(this.#call(name, event, log));
  }

  /** Tells all listeners now. One that is asynchronous is not waited for. */
  emitNow<N extends EventName>(name: N, event: LifecycleEvents[N], log: Logger): void {
    this.#call(name, event, log);
  }

  #call<N extends EventName>(name: N, event: LifecycleEvents[N], log: Logger): Promise<void>[] {
    return [...(this.#listeners.get(name) ?? [])].map(
      (listener) => attempt(() => listener(event as never), `a listener of ${name}`, log), // a set holds the listeners of its own name
    );
  }
}

/** Calls user code that must not break anything. Runs it now; resolves when it has ended, and logs what it throws. */
export async function attempt(code: () => unknown, name: string, log: Logger): Promise<void> {
  try {
    await code();
  } catch (error) {
    const { type, message, stack } = toFailure(error); // String() may throw at what was thrown
    log.error({ error: `${type}: ${message}`, ...(stack && { stack }) }, `${name} failed`);
  }
}
