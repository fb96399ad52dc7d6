// Alarms on what works: the function or the containers of a workload, and the function on its dead-letter queue.
import { MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import type { AlarmSettings } from "./alarm-options.ts";
import {
  type AlarmDefinition,
  type FargateTargets,
  inMinutes,
  type LambdaTargets,
  minutesOf,
  type WorkloadTargets,
  when,
} from "./alarms.ts";
import { lambdaCount, MINUTE, queueMetric, runningContainers } from "./metrics.ts";

export function workerAlarms(targets: WorkloadTargets, settings: AlarmSettings): readonly AlarmDefinition[] {
  return [
    ...(targets.kind === "lambda" ? functionAlarms(targets, settings) : containerAlarms(targets, settings)),
    ...when(settings.errors, (count) => deadLetterErrors(targets, count)),
  ];
}

/** A task that fails is no error of its function. What is left: timeout, out of memory, failed start, and a back end that is down. */
function functionAlarms(
  { queueName, functionName = queueName }: LambdaTargets,
  settings: AlarmSettings,
): AlarmDefinition[] {
  return [
    ...when(settings.errors, (count) => ({
      kind: "errors",
      id: "Errors",
      metric: lambdaCount(functionName, "Errors"),
      threshold: count,
      minutes: 1,
      description: `Function ${functionName} failed ${count} or more times in a minute. Tasks that fail are not counted: it ran out of time or memory, could not start, or could not reach SQS or DynamoDB. Look first at the last lines of /aws/lambda/${functionName}.`,
    })),
    ...when(settings.throttles, (count) => ({
      kind: "throttles",
      id: "Throttles",
      metric: lambdaCount(functionName, "Throttles"),
      threshold: count,
      // A few while it scales are normal; all of them use up receives of messages that never reach a task.
      minutes: 5,
      badMinutes: 3,
      description: `Function ${functionName} was throttled ${count} or more times a minute in 3 of 5 minutes. Look first at the account's concurrency and at the function's reserved concurrency: maxConcurrency has to fit into both.`,
    })),
    ...when(settings.recursion, (count) => ({
      kind: "recursion",
      id: "Recursion",
      metric: lambdaCount(functionName, "RecursiveInvocationsDropped"),
      threshold: count,
      minutes: 1,
      description: `Lambda dropped ${count} or more invocations of ${functionName} as recursive, about 16 hops into a chain of tasks; their messages go to the dead-letter queue. Look first whether the function's recursion control is still "Allow".`,
    })),
  ];
}

/** A dead worker is replaced, and its tasks are delivered again: what nothing mends is a service of which none runs. */
function containerAlarms(targets: FargateTargets, settings: AlarmSettings): AlarmDefinition[] {
  const { queueName, serviceName = queueName, clusterName } = targets;
  return when(settings.noWorkersSeconds, (seconds) => ({
    kind: "noWorkers",
    id: "NoWorkers",
    metric: new MathExpression({
      expression: "IF(visible > 0, FILL(running, 0) == 0, 0)",
      usingMetrics: {
        visible: queueMetric(queueName, "ApproximateNumberOfMessagesVisible"),
        running: runningContainers(clusterName, serviceName),
      },
      label: "waiting, and no container",
      period: MINUTE,
    }),
    threshold: 1,
    minutes: minutesOf(seconds),
    description: `Tasks wait in ${queueName}, and no container of service ${serviceName} in cluster ${clusterName} ran for ${inMinutes(seconds)}: it does not start, ends at once, or is not scaled up. Look first at the service's events and at the stopped tasks' reasons.`,
  }));
}

/** On either kind of workload. */
function deadLetterErrors(targets: WorkloadTargets, count: number): AlarmDefinition {
  const { deadLetterQueueName, deadLetterFunctionName: name = deadLetterQueueName } = targets;
  return {
    kind: "deadLetterErrors",
    id: "DeadLetterErrors",
    metric: lambdaCount(name, "Errors"),
    threshold: count,
    minutes: 1,
    description: `Function ${name}, which records what ends in ${deadLetterQueueName}, failed ${count} or more times in a minute: those tasks have no ending yet, and their messages stay. Look first at the last lines of /aws/lambda/${name}.`,
  };
}
