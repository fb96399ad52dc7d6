// A task: a plain function that can also be sent away.
import type { CallOptions } from "./call-options.ts";
import type { TaskContext } from "./context.ts";
import type { AsyncResult } from "./result.ts";
import type { TaskDefinition, TaskSettings } from "./settings.ts";
import type { HandedOn, Signature } from "./signature.ts";
import type { Handler } from "./worker/invoke.ts";

/** `A`: the arguments of `delay()`. `R`: what the handler returns, awaited. `Direct`: what a plain call returns. */
export interface Task<A extends readonly unknown[] = readonly unknown[], R = unknown, Direct = R | Promise<R>> {
  /** Runs it here and now, as the function it is. With `bind: true` the context is made up: nothing is stored, `retry()` throws. */
  (...args: A): Direct;
  /** Sends it. Celery: `delay`. @throws NotSerializable, MessageTooLarge, BrokerUnavailable, QueueNotFound, AccessDenied */
  delay(...args: A): Promise<AsyncResult<R>>;
  /** Sends it, with options. Celery: `apply_async`. @throws as `delay`, and InvalidOption, InvalidDelay */
  applyAsync(args: A, options?: CallOptions<HandedOn<R>>): Promise<AsyncResult<R>>;
  /** A call not made, with its last arguments: those that are missing come before them. */
  s<const P extends Tail<A>>(...args: P): Signature<Missing<A, P>, R>;
  /** An immutable call not made: these are all its arguments, whatever it is handed. */
  si(...args: A): Signature<Whatever, R>;
  /** One call for each item, one after another in one message. Celery: `map`. */
  map(it: readonly Only<A>[]): Signature<Whatever, HandedOn<R>[]>;
  /** As `map`, each item being the list of arguments. Celery: `starmap`. */
  starmap(it: readonly A[]): Signature<Whatever, HandedOn<R>[]>;
  /** The result of an id stored earlier, in any process. Nothing is read yet. */
  result(id: string): AsyncResult<R>;
  /** Name under which it travels. `Function.name` is the same. */
  readonly taskName: string;
  readonly settings: TaskSettings;
}

/** What an immutable signature takes: nothing, or one value that it ignores. */
export type Whatever = [] | [unknown];

/** Argument lists of each length that a task takes; one that goes on for ever stays as it is. */
export type Full<A extends readonly unknown[], Before extends readonly unknown[] = []> = A extends readonly []
  ? Before
  : A extends readonly [infer First, ...infer Rest]
    ? Full<Rest, [...Before, First]>
    : number extends A["length"]
      ? [...Before, ...A]
      : A extends readonly [(infer First)?, ...infer Rest]
        ? Before | Full<Rest, [...Before, First]>
        : never;

/** Last arguments, from none to all. */
export type Tail<A extends readonly unknown[]> = Tails<Full<A>>;
type Tails<F extends readonly unknown[]> = F extends readonly [unknown, ...infer Rest] ? F | Tails<Rest> : F;

/** The lists of arguments that complete the last ones `P`. */
export type Missing<A extends readonly unknown[], P extends readonly unknown[]> = P extends readonly []
  ? A
  : Before<Full<A>, P>;

type Before<F extends readonly unknown[], P extends readonly unknown[]> = F extends readonly unknown[]
  ? number extends F["length"]
    ? Open<F, [], P>
    : Closed<F, P>
  : never;

/** Drops the last ones of a list, if they fit. */
type Closed<F extends readonly unknown[], P extends readonly unknown[]> = P extends readonly [...infer Start, infer End]
  ? F extends readonly [...infer Init, infer Last]
    ? End extends Last
      ? Closed<Init, Start>
      : never
    : never
  : F;

/** The same of a list that goes on for ever: first its head is told apart from the rest. */
type Open<
  F extends readonly unknown[],
  Head extends readonly unknown[],
  P extends readonly unknown[],
> = F extends readonly [infer First, ...infer Rest] ? Open<Rest, [...Head, First], P> : Ended<Head, F[number], P>;

/** Its last one is one of the rest, or there is none of these. */
type Ended<Head extends readonly unknown[], Rest, P extends readonly unknown[]> = P extends readonly [
  ...infer Start,
  infer End,
]
  ? (End extends Rest ? Ended<Head, Rest, Start> : never) | Closed<Head, P>
  : [...Head, ...Rest[]];

/** The one argument of a task that can be called with one. */
type Only<A extends readonly unknown[]> = [A[0]] extends A ? A[0] : never;

/** The arguments a handler takes after its context. */
export type BoundHandler<A extends readonly unknown[], R> = (ctx: TaskContext, ...args: A) => R;

/** A task as the worker sees it. */
export interface RegisteredTask extends TaskDefinition {
  readonly handler: Handler;
}
