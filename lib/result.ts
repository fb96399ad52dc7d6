// AsyncResult: what an id tells about its task, in any process.
import type { Clock } from "./clock.ts";
import { running } from "./context.ts";
import * as changes from "./core/changes.ts";
import { certify, type IdKey } from "./core/ids.ts";
import { conclude, isFinal, type State } from "./core/states.ts";
import { RESULT_POLL_MS } from "./defaults.ts";
import { type Duration, seconds } from "./duration.ts";
import {
  NotReady,
  NotRevocable,
  PayloadStoreUnavailable,
  ResultExpired,
  ResultTimeout,
  StoreUnavailable,
  TaskFailed,
  TaskLost,
  TaskRevoked,
  TaskUnknown,
  WrongContext,
} from "./errors.ts";
import { demandStore, fetchValue } from "./payloads.ts";
import type { PayloadStore } from "./ports/payload-store.ts";
import type { ResultStore } from "./ports/result-store.ts";
import { type RevokeAnswer, revoke } from "./revoke.ts";
import type { PayloadRef } from "./store/payload.ts";
import type { Failure, TaskRecord } from "./store/record.ts";
import { storedJson } from "./store/stored.ts";
import { toError } from "./wire/failure.ts";
import type { JsonValue } from "./wire/serializer.ts";

export interface ResultDeps {
  readonly app: string;
  readonly key: IdKey;
  readonly clock: Clock;
  store(): Promise<ResultStore>;
  payloads(): Promise<PayloadStore | undefined>;
}

export interface GetOptions {
  /** How long to wait. @default - without end, or until the task reads LOST or UNKNOWN */
  readonly timeout?: Duration;
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
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
  /** The failed task that this one is a redrive of. */
  readonly redrivenFrom?: string;
  /** Of a FAILURE: times it was sent again (`lovage redrive`). */
  readonly redrives?: number;
}

export class AsyncResult<T = unknown> {
  readonly id: string;
  readonly #deps: ResultDeps;

  constructor(id: string, deps: ResultDeps) {
    this.id = id;
    this.#deps = deps;
  }

  /**
   * Waits for the task's result, and returns it. A store that does not answer is asked again until the timeout; without one, for a minute.
   * @throws TaskFailed, TaskRevoked, TaskLost, TaskUnknown, ResultExpired, ResultTimeout (at most 2 s after the timeout, where the store
   * does not answer); WrongContext inside a task; StoreUnavailable or PayloadStoreUnavailable without a timeout; TableNotFound,
   * AccessDenied; RecordUnreadable; PayloadLost or NotSupported where it lies in a payload store; the signal's reason. A task sent with `ignoreResult`
   * returns undefined at once.
   */
  async get({ timeout, signal }: GetOptions = {}): Promise<T> {
    if (running())
      throw new WrongContext(
        "get() was called inside a task: it would hold a slot that the task it waits for may need; use link, or read the result later",
      );
    const { clock } = this.#deps;
    const limit = timeout === undefined ? Number.POSITIVE_INFINITY : seconds(timeout, "timeout of get()") * 1_000;
    const began = clock.monotonic();
    let pause: number = RESULT_POLL_MS.first;
    const left = () => limit - (clock.monotonic() - began);
    let answered = began;
    for (;;) {
      signal?.throwIfAborted();
      const patience = Math.max(left(), RESULT_POLL_MS.lastLook);
      const seen = await notLaterThan(patience, clock, signal, this.#peek());
      if ("value" in seen) return seen.value;
      if (left() <= 0) throw new ResultTimeout(this.id, seen.state, limit / 1_000, { cause: seen.cause });
      if (seen.state !== undefined) answered = clock.monotonic();
      if (timeout === undefined && clock.monotonic() - answered >= RESULT_POLL_MS.outage) throw seen.cause;
      await clock.sleep(Math.min(pause, left()), signal);
      pause = Math.min(pause * RESULT_POLL_MS.factor, RESULT_POLL_MS.longest);
    }
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
    return infoOf(this.id, state, record);
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
    return revoke(await this.#deps.store(), this.id, terminate ? "terminate" : "cooperate", this.#deps.clock.now());
  }

  /** Removes its value and leaves a tombstone, so that a late duplicate does not run again. A LOST or UNTRACKED task has
   * nothing to remove. Where it rejects with PayloadStoreUnavailable, AccessDenied or NotSupported (an app without `payloads`) the
   * value is hidden, but its object is still there: call it again, or leave it to expire. @throws NotReady before it has
   * ended, TaskUnknown
   */
  async forget(): Promise<void> {
    const store = await this.#deps.store();
    const answer = await store.write(changes.forget(this.id));
    if (answer.applied) {
      const { resultRef } = answer.record;
      if (resultRef)
        await demandStore(resultRef, `the result of task ${this.id}`, await this.#deps.payloads()).delete(resultRef);
      return;
    }
    const state = conclude(answer.existing, certify(this.id, this.#deps.key), this.#deps.clock.now());
    if (state === "UNKNOWN") throw new TaskUnknown(this.id, this.#deps.app);
    if (!isFinal(state)) throw new NotReady(this.id, state);
  }

  toJSON(): string {
    return this.id;
  }

  /** Its value, the state it is still in, or why neither can be told at the moment. */
  async #peek(): Promise<Peek<T>> {
    try {
      const [state, record] = await this.#look();
      if (isFinal(state) || state === "UNKNOWN") return { value: await this.#ending(state, record) };
      return { state };
    } catch (cause) {
      if (cause instanceof StoreUnavailable || cause instanceof PayloadStoreUnavailable) return { cause };
      throw cause;
    }
  }

  async #look(): Promise<[State, TaskRecord | undefined]> {
    const store = await this.#deps.store();
    const record = await store.read(this.id);
    return [conclude(record, certify(this.id, this.#deps.key), this.#deps.clock.now()), record];
  }

  async #ending(state: State, record: TaskRecord | undefined): Promise<T> {
    const { app, clock } = this.#deps;
    if (state === "UNKNOWN") throw new TaskUnknown(this.id, app);
    if (state === "LOST") throw new TaskLost(this.id);
    if (state === "UNTRACKED") return undefined as T; // what `ignoreResult` promises
    if (record?.forgotten) throw new ResultExpired(this.id, "it was forgotten");
    if (state === "REVOKED") throw new TaskRevoked(this.id, record?.failure?.message ?? "revoked");
    if (state === "FAILURE") {
      const failure = record?.failure ?? { type: "Error", message: "no failure was recorded" };
      throw new TaskFailed(this.id, failure, toError(failure));
    }
    if (record?.result === undefined && record?.resultRef === undefined) return undefined as T; // the task returned nothing
    if ((record.resultExpiresAt ?? Number.POSITIVE_INFINITY) <= clock.now()) {
      throw new ResultExpired(
        this.id,
        `it expired at ${new Date(record.resultExpiresAt ?? 0).toISOString()} (resultExpires)`,
      );
    }
    const { result, resultRef } = record;
    const value = resultRef ? await this.#fetch(resultRef) : storedJson(this.id, "result", result ?? "null");
    return value as T; // what the task returned, by its type
  }

  async #fetch(ref: PayloadRef): Promise<JsonValue> {
    return fetchValue(ref, `the result of task ${this.id}`, await this.#deps.payloads());
  }
}

/** What one look brought: the value where it has ended, or else its state, or why that is not known. */
type Peek<T> = { readonly value: T } | { readonly state?: State; readonly cause?: unknown };

/** `look`, or nothing known where it takes longer than `ms`. Rejects with the signal's reason when it aborts. */
async function notLaterThan<T>(
  ms: number,
  clock: Clock,
  signal: AbortSignal | undefined,
  look: Promise<Peek<T>>,
): Promise<Peek<T>> {
  const over = Promise.withResolvers<Peek<T>>();
  const cancel = Number.isFinite(ms) ? clock.timer(ms, () => over.resolve({})) : () => {};
  const aborted = () => over.reject(signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  try {
    return await Promise.race([look, over.promise]);
  } finally {
    cancel();
    signal?.removeEventListener("abort", aborted);
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
