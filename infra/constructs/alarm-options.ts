// What may be set for alarms, and what it comes to for one workload.
import type { IAlarmAction } from "aws-cdk-lib/aws-cloudwatch";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { ALARM_DEFAULTS } from "../../lib/defaults.ts";
import { type Duration, seconds } from "../../lib/duration.ts";
import type { Workload } from "../../lib/workload.ts";

/** What alarms do. CloudWatch takes 5 actions for an alarm ("CloudWatch service quotas"); `topic` is one of them. */
export interface AlarmActions {
  /** What every alarm does when it goes off. @default - nothing: it is seen in CloudWatch only */
  readonly actions?: readonly IAlarmAction[];
  /** Is told when an alarm goes off, and when it is over. @default - none */
  readonly topic?: ITopic;
}

/**
 * Alarms of a workload; docs/operations.md says what each means. Counts are of one minute. `"off"` leaves an alarm out.
 * Durations are whole minutes, rounded up. How long a task takes is told by the function's timeout, and by the tasks' time
 * limits where the program that synthesizes imports them.
 */
export interface AlarmOptions extends AlarmActions {
  /** Waiting tasks, each number an alarm of its own. @default - 100, 500 and 1,000 */
  readonly queueDepths?: readonly number[] | "off";
  /** Minutes in a row that a depth has to last. @default 5 */
  readonly queueDepthMinutes?: number;
  /** Age of the oldest task, delays and the time it runs included. @default - "20m", or the longest task and 5 minutes */
  readonly ageOfOldest?: Duration | "off";
  /** Dead letters. @default 1 */
  readonly deadLetters?: number | "off";
  /** Tasks wait, and none is done with for this long. @default - "15m", or the longest task and 5 minutes */
  readonly noProgress?: Duration | "off";
  /** Tasks wait, and no container runs for this long. @default "10m" */
  readonly noWorkers?: Duration | "off";
  /** Failed invocations of the worker or of the dead-letter function. No task's failure is one. @default 1 */
  readonly errors?: number | "off";
  /** Throttled invocations of the worker, in 3 minutes of 5. @default 1 */
  readonly throttles?: number | "off";
  /** Messages in flight; SQS allows 120,000. @default - 96,000 */
  readonly inFlight?: number | "off";
  /** Invocations that Lambda dropped as recursive. @default 1 */
  readonly recursion?: number | "off";
}

/** Alarms of an app's table. */
export interface TableAlarmOptions extends AlarmActions {
  /** Throttled reads and writes of the table and its index, in 3 minutes of 5; `"off"` leaves the alarm out. @default 1 */
  readonly tableThrottles?: number | "off";
}

/** AlarmOptions with everything filled in. Checked by rules: see validate.ts. */
export interface AlarmSettings {
  readonly queueDepths: readonly number[];
  readonly queueDepthMinutes: number;
  readonly ageOfOldestSeconds: number | "off";
  readonly deadLetters: number | "off";
  readonly noProgressSeconds: number | "off";
  readonly noWorkersSeconds: number | "off";
  readonly errors: number | "off";
  readonly throttles: number | "off";
  readonly inFlight: number | "off";
  readonly recursion: number | "off";
  /** Actions of one alarm, the topic counted. */
  readonly actions: number;
}

/** Who is busy for as long as a task may take is well: what counts from a task's start rings after that. */
const BEYOND_LONGEST_SECONDS = 5 * 60;

/**
 * `longestSeconds` is how long a task may run, where that is known; a function's timeout is known in any case. Throws
 * InvalidOption where a duration is none. Everything else is for the rules to say.
 */
export function alarmSettings(
  { lambda }: Pick<Workload, "lambda">,
  options: AlarmOptions,
  longestSeconds = 0,
): AlarmSettings {
  const longest = Math.max(longestSeconds, lambda?.timeoutSeconds ?? 0);
  const busy = longest === 0 ? 0 : longest + BEYOND_LONGEST_SECONDS;
  return {
    queueDepths: options.queueDepths === "off" ? [] : (options.queueDepths ?? ALARM_DEFAULTS.queueDepths),
    queueDepthMinutes: options.queueDepthMinutes ?? ALARM_DEFAULTS.queueDepthMinutes,
    ageOfOldestSeconds: span(options, "ageOfOldest", Math.max(ALARM_DEFAULTS.ageOfOldestSeconds, busy)),
    deadLetters: options.deadLetters ?? ALARM_DEFAULTS.deadLetters,
    noProgressSeconds: span(options, "noProgress", Math.max(ALARM_DEFAULTS.noProgressSeconds, busy)),
    noWorkersSeconds: span(options, "noWorkers", ALARM_DEFAULTS.noWorkersSeconds),
    errors: options.errors ?? ALARM_DEFAULTS.errors,
    throttles: options.throttles ?? ALARM_DEFAULTS.throttles,
    inFlight: options.inFlight ?? ALARM_DEFAULTS.inFlight,
    recursion: options.recursion ?? ALARM_DEFAULTS.recursion,
    actions: actionsOf(options),
  };
}

export function actionsOf({ actions = [], topic }: AlarmActions): number {
  return actions.length + (topic === undefined ? 0 : 1);
}

function span(
  options: AlarmOptions,
  name: "ageOfOldest" | "noProgress" | "noWorkers",
  otherwise: number,
): number | "off" {
  const value = options[name];
  if (value === undefined) return otherwise;
  return value === "off" ? value : seconds(value, `${name} of alarms`);
}
