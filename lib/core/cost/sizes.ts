// Sizes and times that nobody can know before the tasks run. test/behaviour/cost.test.ts measures what can be measured here;
// the times of AWS's answers are guesses, and small.

/** Bytes. */
export const SIZES = {
  /** A message without its arguments: Celery's headers, ids, the queue. */
  envelope: 460,
  /** A finished record without its result, names of task, workload and worker of usual length included. */
  record: 300,
  /** What stands for a payload in a message or a record. */
  reference: 200,
  /** DynamoDB adds this to the stored size of each item ("Estimating item sizes"). */
  itemOverhead: 100,
  /** The line a worker logs for a run, with what CloudWatch adds to each event (26 bytes). */
  logLine: 220,
  /** Lambda's START, END and REPORT of an invocation. */
  invocationLog: 380,
  /** A document of metrics in the embedded metric format, with what CloudWatch adds to each event. */
  metricsDocument: 450,
  /** What a task adds to one. */
  metricsOfTask: 18,
  /** A container's image, compressed. */
  image: 250_000_000,
} as const;

/** Seconds. */
export const TIMES = {
  /** An invocation's own work. */
  invocation: 0.005,
  /** An answer of DynamoDB, for which the claim and the finish wait. */
  write: 0.005,
} as const;

/** A month of 30 days, as prices by the month are divided. */
export const MONTH_SECONDS = 30 * 86_400;

/** Bytes of a GB: the smaller of the two that are in use, so that nothing looks cheaper than it is. */
export const GB = 1_000_000_000;

/** Expired items are removed "within a few days" (DynamoDB, "Time to Live"). */
export const REMOVED_AFTER_DAYS = 2;

/** An event source mapping with a maximum concurrency keeps this many long polls open, messages or none. */
export const POLLERS = 5;
