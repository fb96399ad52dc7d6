// What a running task can reach: the context a `bind: true` handler gets first, and `currentTask()` from anywhere below.
import { AsyncLocalStorage } from "node:async_hooks";
import { type Clock, systemClock } from "./clock.ts";
import { type Duration, describe, seconds } from "./duration.ts";
import { InvalidOption, Replace, Retry, type RetryOptions, WrongContext } from "./errors.ts";
import type { Logger } from "./log.ts";
import { OpenResources } from "./open-resources.ts";
import type { Gives, Giving, Taking } from "./signature.ts";
import type { Envelope } from "./wire/envelope.ts";
import { assertJson, type JsonObject, type JsonValue, toJson } from "./wire/serializer.ts";

/** What a message says of its task. */
export interface TaskFacts {
  /** Id of this task. */
  readonly id: string;
  /** Name of this task. */
  readonly task: string;
  readonly args: readonly JsonValue[];
  readonly kwargs: JsonObject;
  /** Which run this is about: 0 for the first. */
  readonly retries: number;
  readonly rootId: string;
  readonly parentId: string | undefined;
  /** The failed task that this one sends again (`lovage redrive`). */
  readonly redrivenFrom: string | undefined;
  /** The caller's own headers. */
  readonly headers: JsonObject;
  /** Its stamps. Celery: request.stamps. */
  readonly stamps: JsonObject;
  /** Messages before its own in its line of tasks that send tasks: 0 where it was called from outside of them. */
  readonly hops: number;
}

export function factsOf(envelope: Envelope): TaskFacts {
  const { id, task, args, kwargs, retries, rootId, parentId, redrivenFrom, headers, stamps = {}, hops = 0 } = envelope;
  return { id, task, args, kwargs, retries, rootId, parentId, redrivenFrom, headers, stamps, hops };
}

export interface TaskContext extends TaskFacts {
  /** Seconds. */
  readonly timeLimit: number;
  readonly softTimeLimit: number;
  /** The worker that runs it. */
  readonly worker: string;
  readonly delivery: { readonly workload: string; readonly messageId: string; readonly receiveCount: number };
  /** It runs in place, as a plain function call. */
  readonly calledDirectly: boolean;
  /** Aborts at the soft time limit, when the task is revoked, and when another execution has taken it over. */
  readonly signal: AbortSignal;
  /** Lines carry the task's name, id and attempt. */
  readonly log: Logger;
  /** Ends this run and asks for another. Throws `Retry`; nothing after it runs. */
  retry(options?: RetryOptions): never;
  /**
   * Ends this run and puts a task or a workflow in its place, with its callbacks and its place in its own workflow: who waits for this task
   * gets that one's result, so `return ctx.replace(chain(...))`. Throws `Replace`; nothing after it runs. A group gives the list of
   * its results. The task fails with InvalidOption where it cannot be planned (an empty chain), with ResultTooLarge where it is over 360 KB.
   * Celery: `Task.replace`.
   */
  replace<Out, Handle>(signature: Taking<[]> & Giving<Gives<Out, Handle>>): Out;
  /**
   * Stores how far it is, for `info().progress`. One write; nothing without a claim (`claim: false`,
   * `ignoreResult`). Throws NotSerializable.
   */
  progress(meta: JsonValue): Promise<void>;
  /** Stores a state of your own beside STARTED, for `info().customState`, with data. Throws NotSerializable. */
  updateState(state: string, meta?: JsonValue): Promise<void>;
  /** Resolves after a time; rejects with the signal's reason when it aborts. */
  sleep(time: Duration): Promise<void>;
}

/** A context's facts; `makeContext` adds what it does. */
export type ContextFacts = Omit<TaskContext, "retry" | "replace" | "progress" | "updateState" | "sleep">;

export function makeContext(
  facts: ContextFacts,
  report: (meta: string | undefined, customState: string | undefined) => Promise<void>,
  clock: Clock = systemClock,
): TaskContext {
  let customState: string | undefined;
  const json = (meta: JsonValue | undefined) => {
    if (meta === undefined) return undefined;
    assertJson(meta, "meta");
    return toJson(meta);
  };
  /** Nobody has to await a report: it is logged where it fails, and takes no process down. */
  const heard = (reported: Promise<void>) => {
    reported.catch((error) => facts.log.warn({ error: String(error) }, "progress could not be stored"));
    return reported;
  };
  return Object.freeze({
    ...facts,
    retry: (options?: RetryOptions): never => {
      throw new Retry(options);
    },
    replace: (signature: Taking<[]>): never => {
      if (typeof signature !== "object" || signature === null || !("wire" in signature))
        throw new InvalidOption(
          `replace() takes a signature, such as task.s(...) or chain(...), and was given ${describe(signature)}`,
        );
      throw new Replace(signature);
    },
    progress: (meta: JsonValue) => heard((async () => report(json(meta), customState))()),
    updateState: (state: string, meta?: JsonValue) => {
      customState = state;
      return heard((async () => report(json(meta), state))());
    },
    sleep: (time: Duration) => clock.sleep(seconds(time, "sleep()") * 1_000, facts.signal),
  });
}

/** A running task and what belongs to it alone. */
export interface Running {
  readonly context: TaskContext;
  /** How often it has made each call so far: the n-th equal call of a run has the same derived id in every execution of it. */
  readonly calls: Map<string, number>;
  /** Its calls that have not been accepted yet: a run does not end before they have. */
  readonly sends: Set<Promise<unknown>>;
  /** Its own, such as a session. */
  readonly resources: OpenResources;
}

const storage = new AsyncLocalStorage<Running>();

/** The task that calls made here follow from, and where a refused one is logged that nobody awaits. */
export type Line = Pick<TaskContext, "hops" | "log">;

/** Reaches further than a run: hooks and listeners are told of a task when its run is over, and may send it again. */
const lines = new AsyncLocalStorage<Line>();

export function inLine<T>(of: Line, body: () => T): T {
  return lines.run(of, body);
}

/** Undefined outside tasks and what is told of them. */
export function line(): Line | undefined {
  return lines.getStore();
}

export function runWith<T>(context: TaskContext, body: (running: Running) => T): T {
  const running = { context, calls: new Map(), sends: new Set<Promise<unknown>>(), resources: new OpenResources() };
  return inLine(context, () => storage.run(running, () => body(running)));
}

export function running(): Running | undefined {
  return storage.getStore();
}

/** The context of the task that runs here. Throws WrongContext outside a task. */
export function currentTask(): TaskContext {
  const store = storage.getStore();
  if (store === undefined) throw new WrongContext("currentTask() was called outside a running task");
  return store.context;
}
