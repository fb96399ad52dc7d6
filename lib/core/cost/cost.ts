// What the tasks of a workload cost: a million of them, and the month in which there are any. They differ in their options:
// each has an equal part of the million.
import type { PayloadLimits } from "../../store/payload.ts";
import { METRICS } from "../metrics.ts";
import { assumptions } from "./assumptions.ts";
import { type CostLine, line } from "./line.ts";
import type { Priced } from "./prices.ts";
import { type CostedTask, type CostedWorkload, type Usage, usageOf, type Work } from "./usage.ts";

export interface Mix {
  readonly workload: CostedWorkload;
  /** At least one. */
  readonly tasks: readonly CostedTask[];
  readonly work: Work;
  readonly payloads?: PayloadLimits | undefined;
}

const MILLION = 1_000_000;

/** What is billed for a task, in the order of its life. */
const BILLED: readonly (readonly [keyof Usage, what: string, Priced])[] = [
  ["sends", "SQS sends", "sqsRequest"],
  ["receives", "SQS receives", "sqsRequest"],
  ["deletes", "SQS deletes", "sqsRequest"],
  ["visibilityChanges", "SQS heartbeats", "sqsRequest"],
  ["puts", "S3 writes", "s3Put"],
  ["gets", "S3 reads", "s3Get"],
  ["objects", "S3 storage", "s3Storage"],
  ["writes", "DynamoDB writes", "writeUnit"],
  ["heartbeats", "DynamoDB heartbeats", "writeUnit"],
  ["reads", "DynamoDB reads", "readUnit"],
  ["records", "DynamoDB storage", "tableStorage"],
  ["invocations", "Lambda requests", "lambdaRequest"],
  ["compute", "Lambda compute", "lambdaCompute"],
  ["vcpu", "Fargate vCPU", "fargateVcpu"],
  ["memory", "Fargate memory", "fargateMemory"],
  ["addresses", "public IPv4 address", "publicAddress"],
  ["logs", "CloudWatch logs", "logs"],
];

/** Of each workload, and of each task. */
const REPORTED = [METRICS.duration, METRICS.queueLatency, METRICS.retries, METRICS.failures, METRICS.successes];

/** Lines of a million tasks; what is not used has none. Throws InvalidOption for tasks that cannot be. */
export function perMillion(mix: Mix): readonly CostLine[] {
  const used = mean(mix.tasks.map((task) => usageOf(task, mix.workload, mix.work, mix.payloads)));
  const why = assumptions(mix);
  return BILLED.filter(([key]) => used[key] > 0).map(([key, what, priced]) =>
    line(what, used[key] * MILLION, priced, why[key]),
  );
}

/** Metrics are billed by the month in which they are reported: those of the workload, and of each of its tasks. */
export function busyMonth(tasks: number): readonly CostLine[] {
  const each = REPORTED.length;
  const assumption = `${each} of the workload, ${each} of each task, reported at every hour; LOVAGE_METRICS=off: none`;
  return [line("CloudWatch metrics", each * (1 + tasks), "customMetric", assumption)];
}

function mean(all: readonly Usage[]): Usage {
  const sum = { ...all[0] } as { -readonly [K in keyof Usage]: number }; // there is at least one
  for (const key of BILLED.map(([key]) => key)) sum[key] = all.reduce((sofar, one) => sofar + one[key], 0) / all.length;
  return sum;
}
