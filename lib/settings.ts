// A task's options as users write them, checked and turned into settings: seconds, no gaps, frozen. Where the task itself says
// nothing its base does, then that one's base, then the app's defaults, then Lovage's.
import type { TaskPolicy } from "./core/decision.ts";
import { MAX_TIME_LIMIT_SECONDS, SQS, TASK_DEFAULTS } from "./defaults.ts";
import { type Duration, describe } from "./duration.ts";
import { InvalidOption } from "./errors.ts";
import { HOOK_NAMES, type HookName, type TaskHooks } from "./hooks.ts";
import { callable, check, duration, flag, oneOf, positiveDuration, type Rule, text, whole } from "./options.ts";
import { argsSchema, type Schemas, schema } from "./schema.ts";

/** An error class, or its name: classes do not survive bundles and processes. */
export type ErrorMatcher = string | (abstract new (...args: never[]) => Error);

/** What may be set for a task, for those that share a base, for all of an app (`defaults`), with Celery's names. */
export interface TaskOptions extends TaskHooks {
  /** Options and hooks shared with other tasks. @default - none */
  readonly base?: TaskBase;
  /** Retries after the first run; `null` is without end. @default 3 */
  readonly maxRetries?: number | null;
  /** Pause before a retry where there is no backoff. @default "3m" */
  readonly defaultRetryDelay?: Duration;
  /** Errors that retry the task by themselves: classes, or names. @default - none */
  readonly autoRetryFor?: readonly ErrorMatcher[];
  /** Exceptions to `autoRetryFor`. @default - none */
  readonly dontAutoRetryFor?: readonly ErrorMatcher[];
  /** Exponential backoff: `true` starts at one second, a duration starts there. @default false */
  readonly retryBackoff?: boolean | Duration;
  /** Longest backoff. @default "10m" */
  readonly retryBackoffMax?: Duration;
  /** Full jitter: a retry comes anywhere from at once to the whole backoff. @default true */
  readonly retryJitter?: boolean;
  /**
   * Hard limit: the run ends as FAILURE(TimeLimitExceeded). On a CPU-heavy workload its process is killed; on an I/O-bound one,
   * which shares its thread with others, it is no longer waited for. @default "5m"
   */
  readonly timeLimit?: Duration;
  /** Soft limit: `ctx.signal` aborts with SoftTimeLimitExceeded. @default - nine tenths of `timeLimit` */
  readonly softTimeLimit?: Duration;
  /** Nothing is recorded unless the task fails; `get()` returns undefined at once. @default false */
  readonly ignoreResult?: boolean;
  /** After this the value is hidden. The record stays for at least 15 days. @default "1d" */
  readonly resultExpires?: Duration;
  /** Errors that are expected: logged in one line, without a stack. @default - none */
  readonly throws?: readonly ErrorMatcher[];
  /** Workload that runs it. @default "default" */
  readonly workload?: string;
  /** `false`: not claimed before it runs. One write instead of two; a duplicate delivery runs it side by side. @default true */
  readonly claim?: boolean;
  /**
   * How it is handed the results of the group that it follows: all in an array, of at most 10,000 and 32 MiB, or "stream", one by one: an
   * AsyncIterable, which reads while it is iterated, and may be iterated again. @default "array"
   */
  readonly results?: "array" | "stream";
}

/** A task's options after defaults, in seconds. */
export interface TaskSettings extends TaskPolicy {
  readonly name: string;
  readonly workload: string;
  readonly bind: boolean;
  readonly claim: boolean;
  readonly ignoreResult: boolean;
  readonly results: "array" | "stream";
  readonly timeLimit: number;
  readonly softTimeLimit: number;
  readonly autoRetryFor: readonly ErrorMatcher[];
  readonly dontAutoRetryFor: readonly ErrorMatcher[];
  readonly throws: readonly ErrorMatcher[];
}

export const maxRetries: Rule<number | null> = (value, name) => (value === null ? null : whole(0)(value, name));

const errorMatchers: Rule<readonly ErrorMatcher[]> = (value, name) => {
  if (!Array.isArray(value))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes an array of error classes or their names`);
  for (const matcher of value) {
    const isClass = typeof matcher === "function" && (matcher === Error || matcher.prototype instanceof Error);
    if (!isClass && (typeof matcher !== "string" || matcher === "")) {
      throw new InvalidOption(`${name} contains ${describe(matcher)}; it takes error classes or their names`);
    }
  }
  return Object.freeze([...value]);
};

const backoff: Rule<number | false> = (value, name) => {
  if (typeof value === "boolean") return value ? 1 : false;
  return positiveDuration(value, name);
};

/** Options and hooks for many tasks to share: `taskBase({ retryBackoff: true, onFailure })`. Celery: a base class. */
export class TaskBase {
  /** Its options, then those of its own base. */
  readonly levels: readonly CheckedOptions[];

  constructor(options: TaskOptions) {
    this.levels = Object.freeze(levelsOf("a task base", options));
  }
}

/** Makes a base. It may have a base of its own. Throws InvalidOption. */
export function taskBase(options: TaskOptions): TaskBase {
  return new TaskBase(options);
}

const base: Rule<TaskBase> = (value, name) => {
  if (!(value instanceof TaskBase))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes what taskBase({...}) returns`);
  return value;
};

const HOOK_RULES: Readonly<Record<HookName, typeof callable>> = {
  beforeStart: callable,
  onSuccess: callable,
  onRetry: callable,
  onFailure: callable,
  afterReturn: callable,
};

const RULES = {
  base,
  ...HOOK_RULES,
  maxRetries,
  defaultRetryDelay: duration,
  autoRetryFor: errorMatchers,
  dontAutoRetryFor: errorMatchers,
  retryBackoff: backoff,
  retryBackoffMax: duration,
  retryJitter: flag,
  timeLimit: positiveDuration,
  softTimeLimit: positiveDuration,
  ignoreResult: flag,
  resultExpires: positiveDuration,
  throws: errorMatchers,
  workload: text,
  claim: flag,
  results: oneOf("array", "stream"),
};

type CheckedOptions = ReturnType<typeof check<typeof RULES>>;

/** What only a task has, and nothing it shares. */
const OWN_RULES = { ...RULES, bind: flag, args: argsSchema, result: schema };

const withBases = (own: CheckedOptions): readonly CheckedOptions[] => [own, ...(own.base?.levels ?? [])];

function levelsOf(owner: string, options: object): readonly CheckedOptions[] {
  return withBases(check(owner, options, RULES));
}

/** Everything a definition says besides its handler. */
export interface TaskDefinition {
  readonly settings: TaskSettings;
  /** The app's first, the task's own last. */
  readonly hooks: readonly TaskHooks[];
  readonly schemas: Schemas;
}

/** What a task of no options has: the app's defaults, or Lovage's. Throws InvalidOption. */
export function defineTask(
  name: string,
  options: TaskOptions & Schemas & { readonly bind?: boolean },
  appDefaults: TaskOptions,
): TaskDefinition {
  const owner = `task "${name}"`;
  const own: CheckedOptions & Schemas & { bind?: boolean } = check(owner, options, OWN_RULES);
  const levels = [...withBases(own), ...levelsOf("the app's defaults", appDefaults)];
  const settings = settingsOf(name, own.bind ?? false, levels);
  checkLimits(owner, settings.timeLimit, settings.softTimeLimit);
  return Object.freeze({
    settings,
    hooks: hooksOf(levels),
    schemas: { ...(own.args && { args: own.args }), ...(own.result && { result: own.result }) },
  });
}

/** Fills `options` from the app's defaults and Lovage's, checks, freezes. Throws InvalidOption. */
export function taskSettings(
  name: string,
  options: TaskOptions & { readonly bind?: boolean },
  appDefaults: TaskOptions,
): TaskSettings {
  return defineTask(name, options, appDefaults).settings;
}

function settingsOf(name: string, bind: boolean, levels: readonly CheckedOptions[]): TaskSettings {
  const given: CheckedOptions = Object.assign({}, ...levels.toReversed());
  const timeLimit = given.timeLimit ?? TASK_DEFAULTS.timeLimitSeconds;
  return Object.freeze({
    name,
    bind,
    maxRetries: given.maxRetries === undefined ? TASK_DEFAULTS.maxRetries : given.maxRetries,
    defaultRetryDelay: given.defaultRetryDelay ?? TASK_DEFAULTS.defaultRetryDelaySeconds,
    autoRetryFor: given.autoRetryFor ?? [],
    dontAutoRetryFor: given.dontAutoRetryFor ?? [],
    retryBackoff: given.retryBackoff ?? false,
    retryBackoffMax: given.retryBackoffMax ?? TASK_DEFAULTS.retryBackoffMaxSeconds,
    retryJitter: given.retryJitter ?? TASK_DEFAULTS.retryJitter,
    timeLimit,
    softTimeLimit: softLimit(levels, timeLimit),
    ignoreResult: given.ignoreResult ?? TASK_DEFAULTS.ignoreResult,
    resultExpires: given.resultExpires ?? TASK_DEFAULTS.resultExpiresSeconds,
    throws: given.throws ?? [],
    workload: given.workload ?? "default",
    claim: given.claim ?? TASK_DEFAULTS.claim,
    results: given.results ?? TASK_DEFAULTS.results,
  });
}

/** A soft limit counts beside the hard limit it was given with; otherwise it is a part of the hard one. */
function softLimit(levels: readonly CheckedOptions[], timeLimit: number): number {
  const derived = timeLimit * TASK_DEFAULTS.softTimeLimitRatio;
  return (
    levels.find((level) => level.softTimeLimit !== undefined || level.timeLimit !== undefined)?.softTimeLimit ?? derived
  );
}

function hooksOf(levels: readonly CheckedOptions[]): readonly TaskHooks[] {
  // A base that is reached twice is one base.
  return [...new Set(levels.toReversed())]
    .filter((level) => HOOK_NAMES.some((name) => level[name] !== undefined))
    .map((level) => Object.fromEntries(HOOK_NAMES.map((name) => [name, level[name]])) as TaskHooks); // checked to be functions
}

/** Celery refuses this at `apply_async` (t/integration: test_soft_time_limit_exceeding_time_limit). */
export function checkLimits(owner: string, timeLimit: number, softTimeLimit: number): void {
  if (timeLimit > MAX_TIME_LIMIT_SECONDS) {
    throw new InvalidOption(
      `timeLimit of ${owner} is ${timeLimit} s, over ${MAX_TIME_LIMIT_SECONDS} s; SQS keeps a message from others for ${SQS.maxVisibilitySeconds} s at most, so split longer work into tasks`,
    );
  }
  if (softTimeLimit > timeLimit) {
    throw new InvalidOption(
      `softTimeLimit of ${owner} is ${softTimeLimit} s, over its timeLimit of ${timeLimit} s; a soft limit must come first`,
    );
  }
}
