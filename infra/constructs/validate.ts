// What cannot work is refused at synth, before anything is deployed. Rules are rows: where `condition` holds, `message` says
// what is wrong, with the number given and the numbers allowed. Pure: no CDK in here.
import { MIN_VISIBILITY_SECONDS } from "../../lib/core/visibility.ts";
import { FARGATE_SIZES, LAMBDA, LAMBDA_VISIBILITY_FACTOR, SQS, TASK_DEFAULTS } from "../../lib/defaults.ts";
import { deadLetterQueueName } from "../../lib/store/table.ts";
import type { Workload } from "../../lib/workload.ts";
import type { AlarmSettings } from "./alarm-options.ts";

/** Everything that decides how one workload is deployed. */
export interface WorkloadSettings
  extends Pick<
    Workload,
    | "kind"
    | "work"
    | "batchSize"
    | "byCall"
    | "concurrency"
    | "memoryMb"
    | "visibilitySeconds"
    | "heartbeatVisibilitySeconds"
    | "maxReceiveCount"
    | "lambda"
    | "fargate"
  > {
  readonly workload: string;
  readonly retentionSeconds: number;
  readonly deadLetterRetentionSeconds: number;
  readonly alarms: AlarmSettings;
}

export interface Rule<T> {
  /** Holds where the settings cannot work. */
  readonly condition: (settings: T) => boolean;
  readonly message: (settings: T) => string;
}

/** AWS advises at least 5: throttled deliveries count too, and never reach any code. */
export const MIN_RECEIVE_COUNT = 5;
const MAX_RECEIVE_COUNT = 1_000;
const MIN_RETENTION_SECONDS = 60;

export const WORKLOAD_RULES: readonly Rule<WorkloadSettings>[] = [
  {
    condition: ({ kind, lambda, fargate }) => (kind === "lambda" ? !lambda || !!fargate : !fargate || !!lambda),
    message: ({ kind }) =>
      `kind is "${kind}", but the definition does not describe that and only that; make it with onLambda() or onFargate()`,
  },
  {
    condition: ({ retentionSeconds: seconds }) => outside(seconds, MIN_RETENTION_SECONDS, SQS.maxRetentionSeconds),
    message: ({ retentionSeconds: seconds }) =>
      `retention of the queue is ${seconds} s; SQS takes ${MIN_RETENTION_SECONDS} to ${SQS.maxRetentionSeconds} whole seconds`,
  },
  {
    condition: ({ deadLetterRetentionSeconds: seconds }) =>
      outside(seconds, MIN_RETENTION_SECONDS, SQS.maxRetentionSeconds),
    message: ({ deadLetterRetentionSeconds: seconds }) =>
      `retention of the dead-letter queue is ${seconds} s; SQS takes ${MIN_RETENTION_SECONDS} to ${SQS.maxRetentionSeconds} whole seconds`,
  },
  {
    // A dead letter keeps the age it had: in a queue of equal retention it arrives with nothing left.
    condition: ({ retentionSeconds: source, deadLetterRetentionSeconds: dead }) => dead <= source,
    message: ({ retentionSeconds: source, deadLetterRetentionSeconds: dead }) =>
      `retention of the dead-letter queue is ${dead} s, not longer than the ${source} s of its source; a dead letter keeps its age and would arrive expired`,
  },
  {
    condition: ({ visibilitySeconds: seconds }) => outside(seconds, MIN_VISIBILITY_SECONDS, SQS.maxVisibilitySeconds),
    message: ({ visibilitySeconds: seconds }) =>
      `visibility timeout is ${seconds} s; it takes ${MIN_VISIBILITY_SECONDS} to ${SQS.maxVisibilitySeconds} whole seconds, or no lease is left within it`,
  },
  {
    condition: ({ heartbeatVisibilitySeconds: seconds }) =>
      outside(seconds, MIN_VISIBILITY_SECONDS, SQS.maxVisibilitySeconds),
    message: ({ heartbeatVisibilitySeconds: seconds }) =>
      `visibility timeout renewed by heartbeats is ${seconds} s; it takes ${MIN_VISIBILITY_SECONDS} to ${SQS.maxVisibilitySeconds} whole seconds, or no lease is left within it`,
  },
  {
    condition: ({ visibilitySeconds, lambda }) =>
      lambda !== undefined && visibilitySeconds < LAMBDA_VISIBILITY_FACTOR * lambda.timeoutSeconds,
    message: ({ visibilitySeconds, lambda }) =>
      `visibility timeout is ${visibilitySeconds} s, shorter than ${LAMBDA_VISIBILITY_FACTOR} times the function's timeout of ${lambda?.timeoutSeconds} s; set at least ${Math.ceil(LAMBDA_VISIBILITY_FACTOR * (lambda?.timeoutSeconds ?? 0))} s`,
  },
  {
    condition: ({ lambda }) => lambda !== undefined && outside(lambda.timeoutSeconds, 1, LAMBDA.maxTimeoutSeconds),
    message: ({ lambda }) =>
      `timeout of the function is ${lambda?.timeoutSeconds} s; Lambda takes 1 to ${LAMBDA.maxTimeoutSeconds} whole seconds, use onFargate() for longer work`,
  },
  {
    condition: ({ lambda }) =>
      lambda !== undefined && outside(lambda.maxConcurrency, LAMBDA.minConcurrency, LAMBDA.maxConcurrency),
    message: ({ lambda }) =>
      `maxConcurrency is ${lambda?.maxConcurrency}; an event source mapping takes ${LAMBDA.minConcurrency} to ${LAMBDA.maxConcurrency}`,
  },
  {
    condition: ({ lambda }) =>
      lambda?.reservedConcurrency !== undefined && lambda.reservedConcurrency < lambda.maxConcurrency,
    message: ({ lambda }) =>
      `reservedConcurrency is ${lambda?.reservedConcurrency}, below the maxConcurrency of ${lambda?.maxConcurrency}; an event source mapping knows nothing of it, so what it receives above is throttled and uses up receives: reserve at least ${lambda?.maxConcurrency}, or lower maxConcurrency`,
  },
  {
    condition: ({ lambda, memoryMb }) =>
      lambda !== undefined && outside(memoryMb, LAMBDA.minMemoryMb, LAMBDA.maxMemoryMb),
    message: ({ memoryMb }) =>
      `memory is ${memoryMb} MB; Lambda takes ${LAMBDA.minMemoryMb} to ${LAMBDA.maxMemoryMb} whole MB`,
  },
  {
    condition: ({ kind, fargate }) =>
      kind === "fargate" && !!fargate && !FARGATE_SIZES.some(({ cpu }) => cpu === fargate.cpu),
    message: ({ fargate }) =>
      `cpu is ${fargate?.cpu}; Fargate offers ${[...new Set(FARGATE_SIZES.map(({ cpu }) => cpu))].join(", ")} vCPU`,
  },
  {
    condition: ({ kind, fargate, memoryMb }) => {
      const sizes = FARGATE_SIZES.filter(({ cpu }) => kind === "fargate" && cpu === fargate?.cpu);
      return sizes.length > 0 && !sizes.some((size) => offers(size, memoryMb));
    },
    message: ({ fargate, memoryMb }) =>
      `memory is ${memoryMb} MB with ${fargate?.cpu} vCPU; with that Fargate offers ${FARGATE_SIZES.filter(
        ({ cpu }) => cpu === fargate?.cpu,
      )
        .map(({ memoryMb: { min, max, step } }) => (min === max ? `${min}` : `${min} to ${max} in steps of ${step}`))
        .join(", or ")} MB`,
  },
  {
    condition: ({ maxReceiveCount: count }) => outside(count, MIN_RECEIVE_COUNT, MAX_RECEIVE_COUNT),
    message: ({ maxReceiveCount: count }) =>
      `maxReceiveCount is ${count}; it takes ${MIN_RECEIVE_COUNT} to ${MAX_RECEIVE_COUNT}: deliveries that never reach a task count too, and fewer would dead-letter tasks that never ran`,
  },
];

/** A workload with the tasks that name it: where the program that synthesizes imports the tasks, too. */
export interface WorkloadTasks extends WorkloadSettings {
  readonly tasks: readonly { readonly name: string; readonly timeLimit: number }[];
}

export const TASK_RULES: readonly Rule<WorkloadTasks>[] = [
  {
    condition: ({ tasks, byCall }) => tasks.length === 0 && !byCall,
    message: () =>
      "no task names it, so its workers would wait for nothing; give a task this `workload`, remove it, or say `byCall: true` where only calls choose it",
  },
  {
    // The default is longer than many a function; the function's end then counts. One that was asked for is meant.
    condition: ({ lambda, tasks }) => tasks.some((task) => lambda !== undefined && tooLong(task, lambda)),
    message: ({ lambda, tasks }) =>
      `its function ends after ${lambda?.timeoutSeconds} s, before the time limit of ${tasks
        .filter((task) => lambda !== undefined && tooLong(task, lambda))
        .map(({ name, timeLimit }) => `"${name}" (${timeLimit} s)`)
        .join(
          ", ",
        )}; raise its timeout (at most ${LAMBDA.maxTimeoutSeconds} s), lower the time limit, or use onFargate()`,
  },
];

function tooLong(
  { timeLimit }: { readonly timeLimit: number },
  { timeoutSeconds }: { readonly timeoutSeconds: number },
) {
  return timeLimit !== TASK_DEFAULTS.timeLimitSeconds && timeLimit > timeoutSeconds;
}

/** What is wrong with the whole app's names, as rows too. */
export interface Naming {
  readonly app: string;
  /** Workloads and the stacks they get, where they get stacks of their own. */
  readonly stacks: readonly { readonly of: string; readonly stack: string }[];
  readonly workloads: readonly string[];
  /** Workloads that alarms were set for. */
  readonly alarmsFor: readonly string[];
}

/** Of the function on the dead-letter queue, which is the longest name a workload has. */
const functionName = (app: string, workload: string) => deadLetterQueueName(app, workload);

const STACK_NAME = /^[A-Za-z][A-Za-z0-9-]{0,127}$/;

export const NAMING_RULES: readonly Rule<Naming>[] = [
  {
    condition: ({ workloads }) => workloads.length === 0,
    message: ({ app }) => `app "${app}" has no workloads; it takes at least one, such as { default: onLambda() }`,
  },
  {
    condition: ({ alarmsFor, workloads }) => alarmsFor.some((name) => !workloads.includes(name)),
    message: ({ app, alarmsFor, workloads }) =>
      `alarms are set for ${quoted(alarmsFor.filter((name) => !workloads.includes(name)))}, which app "${app}" does not have; it has ${workloads.join(", ")}`,
  },
  {
    condition: ({ app, workloads }) => workloads.some((name) => functionName(app, name).length > LAMBDA.maxNameLength),
    message: ({ app, workloads }) =>
      `${quoted(workloads.map((name) => functionName(app, name)).filter(({ length }) => length > LAMBDA.maxNameLength))} cannot name a function: Lambda allows ${LAMBDA.maxNameLength} characters; shorten the name of the app or of the workload`,
  },
  {
    condition: ({ stacks }) => stacks.some(({ stack }) => !STACK_NAME.test(stack)),
    message: ({ stacks }) =>
      `${quoted(stacks.filter(({ stack }) => !STACK_NAME.test(stack)).map(({ stack }) => stack))} cannot name a stack: 1 to 128 letters, digits and hyphens, a letter first; rename the app, or put TaskApp into a stack of yours`,
  },
  {
    condition: ({ stacks }) => new Set(stacks.map(({ stack }) => stack)).size < stacks.length,
    message: ({ stacks }) =>
      `two stacks get one name: ${stacks.map(({ of, stack }) => `${of} -> ${stack}`).join(", ")}; rename one, or put TaskApp into a stack of yours`,
  },
];

/** The messages of all rules that are broken. */
export function broken<T>(rules: readonly Rule<T>[], settings: T): readonly string[] {
  return rules.filter(({ condition }) => condition(settings)).map(({ message }) => message(settings));
}

function offers({ memoryMb: { min, max, step } }: (typeof FARGATE_SIZES)[number], memoryMb: number): boolean {
  return memoryMb >= min && memoryMb <= max && (memoryMb - min) % step === 0;
}

export function outside(value: number, min: number, max: number): boolean {
  return !Number.isInteger(value) || value < min || value > max;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
