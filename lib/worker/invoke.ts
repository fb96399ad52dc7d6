// Runs a task's code once and says how it ended. The same in the worker's own process and in a pool's.
import { type Clock, systemClock } from "../clock.ts";
import { factsOf, makeContext, type Running, runWith, type TaskContext } from "../context.ts";
import type { Outcome } from "../core/outcome.ts";
import { MAX_RESULT_BYTES } from "../defaults.ts";
import { kindOf, seconds } from "../duration.ts";
import {
  ClaimLost,
  HopLimitExceeded,
  Ignore,
  InvalidArguments,
  InvalidOption,
  InvalidResult,
  MaxRetriesExceeded,
  NotSerializable,
  Reject,
  Replace,
  ResultTooLarge,
  Retry,
  SoftTimeLimitExceeded,
  TaskRevoked,
  TimeLimitExceeded,
  WorkerLost,
} from "../errors.ts";
import { attempt, type Events, type RunEnding } from "../events.ts";
import { readSignature } from "../read-signature.ts";
import { checkArgs, checkResult } from "../schema.ts";
import {
  type ErrorMatcher,
  maxRetries as maxRetriesRule,
  type TaskDefinition,
  type TaskSettings,
} from "../settings.ts";
import type { Failure } from "../store/record.ts";
import type { GroupRef } from "../wire/envelope.ts";
import { toError, toFailure } from "../wire/failure.ts";
import { assertJson, type JsonValue, toJson } from "../wire/serializer.ts";
import type { Job, StopReason } from "./job.ts";

/** A task's function. With `bind: true` the context comes first. */
export type Handler = (...args: never[]) => unknown;

/** A task, and who listens. */
export interface Invoked extends Pick<TaskDefinition, "hooks" | "schemas"> {
  readonly handler: Handler;
  readonly events: Events;
  /** Results that come one by one. @default - none are brought */
  streams?(task: string, group: GroupRef): AsyncIterable<JsonValue>;
}

/**
 * Runs a task's handler until it ends, its hard limit passes, or it is stopped for good. What it sent without awaiting belongs to
 * the run. Never rejects. `hardLimit`: "outside" where whoever started this process ends it.
 */
export async function invoke(
  task: Invoked,
  job: Job,
  clock: Clock = systemClock,
  hardLimit: "here" | "outside" = "here",
): Promise<Outcome> {
  if (job.stop.reason === "terminated") return { kind: "revoked", reason: "terminated before it started" };
  if (job.stop.reason === "shutdown") return { kind: "interrupted" };
  const abort = new AbortController();
  const cut = Promise.withResolvers<Outcome>();
  /** Why what the code comes to does not count any more. */
  let over: Error | undefined;
  const forget = job.stop.onStop((reason) => {
    const error = stopError(reason, job);
    abort.abort(error);
    if (reason !== "revoked") over ??= error;
    // Asked to cooperate, the code may finish; otherwise it is not waited for. Code that ignores its signal runs on unheard.
    if (reason === "terminated") cut.resolve({ kind: "revoked", reason: "terminated" });
    if (reason === "shutdown") cut.resolve({ kind: "interrupted" });
  });
  const softly = limit(clock, job.softTimeLimit, () => abort.abort(new SoftTimeLimitExceeded(job.softTimeLimit)));
  const hard = limit(clock, hardLimit === "here" ? job.timeLimit : Number.POSITIVE_INFINITY, () => {
    const error = new TimeLimitExceeded(job.timeLimit);
    over ??= error;
    abort.abort(error);
    cut.resolve(thrown(error, job));
  });
  const context = contextOf(job, abort.signal, clock);
  try {
    return await Promise.race([cut.promise, run(task, context, job, () => over)]);
  } finally {
    forget();
    softly();
    hard();
  }
}

/** A timer of Node's fires at once where it is set for longer than this; no limit is meant to. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls `passed` once the limit is over. Returns a function that cancels it. */
export function limit(clock: Clock, seconds: number, passed: () => void): () => void {
  return seconds * 1_000 > LONGEST_TIMER_MS ? () => {} : clock.timer(seconds * 1_000, passed);
}

const ENDINGS: Readonly<Record<Outcome["kind"], RunEnding>> = {
  success: "SUCCESS",
  failure: "FAILURE",
  retry: "RETRY",
  ignored: "IGNORED",
  rejected: "REJECTED",
  revoked: "REVOKED",
  replaced: "REPLACED",
  interrupted: "INTERRUPTED",
  "payload unavailable": "INTERRUPTED", // not of a run's making
};

function run(task: Invoked, context: TaskContext, job: Job, over: () => Error | undefined): Promise<Outcome> {
  const { events, hooks } = task;
  return runWith(context, async (running) => {
    if (events.has("taskPrerun")) await events.emit("taskPrerun", { ctx: context }, job.log);
    for (const { beforeStart } of hooks)
      if (beforeStart) await attempt(() => beforeStart(context), `beforeStart of task "${context.task}"`, job.log);
    const outcome = await runCode(task, running, job, over);
    if (events.has("taskPostrun"))
      await events.emit("taskPostrun", { ctx: context, ending: ENDINGS[outcome.kind] }, job.log);
    return outcome;
  });
}

/** The handler, what it has sent without awaiting, and the resources it used: all of that is the run. */
async function runCode(
  { handler, schemas, streams }: Invoked,
  { context, sends, resources }: Running,
  job: Job,
  over: () => Error | undefined,
): Promise<Outcome> {
  const { envelope, settings } = job;
  const { results, args: own, kwargs } = envelope;
  const first = results && streams ? [streams(envelope.task, results)] : [];
  const given = [...first, ...own, ...(Object.keys(kwargs).length === 0 ? [] : [kwargs])];
  let result: string | undefined;
  let failed: { readonly error: unknown } | undefined;
  try {
    const args = checkArgs(envelope.task, schemas, given);
    const call = handler as (...args: readonly unknown[]) => unknown; // arguments come from JSON; their types are the caller's promise
    const value: unknown = await (settings.bind ? call(context, ...args) : call(...args));
    result = resultJson(checkResult(envelope.task, schemas, value), job);
    const [unsent] = await allSent(sends);
    if (unsent) throw unsent.reason;
  } catch (error) {
    await allSent(sends); // what the handler threw is what counts; a call that could not be sent has been logged
    failed = { error };
  }
  if (resources.size > 0) {
    const error = failed === undefined ? over() : (failed.error ?? toError(toFailure(failed.error)));
    const notClosed = await resources.close(error, job.log);
    failed ??= notClosed;
    const [unsent] = await allSent(sends); // what closing has sent
    failed ??= unsent && { error: unsent.reason };
  }
  resources.end();
  return failed === undefined ? { kind: "success", result } : afterThrow(failed.error, context.signal, job);
}

/** Waits until no call is on its way. Returns why some could not be sent. */
async function allSent(sends: Set<Promise<unknown>>): Promise<readonly PromiseRejectedResult[]> {
  const unsent: PromiseRejectedResult[] = [];
  while (sends.size > 0) {
    const settled = await Promise.allSettled([...sends].map((sent) => sent.finally(() => sends.delete(sent))));
    for (const one of settled) if (one.status === "rejected") unsent.push(one);
  }
  return unsent;
}

/** Throws NotSerializable or ResultTooLarge. */
function resultJson(value: unknown, { envelope, maxResultBytes: most }: Job): string | undefined {
  if (value === undefined) return undefined;
  assertJson(value, "result");
  const result = toJson(value);
  if (result.length > most) throw new ResultTooLarge(envelope.task, result.length, most, most > MAX_RESULT_BYTES);
  return result;
}

function afterThrow(error: unknown, signal: AbortSignal, job: Job): Outcome {
  try {
    return thrown(fromSignal(error, signal), job);
  } catch {
    return { kind: "failure", failure: toFailure(error), expected: false }; // a Proxy or a getter that throws when looked at
  }
}

/** Waiting code often wraps the reason it was aborted with in an AbortError of its own. */
function fromSignal(error: unknown, signal: AbortSignal): unknown {
  const isAbortError = error instanceof Error && error.name === "AbortError";
  return signal.aborted && isAbortError ? signal.reason : error;
}

/** What an error means for the task. */
export function thrown(error: unknown, job: Pick<Job, "settings" | "envelope" | "stop">): Outcome {
  const { settings, envelope, stop } = job;
  if (stop.reason === "revoked" || stop.reason === "terminated")
    return { kind: "revoked", reason: "revoked while it ran" };
  if (error instanceof Retry) return retryOutcome(error, settings, envelope.id);
  if (error instanceof Replace) return replaceOutcome(error);
  if (error instanceof Ignore) return { kind: "ignored", reason: error.message };
  if (error instanceof Reject) return { kind: "rejected", requeue: error.requeue, failure: toFailure(error) };
  const failure = isAboutTheRun(error) ? withoutStack(toFailure(error)) : withoutOwnFrames(toFailure(error));
  if (mayRetryItself(error, settings.autoRetryFor) && !matches(error, settings.dontAutoRetryFor)) {
    return { kind: "retry", failure, exhausted: failure };
  }
  return { kind: "failure", failure, expected: matches(error, settings.throws) };
}

function retryOutcome({ options }: Retry, settings: TaskSettings, id: string): Outcome {
  try {
    const { countdown, eta, args, kwargs, maxRetries, cause } = options;
    if (countdown !== undefined && eta !== undefined)
      throw new InvalidOption("retry() takes countdown or eta, not both");
    if (eta !== undefined && !(eta instanceof Date && Number.isFinite(eta.getTime())))
      throw new InvalidOption("eta of retry() takes a valid Date");
    if (args !== undefined && !Array.isArray(args)) {
      throw new InvalidOption(`args of retry() is ${kindOf(args)}; it takes an array`);
    }
    if (kwargs !== undefined && !isObject(kwargs)) {
      throw new InvalidOption(`kwargs of retry() is ${kindOf(kwargs)}; it takes an object`);
    }
    if (maxRetries !== undefined) maxRetriesRule(maxRetries, "maxRetries of retry()");
    if (args !== undefined) assertJson(args, "args");
    if (kwargs !== undefined) assertJson(kwargs, "kwargs");
    const failure = cause === undefined ? undefined : toFailure(cause);
    return {
      kind: "retry",
      failure,
      exhausted:
        failure ?? toFailure(new MaxRetriesExceeded(settings.name, id, maxRetries ?? settings.maxRetries ?? 0)),
      ...(countdown === undefined ? {} : { countdown: seconds(countdown, "countdown of retry()") }),
      ...(eta === undefined ? {} : { eta: eta.getTime() }),
      ...(maxRetries === undefined ? {} : { maxRetries }),
      ...(args === undefined && kwargs === undefined
        ? {}
        : { next: { ...(args && { args }), ...(kwargs && { kwargs }) } }),
    } as Outcome; // args and kwargs have just been checked to be JSON
  } catch (error) {
    return { kind: "failure", failure: toFailure(error), expected: false };
  }
}

function replaceOutcome({ signature }: Replace): Outcome {
  try {
    return { kind: "replaced", sig: readSignature(signature?.wire) };
  } catch (error) {
    return { kind: "failure", failure: toFailure(error), expected: false };
  }
}

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Made by the worker: its stack would show Lovage's code and nothing of the task's. */
function isAboutTheRun(error: unknown): boolean {
  return error instanceof TimeLimitExceeded || error instanceof WorkerLost;
}

function withoutStack({ stack: _, ...failure }: Failure): Failure {
  return failure;
}

/** Where the task's code is called from here. In a minified bundle the name is another, and the stack stays whole. */
const CALLED = /\n\s+at (?:async )?runCode \((.*)\)/;

/** What called the task is the same for every task. */
function withoutOwnFrames(failure: Failure): Failure {
  const { stack = "", cause } = failure;
  const called = CALLED.exec(stack);
  const own = called?.[1]?.includes(import.meta.url) || called?.[1]?.includes(import.meta.filename);
  return {
    ...failure,
    ...(called && own && { stack: stack.slice(0, called.index) }),
    ...(cause && { cause: withoutOwnFrames(cause) }),
  };
}

/**
 * They would come again: a run that was ended by force takes as long, a retry is as far down its line, and what does not fit does
 * not fit the next time.
 */
const RETRIED_IF_NAMED = [
  ...[TimeLimitExceeded, HopLimitExceeded],
  ...[InvalidArguments, InvalidResult, NotSerializable, ResultTooLarge],
];

/** Some errors are retried only by a matcher that names them, and not by one that names all errors. */
function mayRetryItself(error: unknown, matchers: readonly ErrorMatcher[]): boolean {
  const own = RETRIED_IF_NAMED.find((type) => error instanceof type);
  if (own === undefined) return matches(error, matchers);
  return matchers.some((matcher) => matcher === own || matcher === own.name);
}

/** By class where the class is the same here, by the names along its prototype chain where it is not. */
function matches(error: unknown, matchers: readonly ErrorMatcher[]): boolean {
  if (matchers.length === 0 || error === null || error === undefined) return false;
  const names = new Set<unknown>();
  if (error instanceof Error) names.add(error.name);
  let proto = Object.getPrototypeOf(error);
  for (; proto && proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) names.add(proto.constructor?.name);
  return matchers.some((matcher) => (typeof matcher === "string" ? names.has(matcher) : error instanceof matcher));
}

function stopError(reason: StopReason, { envelope }: Job): Error {
  if (reason === "claim lost") return new ClaimLost(envelope.id);
  return new TaskRevoked(
    envelope.id,
    reason === "shutdown" ? "its worker shuts down; it runs again elsewhere" : "while it ran",
  );
}

function contextOf(job: Job, signal: AbortSignal, clock: Clock): TaskContext {
  const { envelope } = job;
  const facts = {
    ...factsOf(envelope),
    timeLimit: job.timeLimit,
    softTimeLimit: job.softTimeLimit,
    worker: job.owner,
    delivery: { workload: job.workload, messageId: job.messageId, receiveCount: job.receiveCount },
    calledDirectly: false,
    signal,
    log: job.log,
  };
  return makeContext(facts, job.report, clock);
}
