// Alarms of one workload. Metrics of SQS come every minute and are approximate.
import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, type IAlarmAction, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { ALARM_DEFAULTS } from "../../lib/defaults.ts";

export interface AlarmOptions {
  /** Depths of the queue that raise an alarm, each its own; none: an empty array. @default - 100, 500 and 1,000 */
  readonly queueDepths?: readonly number[];
  /** What every alarm does, such as a notification. @default - nothing: it is seen in CloudWatch only */
  readonly actions?: readonly IAlarmAction[];
}

const MINUTE = Duration.minutes(1);
// No traffic, no data points: that is no reason for an alarm.
const AT_LEAST = {
  comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  treatMissingData: TreatMissingData.NOT_BREACHING,
} as const;

export interface AlarmTargets {
  readonly queue: IQueue;
  readonly queueName: string;
  readonly deadLetterQueue: IQueue;
  readonly deadLetterQueueName: string;
}

/** One alarm for each depth, lowest first, and one for dead letters. */
export function addAlarms(scope: Construct, targets: AlarmTargets, options: AlarmOptions): readonly Alarm[] {
  const alarms = [
    ...[...(options.queueDepths ?? ALARM_DEFAULTS.queueDepths)]
      .sort((a, b) => a - b)
      .map((depth) => depthAlarm(scope, targets, depth)),
    deadLetterAlarm(scope, targets),
  ];
  for (const alarm of alarms) alarm.addAlarmAction(...(options.actions ?? []));
  return alarms;
}

function depthAlarm(scope: Construct, { queue, queueName }: AlarmTargets, depth: number): Alarm {
  const minutes = ALARM_DEFAULTS.queueDepthMinutes;
  return new Alarm(scope, `QueueDepth${depth}`, {
    ...AT_LEAST,
    metric: queue.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" }),
    threshold: depth,
    evaluationPeriods: minutes,
    alarmDescription: `${depth} or more tasks have been waiting in ${queueName} for ${minutes} minutes: too few workers, or none.`,
  });
}

/** On the number that is there: moves by the redrive policy are not counted as messages sent. */
function deadLetterAlarm(scope: Construct, { deadLetterQueue, deadLetterQueueName }: AlarmTargets): Alarm {
  return new Alarm(scope, "DeadLetters", {
    ...AT_LEAST,
    metric: deadLetterQueue.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" }),
    threshold: ALARM_DEFAULTS.deadLetters,
    evaluationPeriods: 1,
    alarmDescription: `Tasks are in ${deadLetterQueueName}: their workers died, or could not be started, as often as the queue allows.`,
  });
}
