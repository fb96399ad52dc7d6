// A task: a plain function that can also be sent away.
import type { CallOptions } from "./call-options.ts";
import type { TaskContext } from "./context.ts";
import type { AsyncResult } from "./result.ts";
import type { TaskDefinition, TaskSettings } from "./settings.ts";
import type { Signature } from "./signature.ts";
import type { Handler } from "./worker/invoke.ts";

/** `A`: the arguments of `delay()`. `R`: what the handler returns, awaited. `Direct`: what a plain call returns. */
export interface Task<A extends readonly unknown[] = readonly unknown[], R = unknown, Direct = R | Promise<R>> {
  /** Runs it here and now, as the function it is. With `bind: true` the context is made up: nothing is stored, `retry()` throws. */
  (...args: A): Direct;
  /** Sends it. Celery: `delay`. @throws NotSerializable, MessageTooLarge, BrokerUnavailable, QueueNotFound, AccessDenied */
  delay(...args: A): Promise<AsyncResult<R>>;
  /** Sends it, with options. Celery: `apply_async`. @throws as `delay`, and InvalidOption, InvalidDelay */
  applyAsync(args: A, options?: CallOptions<R>): Promise<AsyncResult<R>>;
  /** A call for `link`: its first argument is the result it is handed; these follow. */
  s(...args: Rest<A>): Signature<A[0]>;
  /** An immutable call for `link`: these are all its arguments. */
  si(...args: A): Signature<unknown>;
  /** The result of an id stored earlier, in any process. Nothing is read yet. */
  result(id: string): AsyncResult<R>;
  /** Name under which it travels. `Function.name` is the same. */
  readonly taskName: string;
  readonly settings: TaskSettings;
}

type Rest<A extends readonly unknown[]> = A extends readonly [unknown?, ...infer Others] ? Others : never;

/** The arguments a handler takes after its context. */
export type BoundHandler<A extends readonly unknown[], R> = (ctx: TaskContext, ...args: A) => R;

/** A task as the worker sees it. */
export interface RegisteredTask extends TaskDefinition {
  readonly handler: Handler;
}
