// Metrics by name, for names are fixed: what watches a queue, a function, a service or a table need not have it in its stack.
// A minute is the shortest period that all of these services publish.
import { Duration } from "aws-cdk-lib";
import { Metric, Stats } from "aws-cdk-lib/aws-cloudwatch";
import { METRICS } from "../../lib/core/metrics.ts";
import { TABLE } from "../../lib/store/table.ts";

export const MINUTE = Duration.minutes(1);

type QueueMetric =
  | "ApproximateNumberOfMessagesVisible"
  | "ApproximateNumberOfMessagesNotVisible"
  | "ApproximateNumberOfMessagesDelayed"
  | "ApproximateAgeOfOldestMessage";
type QueueCount =
  | "NumberOfMessagesSent"
  | "NumberOfMessagesReceived"
  | "NumberOfMessagesDeleted"
  | "NumberOfEmptyReceives";

/** A state of a queue, at its highest in each minute. */
export function queueMetric(queueName: string, metricName: QueueMetric, label?: string): Metric {
  return metric("AWS/SQS", metricName, Stats.MAXIMUM, { QueueName: queueName }, label);
}

/** What happened to a queue in each minute. */
export function queueCount(queueName: string, metricName: QueueCount, label?: string): Metric {
  return metric("AWS/SQS", metricName, Stats.SUM, { QueueName: queueName }, label);
}

export function lambdaCount(
  functionName: string,
  metricName: "Invocations" | "Errors" | "Throttles" | "RecursiveInvocationsDropped",
  label?: string,
): Metric {
  return metric("AWS/Lambda", metricName, Stats.SUM, { FunctionName: functionName }, label);
}

export function lambdaConcurrency(functionName: string, label?: string): Metric {
  return metric("AWS/Lambda", "ConcurrentExecutions", Stats.MAXIMUM, { FunctionName: functionName }, label);
}

/** Milliseconds that a function ran in each minute, all invocations together. */
export function lambdaDuration(functionName: string): Metric {
  return metric("AWS/Lambda", "Duration", Stats.SUM, { FunctionName: functionName });
}

/**
 * Containers that run. ECS publishes their number only with Container Insights, which costs; but every running task gives one
 * sample of its service's CPU a minute ("Service RUNNING task count"). While none runs there is no data.
 */
export function runningContainers(clusterName: string, serviceName: string, label?: string): Metric {
  return metric(
    "AWS/ECS",
    "CPUUtilization",
    Stats.SAMPLE_COUNT,
    { ClusterName: clusterName, ServiceName: serviceName },
    label,
  );
}

export function tableCount(
  tableName: string,
  metricName: "ConsumedReadCapacityUnits" | "ConsumedWriteCapacityUnits" | "ReadThrottleEvents" | "WriteThrottleEvents",
  label?: string,
): Metric {
  return metric("AWS/DynamoDB", metricName, Stats.SUM, { TableName: tableName }, label);
}

/** Of the index over failed tasks, whose throttles DynamoDB counts apart from the table's. */
export function indexCount(
  tableName: string,
  metricName: "ConsumedReadCapacityUnits" | "ConsumedWriteCapacityUnits" | "ReadThrottleEvents" | "WriteThrottleEvents",
  label?: string,
): Metric {
  const dimensions = { TableName: tableName, GlobalSecondaryIndexName: TABLE.failures.index };
  return metric("AWS/DynamoDB", metricName, Stats.SUM, dimensions, label);
}

/** What the workers of a workload report themselves. */
export function workerMetric(
  app: string,
  workload: string,
  metricName: "duration" | "queueLatency" | "retries" | "failures" | "successes",
  statistic: string,
  label?: string,
): Metric {
  const { dimensions } = METRICS;
  return metric(
    METRICS.namespace,
    METRICS[metricName],
    statistic,
    { [dimensions.app]: app, [dimensions.workload]: workload },
    label,
  );
}

function metric(
  namespace: string,
  metricName: string,
  statistic: string,
  dimensionsMap: Record<string, string>,
  label?: string,
): Metric {
  return new Metric({ namespace, metricName, statistic, dimensionsMap, period: MINUTE, ...(label && { label }) });
}
