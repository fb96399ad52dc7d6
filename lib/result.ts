// AsyncResult: what an id tells about its task, in any process.
import type { Backends } from "./connection.ts";
import * as changes from "./core/changes.ts";
import { certify } from "./core/ids.ts";
import { conclude, isFinal, type State } from "./core/states.ts";
import { endingOf, type ValueDeps } from "./ending.ts";
import { NotReady, NotRevocable, TaskUnknown } from "./errors.ts";
import type { GroupResult } from "./group-result.ts";
import { demandStore } from "./payloads.ts";
import { type GetOptions, type Look, polling } from "./polling.ts";
import { follow } from "./replacement.ts";
import { type RevokeAnswer, revoke } from "./revoke.ts";
import type { Failure, TaskRecord } from "./store/record.ts";
import { storedJson } from "./store/stored.ts";
import type { JsonValue } from "./wire/serializer.ts";

export interface ResultDeps extends ValueDeps {
  readonly app: string;
  open(): Promise<Backends>;
}

/** Everything known about a task. Times are Dates; what is not known is absent. */
export interface TaskInfo {
  readonly id: string;
  readonly state: State;
  readonly task?: string;
  readonly workload?: string;
  /** Which run this is about: 0 for the first. */
  readonly retries?: number;
  /** Claims made so far. */
  readonly runs?: number;
  readonly worker?: string;
  readonly startedAt?: Date;
  readonly endedAt?: Date;
  /** In RETRY: when the next run may start. */
  readonly retryAt?: Date;
  /** What `ctx.progress()` or `ctx.updateState()` stored. */
  readonly progress?: JsonValue;
  readonly customState?: string;
  /** Why it failed, is retried, or was revoked. */
  readonly failure?: Failure;
  readonly revokeRequested?: boolean;
  /** SQS will not deliver its message again: where it is STALLED, the dead-letter consumer ends it. */
  readonly lastDelivery?: boolean;
  readonly ignored?: boolean;
  readonly forgotten?: boolean;
  /** The task that ends in its place (`ctx.replace`): what is told here is told of that one. */
  readonly replacement?: string;
  /** The failed task that this one is a redrive of. */
  readonly redrivenFrom?: string;
  /** Of a FAILURE: times it was sent again (`lovage redrive`). */
  readonly redrives?: number;
}

/** What a call returns: of a task, or of a group. */
export type Handle = AsyncResult<unknown> | GroupResult<readonly unknown[]>;

/** Handles of one call, to each other. An id alone tells of none. */
export interface Relatives {
  readonly parent?: Handle;
  readonly children?: readonly Handle[];
}

export class AsyncResult<T = unknown> {
  readonly id: string;
  /** Of a workflow's handle, as far as the call made it: the step before. Celery: AsyncResult.parent. */
  declare readonly parent?: Handle;
  /** Of a workflow's handle, as far as the call made them: those that start after it. Celery: AsyncResult.children. */
  declare readonly children?: readonly Handle[];
  readonly #deps: ResultDeps;
  /** The task that ends in its place, as far as is known. */
  #at: string;

  constructor(id: string, deps: ResultDeps, relatives?: Relatives) {
    this.id = id;
    this.#at = id;
    this.#deps = deps;
    Object.assign(this, relatives);
  }

  /**
   * Waits for the task's result, and returns it. A store that does not answer is asked again until the timeout; without one, for a minute.
   * @throws TaskFailed, TaskRevoked, TaskLost, TaskUnknown, ResultExpired, ResultTimeout (at most 2 s after the timeout, where the store
   * does not answer); WrongContext inside a task; StoreUnavailable or PayloadStoreUnavailable without a timeout; TableNotFound,
   * AccessDenied; RecordUnreadable; PayloadLost or NotSupported where it lies in a payload store; the signal's reason. A task sent with `ignoreResult`
   * returns undefined at once.
   */
  async get(options: GetOptions = {}): Promise<T> {
    return polling(this.id, this.#deps.clock, options, "get()")(() => this.#peek());
  }

  /** UNKNOWN, PENDING, STARTED, STALLED, RETRY, SUCCESS, FAILURE, REVOKED, LOST or UNTRACKED (docs/protocol.md). One read. */
  async state(): Promise<State> {
    return (await this.#look())[0];
  }

  /** It will not change any more: SUCCESS, FAILURE, REVOKED, LOST or UNTRACKED. */
  async ready(): Promise<boolean> {
    return isFinal(await this.state());
  }

  async successful(): Promise<boolean> {
    return (await this.state()) === "SUCCESS";
  }

  async failed(): Promise<boolean> {
    return (await this.state()) === "FAILURE";
  }

  /** Everything known about it. One read. */
  async info(): Promise<TaskInfo> {
    const [state, record] = await this.#look();
    return { ...infoOf(this.id, state, record), ...(this.#at !== this.id && { replacement: this.#at }) };
  }

  /** The stack of the error it failed with, or is retried for. */
  async traceback(): Promise<string | undefined> {
    return (await this.#look())[1]?.failure?.stack;
  }

  /**
   * Ends it if it has not started; asks its worker to stop it otherwise. `terminate` kills the execution where it runs
   * off the worker's main thread, and stops waiting for it elsewhere.
   * @throws NotRevocable where it was sent with `ignoreResult`
   */
  async revoke({ terminate = false }: { terminate?: boolean } = {}): Promise<RevokeAnswer> {
    if (certify(this.id, this.#deps.key).untracked) throw new NotRevocable(this.id);
    return revoke(
      (await this.#deps.open()).store,
      this.id,
      terminate ? "terminate" : "cooperate",
      this.#deps.clock.now(),
    );
  }

  /** Removes its value and leaves a tombstone, so that a late duplicate does not run again. A LOST or UNTRACKED task has
   * nothing to remove. Where it rejects with PayloadStoreUnavailable, AccessDenied or NotSupported (an app without `payloads`) the
   * value is hidden, but its object is still there: call it again, or leave it to expire. @throws NotReady before it has
   * ended, TaskUnknown
   */
  async forget(): Promise<void> {
    const { store } = await this.#deps.open();
    const answer = await store.write(changes.forget(this.id));
    if (answer.applied) {
      const { resultRef } = answer.record;
      if (resultRef)
        await demandStore(resultRef, `the result of task ${this.id}`, (await this.#deps.open()).payloads).delete(
          resultRef,
        );
      return;
    }
    const { replacement } = answer.existing ?? {};
    if (replacement !== undefined) return await new AsyncResult(replacement, this.#deps).forget();
    const state = conclude(answer.existing, certify(this.id, this.#deps.key), this.#deps.clock.now());
    if (state === "UNKNOWN") throw new TaskUnknown(this.id, this.#deps.app);
    if (!isFinal(state)) throw new NotReady(this.id, state);
  }

  toJSON(): string {
    return this.id;
  }

  /** Its value, or the state it is still in. */
  async #peek(): Promise<Look<T>> {
    const [state, record] = await this.#look();
    if (!isFinal(state) && state !== "UNKNOWN") return { state };
    const value = await endingOf(this.id, state, record, this.#deps);
    return { value: value as T }; // what the task returned, by its type
  }

  async #look(): Promise<[State, TaskRecord | undefined]> {
    const { store } = await this.#deps.open();
    const { id, record } = await follow(this.#at, store);
    this.#at = id; // whoever was replaced stays it
    return [conclude(record, certify(id, this.#deps.key), this.#deps.clock.now()), record];
  }
}

/** Everything known about a task, of its record. */
export function infoOf(id: string, state: State, record: TaskRecord | undefined): TaskInfo {
  if (record === undefined) return { id, state };
  const facts = {
    id,
    state,
    task: record.task,
    workload: record.workload,
    retries: record.attempt,
    runs: record.runs,
    worker: record.owner,
    startedAt: date(record.startedAt),
    endedAt: date(record.endedAt),
    retryAt: date(record.retryAt),
    progress: record.meta === undefined ? undefined : storedJson(id, "meta", record.meta),
    customState: record.customState,
    failure: record.failure,
    revokeRequested: record.revokeRequested === undefined ? undefined : true,
    lastDelivery: record.lastDelivery,
    ignored: record.ignored,
    forgotten: record.forgotten,
    redrivenFrom: record.redrivenFrom,
    redrives: record.redrives,
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as unknown as TaskInfo; // drops what is absent
}

function date(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}
