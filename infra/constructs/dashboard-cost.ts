// What an hour costs at the rate of each minute, as metric math. An estimate: every message is counted as a request of its
// own, though ten may share one, and free tiers, logs and transfer are not in it.
import { type IMetric, MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import type { WorkloadTargets } from "./alarms.ts";
import type { DashboardPrices } from "./dashboard.ts";
import {
  indexCount,
  lambdaCount,
  lambdaDuration,
  MINUTE,
  queueCount,
  runningContainers,
  tableCount,
} from "./metrics.ts";
import type { WorkloadSettings } from "./validate.ts";

const MINUTES_AN_HOUR = 60;
const MB_A_GB = 1_024;
const MS_A_SECOND = 1_000;

/** The queue's requests and what runs. */
export function hourlyCostOfWorkload(
  targets: WorkloadTargets,
  settings: WorkloadSettings,
  prices: DashboardPrices,
): IMetric {
  const { queueName } = targets;
  const queue = {
    sent: queueCount(queueName, "NumberOfMessagesSent"),
    received: queueCount(queueName, "NumberOfMessagesReceived"),
    deleted: queueCount(queueName, "NumberOfMessagesDeleted"),
    empty: queueCount(queueName, "NumberOfEmptyReceives"),
  };
  const requests = `${decimal(MINUTES_AN_HOUR * each(prices.sqsRequest))} * (${sum(queue)})`;
  const gb = settings.memoryMb / MB_A_GB;
  if (targets.kind === "lambda") {
    const { functionName = queueName } = targets;
    const invocation = decimal(MINUTES_AN_HOUR * each(prices.lambdaRequest));
    const millisecond = decimal((MINUTES_AN_HOUR * gb * each(prices.lambdaCompute)) / MS_A_SECOND);
    return dollars(`${requests} + ${invocation} * FILL(invocations, 0) + ${millisecond} * FILL(ran, 0)`, {
      ...queue,
      invocations: lambdaCount(functionName, "Invocations"),
      ran: lambdaDuration(functionName),
    });
  }
  const { clusterName, serviceName = queueName } = targets;
  const container = decimal((settings.fargate?.cpu ?? 0) * each(prices.fargateVcpu) + gb * each(prices.fargateMemory));
  return dollars(`${requests} + ${container} * FILL(running, 0)`, {
    ...queue,
    running: runningContainers(clusterName, serviceName),
  });
}

export function hourlyCostOfTable(tableName: string, prices: DashboardPrices): IMetric {
  const reads = {
    reads: tableCount(tableName, "ConsumedReadCapacityUnits"),
    indexReads: indexCount(tableName, "ConsumedReadCapacityUnits"),
  };
  const writes = {
    writes: tableCount(tableName, "ConsumedWriteCapacityUnits"),
    indexWrites: indexCount(tableName, "ConsumedWriteCapacityUnits"),
  };
  const read = decimal(MINUTES_AN_HOUR * each(prices.readUnit));
  const write = decimal(MINUTES_AN_HOUR * each(prices.writeUnit));
  return dollars(`${read} * (${sum(reads)}) + ${write} * (${sum(writes)})`, { ...reads, ...writes });
}

function each({ usd, per }: { readonly usd: number; readonly per: number }): number {
  return usd / per;
}

/** Gaps are zeros here: what was not done costs nothing. */
function sum(metrics: Readonly<Record<string, IMetric>>): string {
  return Object.keys(metrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(" + ");
}

function dollars(expression: string, usingMetrics: Record<string, IMetric>): IMetric {
  return new MathExpression({ expression, usingMetrics, period: MINUTE, label: "an hour" });
}

/** Without an exponent, which metric math does not know. A price per request has seven decimals, one per millisecond twelve. */
function decimal(value: number): string {
  return value.toFixed(12).replace(/\.?0+$/, "");
}
