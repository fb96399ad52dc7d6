// Alarms on the queues of a workload, whoever works on them.
import { MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import { SQS } from "../../lib/defaults.ts";
import type { AlarmSettings } from "./alarm-options.ts";
import { type AlarmDefinition, inMinutes, minutesOf, type WorkloadTargets, when } from "./alarms.ts";
import { MINUTE, queueCount, queueMetric } from "./metrics.ts";

type Names = Pick<WorkloadTargets, "queueName" | "deadLetterQueueName">;

export function queueAlarms(names: Names, settings: AlarmSettings): readonly AlarmDefinition[] {
  return [
    ...[...settings.queueDepths].sort((a, b) => a - b).map((depth) => queueDepth(names, settings, depth)),
    ...when(settings.ageOfOldestSeconds, (seconds) => ageOfOldest(names, seconds)),
    ...when(settings.deadLetters, (count) => deadLetters(names, count)),
    ...when(settings.noProgressSeconds, (seconds) => noProgress(names, seconds)),
    ...when(settings.inFlight, (count) => inFlight(names, count)),
  ];
}

function queueDepth(
  { queueName }: Names,
  { queueDepthMinutes: minutes }: AlarmSettings,
  depth: number,
): AlarmDefinition {
  return {
    kind: "queueDepth",
    id: `QueueDepth${depth}`,
    metric: queueMetric(queueName, "ApproximateNumberOfMessagesVisible"),
    threshold: depth,
    minutes,
    description: `${depth} or more tasks have been waiting in ${queueName} for ${minutes} minutes: too few workers, or none. Look first whether the number still grows, and whether workers run (dashboard: depth, concurrency).`,
  };
}

/** Without messages that were received more than three times: SQS leaves them out. Those end in deadLetters. */
function ageOfOldest({ queueName }: Names, seconds: number): AlarmDefinition {
  return {
    kind: "ageOfOldest",
    id: "AgeOfOldest",
    metric: queueMetric(queueName, "ApproximateAgeOfOldestMessage"),
    threshold: seconds,
    minutes: 1,
    description: `The oldest task in ${queueName} was sent ${inMinutes(seconds)} ago or more, and is not done: workers fall behind, or one task takes that long. Look first at the number of waiting tasks. Messages received more than three times are not counted here.`,
  };
}

/**
 * Dead letters that are there, in hand or not, or were received in that minute: the consumer of the dead-letter queue takes
 * them within a second, and a look at the waiting ones alone would miss most. Moves by the redrive policy are not counted as
 * messages sent, so that metric would never do.
 */
function deadLetters({ deadLetterQueueName }: Names, count: number): AlarmDefinition {
  return {
    kind: "deadLetters",
    id: "DeadLetters",
    metric: new MathExpression({
      expression: "IF(visible + inFlight > received, visible + inFlight, received)",
      usingMetrics: {
        visible: queueMetric(deadLetterQueueName, "ApproximateNumberOfMessagesVisible"),
        inFlight: queueMetric(deadLetterQueueName, "ApproximateNumberOfMessagesNotVisible"),
        received: queueCount(deadLetterQueueName, "NumberOfMessagesReceived"),
      },
      label: "dead letters",
      period: MINUTE,
    }),
    threshold: count,
    minutes: 1,
    description: `${count} or more tasks came to ${deadLetterQueueName}: their workers died, or could not be started, as often as the queue allows. Look first at "lovage failures --dead-letters"; those that stay in the queue could not even be recorded.`,
  };
}

/**
 * No deletion counts as none whether SQS says 0 or nothing: that gap is bad, so it is filled, while a gap in what waits is
 * not. Where nothing is known of the whole queue it has been idle for six hours, and all is well.
 */
function noProgress({ queueName }: Names, seconds: number): AlarmDefinition {
  return {
    kind: "noProgress",
    id: "NoProgress",
    metric: new MathExpression({
      expression: "IF(visible > 0, FILL(deleted, 0) == 0, 0)",
      usingMetrics: {
        visible: queueMetric(queueName, "ApproximateNumberOfMessagesVisible"),
        deleted: queueCount(queueName, "NumberOfMessagesDeleted"),
      },
      label: "waiting, and none done",
      period: MINUTE,
    }),
    threshold: 1,
    minutes: minutesOf(seconds),
    description: `Tasks wait in ${queueName}, and not one was done with for ${inMinutes(seconds)}: nobody consumes them, or every worker is stuck. Look first whether any worker runs (dashboard: concurrency), then at its log.`,
  };
}

function inFlight({ queueName }: Names, count: number): AlarmDefinition {
  return {
    kind: "inFlight",
    id: "InFlight",
    metric: queueMetric(queueName, "ApproximateNumberOfMessagesNotVisible"),
    threshold: count,
    minutes: 1,
    description: `${count} or more messages of ${queueName} are in flight; at ${SQS.maxInFlight} SQS hands out no more. Look first for workers that receive and do not finish, and for many short retries, which are in flight while they wait.`,
  };
}
