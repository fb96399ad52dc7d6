// What a workload is: a named queue with its own dead-letter queue, workers, limits and alarms. Pure: producers, workers
// and CDK constructs read the same definition.
import { heartbeatEveryMs, MIN_VISIBILITY_SECONDS } from "./core/visibility.ts";
import { LAMBDA, LAMBDA_RESERVED_SECONDS, LAMBDA_VISIBILITY_FACTOR, SQS, WORKLOAD_DEFAULTS } from "./defaults.ts";
import { type Duration, describe } from "./duration.ts";
import { InvalidOption } from "./errors.ts";
import { check, flag, oneOf, positiveDuration, type Rule, refused, whole } from "./options.ts";

interface SharedOptions {
  /** CPU-heavy work: one job in hand for every slot, off the main thread. I/O-bound work: many at a time. */
  readonly work?: "io" | "cpu";
  /** Receives before SQS moves a message to the dead-letter queue. @default 8 */
  readonly maxReceiveCount?: number;
  /** Memory of the function or container: `"512MB"`, `"4GB"`. @default - Lambda "512MB", a container "2GB" */
  readonly memory?: string;
  /** No task names it: only calls choose it, with `workload`. Otherwise a workload that no task names is refused as forgotten. @default false */
  readonly byCall?: boolean;
}

export interface LambdaOptions extends SharedOptions {
  /** Timeout of the function, 3 seconds to 15 minutes; 2 seconds of it are kept for records and the answer. @default "60s" */
  readonly timeout?: Duration;
  /** Concurrent invocations, 2 to 1,000 (Lambda: ScalingConfig.MaximumConcurrency). @default - 10 */
  readonly maxConcurrency?: number;
  /**
   * Of the account's concurrency, kept for this function alone; at least `maxConcurrency`, for an event source mapping knows
   * nothing of it, and every throttled delivery uses up a receive. @default - none is kept
   */
  readonly reservedConcurrency?: number;
}

export interface FargateOptions extends SharedOptions {
  /** vCPUs of one container. @default 1 */
  readonly cpu?: number;
  /** Containers at most. @default 10 */
  readonly maxWorkers?: number;
  /** Runs at a time in one worker. @default - CPU-heavy: the machine's CPUs. I/O-bound: 10 */
  readonly concurrency?: number;
  /** Messages in hand for every free slot. @default 1 */
  readonly prefetch?: number;
  /** How soon a dead worker's messages come back; heartbeats renew it. @default "30s" */
  readonly visibilityTimeout?: Duration;
}

/** A checked definition. Seconds and megabytes. */
export interface Workload {
  readonly kind: "lambda" | "fargate";
  readonly work: "io" | "cpu";
  /** Messages one Lambda invocation receives: 10 for I/O, 1 for CPU work. */
  readonly batchSize: number;
  readonly maxReceiveCount: number;
  readonly memoryMb: number;
  /** Visibility timeout of the queue. */
  readonly visibilitySeconds: number;
  /** Visibility timeout a long-running worker asks for and renews. */
  readonly heartbeatVisibilitySeconds: number;
  /** Runs at a time in one long-running worker; undefined: the number of CPUs. */
  readonly concurrency: number | undefined;
  readonly prefetch: number;
  /** Only calls choose it: no task names it. */
  readonly byCall: boolean;
  readonly lambda?: {
    readonly timeoutSeconds: number;
    readonly maxConcurrency: number;
    readonly reservedConcurrency?: number;
  };
  readonly fargate?: { readonly cpu: number; readonly maxWorkers: number };
}

const FIFO_REASON =
  "a FIFO queue cannot delay a single message, and a retry loses its place; use the default standard queue";

const memory: Rule<number> = (value, name) => {
  const match = typeof value === "string" ? /^(\d+(?:\.\d+)?)(MB|GB)$/.exec(value) : null;
  if (match === null)
    throw new InvalidOption(`${name} is ${describe(value)}; it takes a string such as "512MB" or "4GB"`);
  return Number(match[1]) * (match[2] === "GB" ? 1_024 : 1);
};

const number =
  (min: number, max: number): Rule<number> =>
  (value, name) => {
    if (typeof value !== "number" || !(value >= min && value <= max))
      throw new InvalidOption(`${name} is ${describe(value)}; it takes a number from ${min} to ${max}`);
    return value;
  };

const SHARED = {
  work: oneOf("io", "cpu"),
  maxReceiveCount: whole(1, 1_000),
  memory,
  byCall: flag,
  fifo: refused(FIFO_REASON),
};

/** Six of them leave a lease, and one leaves time for a task. */
const minTimeoutSeconds = () =>
  Math.max(Math.ceil(MIN_VISIBILITY_SECONDS / LAMBDA_VISIBILITY_FACTOR), LAMBDA_RESERVED_SECONDS + 1);

/** A workload run by a Lambda function. A long-running worker serves it too, where it is told to. */
export function onLambda(options: LambdaOptions = {}): Workload {
  const given = check("onLambda()", options, {
    ...SHARED,
    timeout: positiveDuration,
    maxConcurrency: whole(LAMBDA.minConcurrency, LAMBDA.maxConcurrency),
    reservedConcurrency: whole(LAMBDA.minConcurrency, Number.MAX_SAFE_INTEGER),
  });
  const timeoutSeconds = given.timeout ?? 60;
  if (timeoutSeconds > LAMBDA.maxTimeoutSeconds)
    throw new InvalidOption(
      `timeout of onLambda() is ${timeoutSeconds} s; Lambda allows ${LAMBDA.maxTimeoutSeconds} s, use onFargate() for longer work`,
    );
  if (timeoutSeconds < minTimeoutSeconds())
    throw new InvalidOption(
      `timeout of onLambda() is ${timeoutSeconds} s; it takes at least ${minTimeoutSeconds()} s: ${LAMBDA_RESERVED_SECONDS} s of it are kept for the record of a task that is cut off and for the answer, and its lease has to fit into ${LAMBDA_VISIBILITY_FACTOR} timeouts`,
    );
  const { maxConcurrency = WORKLOAD_DEFAULTS.maxConcurrency, reservedConcurrency } = given;
  const work = given.work ?? "io";
  return Object.freeze({
    kind: "lambda",
    work,
    batchSize: work === "io" ? 10 : 1,
    maxReceiveCount: given.maxReceiveCount ?? WORKLOAD_DEFAULTS.maxReceiveCount,
    memoryMb: given.memory ?? WORKLOAD_DEFAULTS.lambdaMemoryMb,
    // AWS: at least six times the timeout, for a throttled poller keeps retrying a batch it has received.
    visibilitySeconds: Math.ceil(timeoutSeconds * LAMBDA_VISIBILITY_FACTOR),
    heartbeatVisibilitySeconds: WORKLOAD_DEFAULTS.visibilityTimeoutSeconds,
    concurrency: work === "io" ? WORKLOAD_DEFAULTS.ioConcurrency : undefined,
    prefetch: WORKLOAD_DEFAULTS.prefetch,
    byCall: given.byCall ?? false,
    lambda: { timeoutSeconds, maxConcurrency, ...(reservedConcurrency !== undefined && { reservedConcurrency }) },
  });
}

/** A workload run by long-running containers. CPU-heavy unless `work: "io"`. */
export function onFargate(options: FargateOptions = {}): Workload {
  const given = check("onFargate()", options, {
    ...SHARED,
    cpu: number(0.25, 16),
    maxWorkers: whole(1, 5_000),
    concurrency: whole(1, 10_000),
    prefetch: whole(1, 10),
    visibilityTimeout: positiveDuration,
  });
  const work = given.work ?? "cpu";
  const visibilitySeconds = visibility(given.visibilityTimeout ?? WORKLOAD_DEFAULTS.visibilityTimeoutSeconds);
  return Object.freeze({
    kind: "fargate",
    work,
    batchSize: work === "io" ? 10 : 1,
    maxReceiveCount: given.maxReceiveCount ?? WORKLOAD_DEFAULTS.maxReceiveCount,
    memoryMb: given.memory ?? WORKLOAD_DEFAULTS.containerMemoryMb,
    visibilitySeconds,
    heartbeatVisibilitySeconds: visibilitySeconds,
    concurrency: given.concurrency ?? (work === "io" ? WORKLOAD_DEFAULTS.ioConcurrency : undefined),
    prefetch: given.prefetch ?? WORKLOAD_DEFAULTS.prefetch,
    byCall: given.byCall ?? false,
    fargate: { cpu: given.cpu ?? 1, maxWorkers: given.maxWorkers ?? 10 },
  });
}

function visibility(seconds: number): number {
  if (!Number.isInteger(seconds) || seconds < MIN_VISIBILITY_SECONDS || seconds > SQS.maxVisibilitySeconds) {
    throw new InvalidOption(
      `visibilityTimeout of onFargate() is ${seconds} s; it takes whole seconds from ${MIN_VISIBILITY_SECONDS} (a lease of 5 s and clock skew of 5 s on both sides, renewed every ${heartbeatEveryMs(MIN_VISIBILITY_SECONDS)} ms) to ${SQS.maxVisibilitySeconds}`,
    );
  }
  return seconds;
}
