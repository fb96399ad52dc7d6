// A task's options as users write them, checked and turned into settings: seconds, no gaps, frozen.
import type { TaskPolicy } from "./core/decide.ts";
import { TASK_DEFAULTS } from "./defaults.ts";
import { type Duration, describe } from "./duration.ts";
import { InvalidOption } from "./errors.ts";
import { check, duration, flag, positiveDuration, type Rule, text, whole } from "./options.ts";

/** An error class, or its name: classes do not survive bundles and processes. */
export type ErrorMatcher = string | (abstract new (...args: never[]) => Error);

/** What may be set for a task, for all tasks of an app (`defaults`), with Celery's names. */
export interface TaskOptions {
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
}

/** A task's options after defaults, in seconds. */
export interface TaskSettings extends TaskPolicy {
  readonly name: string;
  readonly workload: string;
  readonly bind: boolean;
  readonly claim: boolean;
  readonly ignoreResult: boolean;
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

const RULES = {
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
};

/** Fills `options` from the app's defaults and Lovage's, checks, freezes. Throws InvalidOption. */
export function taskSettings(
  name: string,
  options: TaskOptions & { bind?: boolean },
  appDefaults: TaskOptions,
): TaskSettings {
  const owner = `task "${name}"`;
  const own = check(owner, options, { ...RULES, bind: flag });
  const shared = check("the app's defaults", appDefaults, RULES);
  const timeLimit = own.timeLimit ?? shared.timeLimit ?? TASK_DEFAULTS.timeLimitSeconds;
  const settings: TaskSettings = {
    name,
    bind: own.bind ?? false,
    maxRetries:
      own.maxRetries !== undefined
        ? own.maxRetries
        : shared.maxRetries !== undefined
          ? shared.maxRetries
          : TASK_DEFAULTS.maxRetries,
    defaultRetryDelay: own.defaultRetryDelay ?? shared.defaultRetryDelay ?? TASK_DEFAULTS.defaultRetryDelaySeconds,
    autoRetryFor: own.autoRetryFor ?? shared.autoRetryFor ?? [],
    dontAutoRetryFor: own.dontAutoRetryFor ?? shared.dontAutoRetryFor ?? [],
    retryBackoff: own.retryBackoff ?? shared.retryBackoff ?? false,
    retryBackoffMax: own.retryBackoffMax ?? shared.retryBackoffMax ?? TASK_DEFAULTS.retryBackoffMaxSeconds,
    retryJitter: own.retryJitter ?? shared.retryJitter ?? TASK_DEFAULTS.retryJitter,
    timeLimit,
    softTimeLimit: softLimit(own, shared, timeLimit),
    ignoreResult: own.ignoreResult ?? shared.ignoreResult ?? TASK_DEFAULTS.ignoreResult,
    resultExpires: own.resultExpires ?? shared.resultExpires ?? TASK_DEFAULTS.resultExpiresSeconds,
    throws: own.throws ?? shared.throws ?? [],
    workload: own.workload ?? shared.workload ?? "default",
    claim: own.claim ?? shared.claim ?? TASK_DEFAULTS.claim,
  };
  checkLimits(owner, settings.timeLimit, settings.softTimeLimit);
  return Object.freeze(settings);
}

/** A soft limit counts beside the hard limit it was given with; otherwise it is a part of the hard one. */
function softLimit(
  own: { softTimeLimit?: number; timeLimit?: number },
  shared: { softTimeLimit?: number },
  timeLimit: number,
): number {
  const derived = timeLimit * TASK_DEFAULTS.softTimeLimitRatio;
  if (own.softTimeLimit !== undefined) return own.softTimeLimit;
  return own.timeLimit === undefined ? (shared.softTimeLimit ?? derived) : derived;
}

/** Celery refuses this at `apply_async` (t/integration: test_soft_time_limit_exceeding_time_limit). */
export function checkLimits(owner: string, timeLimit: number, softTimeLimit: number): void {
  if (softTimeLimit > timeLimit) {
    throw new InvalidOption(
      `softTimeLimit of ${owner} is ${softTimeLimit} s, over its timeLimit of ${timeLimit} s; a soft limit must come first`,
    );
  }
}
