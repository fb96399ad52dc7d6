// Code of the user's that runs around a task: on the task itself, on a base it shares with others, or in the app's defaults.
// All of them run, the app's first, the task's own last. One that fails is logged and breaks nothing.
import type { TaskContext, TaskFacts } from "./context.ts";
import type { Logger } from "./log.ts";

/** The task a hook or an event is about. */
export interface HookContext extends TaskFacts {
  readonly workload: string;
  /** The worker that received it. */
  readonly worker: string;
  readonly messageId: string;
  readonly receiveCount: number;
  readonly log: Logger;
}

type Hook<A extends readonly unknown[]> = (...args: A) => void | Promise<void>;

/**
 * Celery's handlers of a task (celery/app/task.py), in its order: `beforeStart`, the task, its outcome recorded, one of
 * `onSuccess`, `onRetry`, `onFailure`, then `afterReturn`. The outcome is the recorded one: of two executions of a task
 * only the one that counts calls them, at most once. After a crash between the record and a hook, that hook is not called.
 */
export interface TaskHooks {
  /** Before each run, inside its limits; `currentTask()` works. What it throws does not stop the task. */
  readonly beforeStart?: Hook<[ctx: TaskContext]>;
  readonly onSuccess?: Hook<[ctx: HookContext, result: unknown]>;
  /** It will run again. `error` is undefined where the task asked for it without one. */
  readonly onRetry?: Hook<[ctx: HookContext, error: Error | undefined, retryAt: Date]>;
  /** It has failed for good: also where it was killed, dead-lettered or unknown to its worker. */
  readonly onFailure?: Hook<[ctx: HookContext, error: Error]>;
  /** After `onSuccess` or `onFailure`. Celery: not after a retry, Ignore, Reject or a revoke. */
  readonly afterReturn?: Hook<[ctx: HookContext, state: "SUCCESS" | "FAILURE"]>;
}

export const HOOK_NAMES = ["beforeStart", "onSuccess", "onRetry", "onFailure", "afterReturn"] as const;
export type HookName = (typeof HOOK_NAMES)[number];
