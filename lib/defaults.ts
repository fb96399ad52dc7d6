// Every default of Lovage and every limit of AWS it depends on, once. Units are in the names.
// Pure: read by the runtime, by the worker and by the CDK constructs, so they cannot disagree.
// A table that reads another one stays in every bundle, used or not, unless a function that is marked as pure makes it.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Limits set by Amazon SQS. Source: Amazon SQS API reference and "Amazon SQS quotas" (2026-11). */
export const SQS = {
  /** Largest message, and largest sum of a batch, attributes included (SendMessage). */
  maxMessageBytes: 1_048_576,
  /** A request is billed once for every started step of this size. */
  billedStepBytes: 65_536,
  /** Entries in one SendMessageBatch, DeleteMessageBatch or ChangeMessageVisibilityBatch. */
  maxBatchEntries: 10,
  /** DelaySeconds of one message on a standard queue. */
  maxDelaySeconds: 15 * MINUTE,
  /** Visibility timeout, counted from the receive. */
  maxVisibilitySeconds: 12 * HOUR,
  /** WaitTimeSeconds of ReceiveMessage. */
  maxWaitSeconds: 20,
  /** MessageRetentionPeriod. */
  maxRetentionSeconds: 14 * DAY,
  /** Messages in flight on a standard queue; above it ReceiveMessage answers OverLimit. */
  maxInFlight: 120_000,
  /** Characters of a queue name. */
  maxQueueNameLength: 80,
} as const;

/** Limits set by Amazon DynamoDB. Source: "Quotas in Amazon DynamoDB" (2026-11). */
export const DYNAMODB = {
  /** Largest item, attribute names included. */
  maxItemBytes: 409_600,
  /** Statements in one BatchExecuteStatement. */
  maxBatchStatements: 25,
  /** Keys in one BatchGetItem. */
  maxBatchGetItems: 100,
} as const;

/** Limits set by AWS Lambda and its event source mappings. Source: "Lambda quotas" and the Lambda API reference (2026-11). */
export const LAMBDA = {
  maxTimeoutSeconds: 15 * MINUTE,
  minMemoryMb: 128,
  maxMemoryMb: 10_240,
  /** ScalingConfig.MaximumConcurrency of an event source mapping. */
  minConcurrency: 2,
  maxConcurrency: 1_000,
  /** Characters of a function's name. */
  maxNameLength: 64,
} as const;

/** AWS: a throttled poller keeps retrying a batch it has received until its visibility runs out, so that is this many timeouts. */
export const LAMBDA_VISIBILITY_FACTOR = 6;

/** Left of a function's timeout for the record of a task that is cut off, and for the answer. */
export const LAMBDA_RESERVED_SECONDS = 2;

/** The function that ends what comes to a dead-letter queue. Nothing of a task runs in it but its hooks. */
export const DEAD_LETTER_FUNCTION = { timeoutSeconds: 60, memoryMb: 512, batchSize: 10, maxConcurrency: 2 } as const;

/** Limits set by Amazon ECS. Source: Amazon ECS developer guide, "Task scale-in protection" and API reference (2026-11). */
export const ECS = {
  /** Longest stopTimeout of a Fargate container: SIGTERM, and SIGKILL after it. */
  maxStopTimeoutSeconds: 120,
  /** ExpiresInMinutes of task scale-in protection. */
  minProtectionMinutes: 1,
  maxProtectionMinutes: 2_880,
} as const;

/** What AWS Fargate offers: vCPUs, and the memory that goes with them. Source: "Fargate task sizes" (2026-11). */
export const FARGATE_SIZES: readonly {
  readonly cpu: number;
  readonly memoryMb: { readonly min: number; readonly max: number; readonly step: number };
}[] = [
  { cpu: 0.25, memoryMb: { min: 512, max: 512, step: 512 } },
  { cpu: 0.25, memoryMb: { min: 1_024, max: 2_048, step: 1_024 } },
  { cpu: 0.5, memoryMb: { min: 1_024, max: 4_096, step: 1_024 } },
  { cpu: 1, memoryMb: { min: 2_048, max: 8_192, step: 1_024 } },
  { cpu: 2, memoryMb: { min: 4_096, max: 16_384, step: 1_024 } },
  { cpu: 4, memoryMb: { min: 8_192, max: 30_720, step: 1_024 } },
  { cpu: 8, memoryMb: { min: 16_384, max: 61_440, step: 4_096 } },
  { cpu: 16, memoryMb: { min: 32_768, max: 122_880, step: 8_192 } },
];

/** How containers are scaled. Source: Application Auto Scaling API reference, "Step scaling" (2026-11). */
export const CONTAINER_SCALING = {
  /** StepAdjustments of one policy. */
  maxSteps: 20,
  /** Nothing waits and nothing is in flight for so many minutes in a row: then the last worker goes. SQS's numbers are approximate. */
  idleMinutes: 5,
  /** Between one step down and the next. Steps up do not wait. */
  scaleInPauseSeconds: 5 * MINUTE,
  /** Metrics that each of its two alarms looks at: CloudWatch bills them. */
  alarmMetrics: { backlog: 2, idle: 2 },
} as const;

/** Where a container serves /healthz to ECS, within itself. */
export const CONTAINER_HEALTH = {
  port: 8_080,
  host: "127.0.0.1",
  everySeconds: 30,
  timeoutSeconds: 5,
  retries: 3,
  /** Failures do not count before: the app is loaded, queues and table are checked. */
  startSeconds: 60,
} as const;

/** Limits of CloudWatch's embedded metric format. Source: "Specification: Embedded metric format" (2026-11). */
export const EMF = {
  /** Numbers in the array of one metric. */
  maxValues: 100,
} as const;

/** Limits set by Amazon CloudWatch. Source: "CloudWatch service quotas" and the API reference of PutMetricAlarm (2026-11). */
export const CLOUDWATCH = {
  /** Period times evaluation periods of an alarm whose period is a minute. */
  maxEvaluationSeconds: DAY,
  /** What one alarm does when it goes off. */
  maxActions: 5,
  /** Widgets on one dashboard, and metrics in all of them together, those inside expressions included. */
  maxDashboardWidgets: 500,
  maxDashboardMetrics: 2_500,
} as const;

/** What a task does unless its options, its workload or its caller say otherwise. */
export const TASK_DEFAULTS = {
  /** Celery: Task.max_retries. */
  maxRetries: 3,
  /** Celery: Task.default_retry_delay (3 minutes). */
  defaultRetryDelaySeconds: 3 * MINUTE,
  /** Celery: retry_backoff_max. */
  retryBackoffMaxSeconds: 10 * MINUTE,
  retryJitter: true,
  /** Hard limit. Celery has none; every team that ran it for long added one. */
  timeLimitSeconds: 5 * MINUTE,
  /** Soft limit as a part of the hard one, where only the hard one is given. */
  softTimeLimitRatio: 0.9,
  /** Celery: result_expires. After it the value is hidden, the record stays. */
  resultExpiresSeconds: DAY,
  ignoreResult: false,
  claim: true,
  results: "array",
} as const;

/** Longest run: a message can be kept from others for 12 hours from its receive, and some of that goes before and after the run. */
export const MAX_TIME_LIMIT_SECONDS = SQS.maxVisibilitySeconds - 10 * MINUTE;

/** What a workload does unless its definition says otherwise. */
export const WORKLOAD_DEFAULTS = {
  /** Visibility timeout of a container workload; a heartbeat renews it every third of this. */
  visibilityTimeoutSeconds: 30,
  /** Receives before SQS moves a message to the dead-letter queue (AWS advises at least 5). */
  maxReceiveCount: 8,
  /** Concurrency of a long-running worker for I/O-bound work. CPU-heavy work uses the number of CPUs. */
  ioConcurrency: 10,
  /** Messages in hand for every free slot. */
  prefetch: 1,
  /** Retention of the source queue: shorter than the dead-letter queue's, or messages arrive there expired. */
  retentionSeconds: 12 * DAY,
  /** Retention of the dead-letter queue. */
  deadLetterRetentionSeconds: 14 * DAY,
  /** Concurrent invocations of a Lambda function: one workload must not eat the account's. */
  maxConcurrency: 10,
  /** Memory of a Lambda function. */
  lambdaMemoryMb: 512,
  /** Memory of a container: the least that Fargate offers with one vCPU. */
  containerMemoryMb: 2_048,
} as const;

/** The two clocks of two machines may differ by this much without a lease being misread. */
export const CLOCK_SKEW_MS = 5_000;

/** No SQS message outlives this: its longest retention and an hour for good measure. Older without a record is LOST. */
export const MESSAGE_LIFETIME_MS = (14 * DAY + HOUR) * 1_000;

/**
 * A next attempt whose message is sent anew so long after it was due is noted in its record: the message lives on from there. Below
 * this the hour that MESSAGE_LIFETIME_MS has to spare covers it, a delay of 15 minutes included.
 */
export const RESEND_NOTED_AFTER_MS = 30 * MINUTE * 1_000;

/** A terminal record is kept at least this long: longer than any message that could repeat it. */
export const RECORD_LIFETIME_MS = 15 * DAY * 1_000;

/** Times a dead letter that no worker ever claimed is sent to its queue again. */
export const MAX_DEAD_LETTER_RESENDS = 3;

/**
 * Messages that may stand before one in its line of descent, and what an app may set instead. A line is as long as tasks send
 * tasks; Lambda's own guard would end it after some 16.
 */
export const MAX_HOPS = { default: 1_000, least: 1, most: 1_000_000 } as const;

/** Longest part of a failure that is stored, in characters. A DynamoDB item and a screen both end somewhere. */
export const FAILURE_LIMITS = { message: 4_096, stack: 8_192, causes: 3 } as const;

/** Longest part of a failure's message that a list of failures shows, in characters. */
export const FAILURE_SUMMARY_LENGTH = 120;

/** The index of failures (store/failures.ts). */
export const FAILURES_INDEX = {
  /**
   * Partitions that the failures of one day are spread over. A partition takes 1,000 writes a second ("Quotas in Amazon DynamoDB",
   * 2026-11), and an index that is full slows the writes of its table down: a storm of failures must not stop what succeeds.
   */
  shards: 8,
  /** Items of one Query: 100 entries of 250 bytes are 3 read units. */
  pageSize: 100,
} as const;

/** Failures that `lovage failures` shows, and tasks a second that `lovage redrive` sends, unless told otherwise. */
export const FAILURES_SHOWN = 50;
/** What broke them may have broken under their number: ten a second are 36,000 an hour, and seldom more than a service bears. */
export const REDRIVES_PER_SECOND = 10;

/** Groups that something waits for (core/join.ts). */
export const JOINS = {
  /** Members, or shards, that one shard of the tree counts: nothing is written more often than this for the first time. */
  fanOut: 64,
  /** Levels of the tree where nobody knows beforehand how many members come, and the most it has otherwise. */
  levels: 4,
  /** Most members: what four levels of 64 hold. */
  maxMembers: 64 ** 4,
  /** How long a join, and what is stored of a workflow, is kept after it was last written: each of its steps may wait 14 days. */
  lifetimeMs: 90 * DAY * 1_000,
  /** Members that the publisher of a stream sends between two checkpoints, at least; and the part of those before, if that is more. */
  checkpointEvery: 1_000,
  checkpointPart: 1 / 8,
  /** Largest part of a definition, and of what a join's head says of what follows, in bytes: no item is over 8 KB. */
  partBytes: 7 * 1_024,
  /** Between one look of the watchdog and the next: the longest that SQS delays a message. */
  watchSeconds: SQS.maxDelaySeconds,
} as const;

/** Looking at a workflow, and cancelling it. */
export const WORKFLOWS = {
  /** Members of a group that are shown one by one; of a larger one how many are in which state. */
  membersShown: 64,
  /** Failed members of such a larger one that are shown all the same. */
  failuresShown: 5,
  /** Members of a group that something waits for whose records are read; of a larger one its shards are, 64 members in each. */
  recordsRead: 10_000,
  /** Pages of 100 members that are read at once. */
  pages: 8,
  /** Members that are revoked at once. */
  lanes: 25,
} as const;

/** Reading what the members of a group gave. */
export const GROUPS = {
  /** Most results that a task is handed as an array, and the most bytes of JSON that all of them may have (32 MiB). */
  arrayMembers: 10_000,
  arrayBytes: 33_554_432,
  /** Members that have not ended which one look at a large group reads. */
  look: 10_000,
  /** Members that are revoked, or forgotten, at once. */
  lanes: 25,
} as const;

/** Deepest nesting of arrays and objects in arguments and results. */
export const MAX_JSON_DEPTH = 64;

/** What follows a group is stored once, and not in each member's message, where it is larger: in bytes of JSON. */
export const STORED_BODY_BYTES = 1_024;

/** Largest result kept in its record, in bytes of JSON: an item's limit less room for the rest of the record. */
export const MAX_RESULT_BYTES = DYNAMODB.maxItemBytes - 40_960;

/** How long a publish may take, retries included, before it fails with BrokerUnavailable. */
export const SEND_DEADLINE_MS = 10_000;

/**
 * Polling of `AsyncResult.get()`: first and longest pause, in milliseconds. `lastLook`: what a look that is under way when the
 * timeout comes is waited for, so that a table that does not answer holds nobody for longer. `outage`: how long a table that does
 * not answer is asked again where there is no timeout.
 */
export const RESULT_POLL_MS = { first: 20, longest: 1_000, factor: 1.5, lastLook: 2_000, outage: 60_000 } as const;

/**
 * How a worker ends after SIGTERM, part by part, once its grace is over. Whatever tasks, hooks and resources do, grace and
 * parts together fit into the longest time that ECS gives a container.
 */
export const WORKER_STOP = {
  /** To record what was interrupted and to give messages back; hooks and listeners are not waited for any longer than this. */
  settleSeconds: 8,
  /** To close processes and resources, with what listens to `workerShutdown`. Then the process ends, whatever still runs. */
  closeSeconds: 7,
  /** Left over, for the signal to arrive and the process to be gone. */
  spareSeconds: 5,
} as const;

export const WORKER_DEFAULTS = /* @__PURE__ */ (() =>
  ({
    /** Grace after SIGTERM: what ECS allows (stopTimeout), less the end. */
    graceSeconds:
      ECS.maxStopTimeoutSeconds - WORKER_STOP.settleSeconds - WORKER_STOP.closeSeconds - WORKER_STOP.spareSeconds,
    /** Long poll of ReceiveMessage. Shutdown waits for it, so it is shorter than SQS's 20 s. */
    waitSeconds: 10,
    /** A worker that has made no progress for this long says why and exits non-zero. */
    stallSeconds: 5 * MINUTE,
    /** How often metrics are written, where LOVAGE_METRICS asks for them. CloudWatch keeps one figure a minute. */
    metricsSeconds: MINUTE,
    /** Address of /healthz and /readyz, where a port is given. */
    healthHost: "0.0.0.0",
  }) as const)();

/**
 * Hooks and listeners of one ended task get this long together, those of a message that was received, or given back, too. Then
 * its slot is free again, and they are not waited for. On Lambda it is less where the function ends before, in a worker that
 * stops at most `WORKER_STOP.settleSeconds` after its grace.
 */
export const HOOKS_SECONDS = 30;

/** `lovage/testing` and eager mode. */
export const TESTING = {
  /** Messages that `drain()`, or one eager call, handles before it takes them for endless. */
  maxMessages: 1_000,
  /** What `drain()` waits, in real time, for a task that waits for something real. Test runners give a test 5 s. */
  patienceSeconds: 4,
} as const;

/** The pool of processes that runs a CPU-heavy workload. */
export const POOL = {
  /** Part of a container's memory that the heaps of all its processes share; the rest is for Buffers, code and the worker. */
  heapRatio: 0.9,
  /** Below this Node itself and a small app hardly load. */
  minHeapMb: 64,
  /** A process that has not loaded the app after this long will not: an import that waits for ever, or an endless loop in it. */
  loadSeconds: 2 * MINUTE,
  /** When the pool closes, a process without a job gets this long to close its resources. */
  farewellSeconds: 5,
} as const;

/** Seconds a message whose task is not registered stays away, receive by receive, before it fails: a deploy may be under way. */
export const UNKNOWN_TASK_PAUSES: readonly number[] = [10, 30, 60];

/** Largest message body kept with the record of a task that failed: an item's limit less room for the rest. */
export const MAX_KEPT_BODY_BYTES = DYNAMODB.maxItemBytes - 65_536;

/** Lambda and its event source mappings, as `lovage dev` plays them. Source: AWS Lambda developer guide (2026-11). */
export const LOCAL_LAMBDA = {
  /** Time to load a function ("Lambda runtime environment lifecycle": 10 s); a machine that also runs everything else gets more. */
  initSeconds: 30,
  memoryCheckMs: 100,
  /** A sandbox without work is ended after this. */
  idleSeconds: 5 * MINUTE,
  /** Concurrent batches a mapping starts with, and how many it adds every minute while there is a backlog ("Scaling behavior"). */
  firstConcurrency: 5,
  concurrencyPerMinute: 300,
  /** Most concurrent batches of one mapping. */
  maxConcurrency: 1_250,
} as const;

/**
 * Arguments and results that travel by reference (docs/payloads.md has the arithmetic, test/unit/payload-prices.test.ts
 * repeats it).
 */
export const PAYLOADS = {
  /**
   * Bytes of a message over which its arguments do: the most whole steps of SQS's bill of which a record can still keep a
   * dead letter. Up to there a send and a receive cost less than a PUT and a GET of S3.
   */
  argsOver: Math.floor(MAX_KEPT_BODY_BYTES / SQS.billedStepBytes) * SQS.billedStepBytes,
  /** Bytes of a result over which it does: twice the size at which S3 costs as much as DynamoDB's write units. */
  resultsOver: 16_384,
  /** Neither may be set lower: a reference takes a fifth of this. */
  leastBytes: 1_024,
  /**
   * Largest payload. S3 holds far more; memory does not: a worker has it as bytes, as text and as values, at its peak seven
   * times its size (measured), and this is what a Lambda function of 512 MB can hold once besides itself.
   */
  maxBytes: 32 * 1_048_576,
  /** Days an object may be kept for: each is one lifecycle rule of the bucket, and the first that suffices is taken. */
  keptDays: [16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096],
  /** How long one try may take, besides the time of its bytes. */
  tryMs: 5_000,
  /** Slowest link on which a payload still arrives. */
  bytesPerSecond: 1_048_576,
} as const;

/** What `lovage cost` takes for granted about tasks unless it is told. */
export const COST_DEFAULTS = /* @__PURE__ */ (() =>
  ({
    durationSeconds: 0.2,
    /** Of JSON. */
    argsBytes: 500,
    resultBytes: 200,
    /** Tasks that share a request: what SQS takes. */
    together: SQS.maxBatchEntries,
    /** Looks at a result. */
    reads: 1,
    tasksPerMonth: 1_000_000,
  }) as const)();

/** When an alarm of `TaskApp` goes off, unless the deployment says otherwise. */
export const ALARM_DEFAULTS = /* @__PURE__ */ (() =>
  ({
    /** Waiting tasks: busy, behind, out of hand. */
    queueDepths: [100, 500, 1_000],
    /** Minutes in a row: a burst that is worked off meanwhile is no alarm. */
    queueDepthMinutes: 5,
    /** Age of the oldest message. A wished delay counts, and SQS allows 15 minutes of it: those and 5 more. */
    ageOfOldestSeconds: SQS.maxDelaySeconds + 5 * MINUTE,
    /** Dead letters in a minute, there or passing through. */
    deadLetters: 1,
    /** Tasks wait, and none is done with for this long. */
    noProgressSeconds: 15 * MINUTE,
    /** Tasks wait, and no container runs for this long: twice what waking up from zero takes. */
    noWorkersSeconds: 10 * MINUTE,
    /** Failed invocations of a function in a minute. No task's failure is one. */
    errors: 1,
    /** Throttled invocations in a minute. */
    throttles: 1,
    /** Messages in flight: 80 % of what SQS allows. */
    inFlight: 0.8 * SQS.maxInFlight,
    /** Invocations that Lambda dropped as recursive, in a minute. */
    recursion: 1,
    /** Throttled reads and writes of the table in a minute. */
    tableThrottles: 1,
  }) as const)();

/**
 * The alarms of a workload, by its kind, and of the app, with the number of metrics that each evaluates: CloudWatch bills an
 * alarm by its metrics. `queueDepth` is there once for each of the depths. Those that scale: CONTAINER_SCALING.
 */
export const ALARM_METRICS = {
  lambda: {
    queueDepth: 1,
    ageOfOldest: 1,
    deadLetters: 3,
    noProgress: 2,
    errors: 1,
    deadLetterErrors: 1,
    throttles: 1,
    inFlight: 1,
    recursion: 1,
  },
  fargate: {
    queueDepth: 1,
    ageOfOldest: 1,
    deadLetters: 3,
    noProgress: 2,
    noWorkers: 2,
    deadLetterErrors: 1,
    inFlight: 1,
  },
  app: { tableThrottles: 4 },
} as const;
