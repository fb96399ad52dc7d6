// What is measured, what it is called, and what it should be.

/** Of both contestants. */
export interface Figures {
  readonly send_per_s: number;
  readonly consume_per_s: number;
  readonly cpu_us_per_send: number;
  readonly cpu_us_per_task: number;
  readonly sqs_calls_per_task: number;
  readonly ddb_calls_per_task: number;
  readonly wcu_per_task: number;
  readonly import_ms: number;
  /** A function's process: from its start to its first request for an invocation. */
  readonly lambda_init_ms: number;
  readonly lambda_first_ms: number;
  /** As deployed: the SDK in it, not minified. */
  readonly lambda_bundle_kb: number;
}

/** Of Lovage alone. */
export interface OwnFigures extends Figures {
  readonly wcu_per_task_ignored: number;
  readonly latency_ms_p50: number;
  readonly latency_ms_p99: number;
  /** The library: what a producer loads. */
  readonly bundle_kb: number;
  /** The same with all that runs tasks in a Lambda function. */
  readonly bundle_worker_kb: number;
  readonly rss_mb_20k: number;
  readonly rss_mb_200k: number;
  /** Of that, what is reachable after a collection. */
  readonly used_mb_20k: number;
  readonly used_mb_200k: number;
  /** After how many tasks the memory was read: 20,000 and 200,000, or fewer in a quick run. */
  readonly rss_tasks: readonly [number, number];
}

export interface Result {
  readonly lovage: OwnFigures;
  readonly raw: Figures;
}

export const MEANINGS: Readonly<Record<Exclude<keyof OwnFigures, "rss_tasks">, string>> = {
  send_per_s: "tasks sent per second",
  consume_per_s: "tasks consumed per second",
  cpu_us_per_send: "CPU µs to send one",
  cpu_us_per_task: "CPU µs to consume one",
  sqs_calls_per_task: "SQS requests per task, sending included",
  ddb_calls_per_task: "DynamoDB requests per task",
  wcu_per_task: "write units per task",
  wcu_per_task_ignored: "write units per task with ignoreResult",
  import_ms: "import in a cold process, ms",
  lambda_init_ms: "Lambda cold start: init, ms",
  lambda_first_ms: "Lambda cold start: first invocation, ms",
  lambda_bundle_kb: "bundle of a Lambda function with the SDK, KB",
  latency_ms_p50: "publish to handler start, ms, median",
  latency_ms_p99: "publish to handler start, ms, 99th percentile",
  bundle_kb: "bundle of the library (a producer), KB",
  bundle_worker_kb: "bundle of a producer and Lambda worker, KB",
  rss_mb_20k: "a worker's memory (RSS), MB",
  rss_mb_200k: "the same after ten times the tasks, MB",
  used_mb_20k: "of it in use (objects, Buffers), MB",
  used_mb_200k: "in use after ten times the tasks, MB",
};

export interface Target {
  readonly what: string;
  /** The same in every run: it does not depend on time, or on what else the machine does. */
  readonly deterministic: boolean;
  value(result: Result): number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export const TARGETS: readonly Target[] = [
  {
    what: "send_per_s, times raw",
    deterministic: false,
    value: ({ lovage, raw }) => lovage.send_per_s / raw.send_per_s,
    atLeast: 0.9,
  },
  {
    what: "consume_per_s, times raw",
    deterministic: false,
    value: ({ lovage, raw }) => lovage.consume_per_s / raw.consume_per_s,
    atLeast: 1.5,
  },
  {
    what: "cpu_us_per_task, times raw",
    deterministic: false,
    value: ({ lovage, raw }) => lovage.cpu_us_per_task / raw.cpu_us_per_task,
    atMost: 0.6,
  },
  {
    what: "import_ms, times raw",
    deterministic: false,
    value: ({ lovage, raw }) => lovage.import_ms / raw.import_ms,
    atMost: 1.3,
  },
  {
    what: "rss_mb_200k, times rss_mb_20k",
    deterministic: false,
    value: ({ lovage }) => lovage.rss_mb_200k / lovage.rss_mb_20k,
    atMost: 1.1,
  },
  {
    what: "used_mb_200k, times used_mb_20k",
    deterministic: false,
    value: ({ lovage }) => lovage.used_mb_200k / lovage.used_mb_20k,
    atMost: 1.1,
  },
  {
    what: "sqs_calls_per_task",
    deterministic: true,
    value: ({ lovage }) => lovage.sqs_calls_per_task,
    atMost: 0.35,
  },
  {
    what: "wcu_per_task",
    deterministic: true,
    value: ({ lovage }) => lovage.wcu_per_task,
    atLeast: 2,
    atMost: 2,
  },
  {
    what: "wcu_per_task_ignored",
    deterministic: true,
    value: ({ lovage }) => lovage.wcu_per_task_ignored,
    atMost: 0,
  },
  { what: "bundle_kb", deterministic: true, value: ({ lovage }) => lovage.bundle_kb, atMost: 85 },
];

/** One line for each target that was missed. */
export function missed(result: Result, targets: readonly Target[]): readonly string[] {
  return targets.flatMap(({ what, value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }) => {
    const is = value(result);
    if (is >= atLeast && is <= atMost) return [];
    return [`${what} is ${is.toPrecision(4)}, should be ${is < atLeast ? `at least ${atLeast}` : `at most ${atMost}`}`];
  });
}
