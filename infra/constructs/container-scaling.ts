// Containers by backlog, from zero and to zero. Two alarms, and for each a policy that says how many are to run:
//
//   backlog   at least one message waits or is in flight    as many as scaling-steps.ts says, again every minute
//   idle      none for CONTAINER_SCALING.idleMinutes        zero
//
// Up at once, down one step in five minutes. A step down may meet workers that are busy: they are protected, ECS takes idle ones,
// and the rest when they are done. So nothing under way is stopped, unless it goes on for longer than its protection, which is
// only refused to be renewed while more are protected than are to run; then it is drained, and its tasks run again elsewhere.
import { Duration } from "aws-cdk-lib";
import { CfnScalableTarget, CfnScalingPolicy } from "aws-cdk-lib/aws-applicationautoscaling";
import { Alarm, ComparisonOperator, MathExpression, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import type { FargateService, ICluster } from "aws-cdk-lib/aws-ecs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { CONTAINER_SCALING } from "../../lib/defaults.ts";
import { scalingSteps } from "./scaling-steps.ts";

export interface ContainerScalingProps {
  readonly cluster: ICluster;
  readonly service: FargateService;
  readonly queue: IQueue;
  readonly queueName: string;
  /** Runs at a time in one container. */
  readonly slots: number;
  readonly maxWorkers: number;
}

const MINUTE = Duration.minutes(1);

export class ContainerScaling extends Construct {
  /** In ALARM while there is something to do. */
  readonly backlog: Alarm;
  /** In ALARM while there is nothing to do. */
  readonly idle: Alarm;

  constructor(scope: Construct, id: string, props: ContainerScalingProps) {
    super(scope, id);
    const { queueName, slots, maxWorkers } = props;
    const { idleMinutes } = CONTAINER_SCALING;
    const target = new CfnScalableTarget(this, "Target", {
      serviceNamespace: "ecs",
      scalableDimension: "ecs:service:DesiredCount",
      resourceId: `service/${props.cluster.clusterName}/${props.service.serviceName}`,
      minCapacity: 0,
      maxCapacity: maxWorkers,
    });
    const metric = backlogMetric(props.queue);
    const shared = { metric, treatMissingData: TreatMissingData.NOT_BREACHING }; // no number is no reason to do anything
    this.backlog = new Alarm(this, "Backlog", {
      ...shared,
      threshold: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      alarmDescription: `Starts workers of ${queueName}: it is in ALARM while there is something to do. Nothing is wrong.`,
    });
    this.idle = new Alarm(this, "Idle", {
      ...shared,
      threshold: 0,
      comparisonOperator: ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: idleMinutes,
      alarmDescription: `Stops the last workers of ${queueName}: it is in ALARM while there has been nothing to do for ${idleMinutes} minutes. Nothing is wrong.`,
    });
    const steps = scalingSteps(slots, maxWorkers);
    // Bounds count from the alarm's threshold, which is 1; the upper one is the next step's.
    const adjustments = steps.map(({ from, workers }, i) => {
      const next = steps[i + 1];
      return {
        metricIntervalLowerBound: from - 1,
        ...(next && { metricIntervalUpperBound: next.from - 1 }),
        scalingAdjustment: workers,
      };
    });
    this.#act(this.backlog, target, "ByBacklog", adjustments);
    this.#act(this.idle, target, "ToZero", [{ metricIntervalUpperBound: 0, scalingAdjustment: 0 }]);
  }

  #act(
    alarm: Alarm,
    target: CfnScalableTarget,
    id: string,
    stepAdjustments: CfnScalingPolicy.StepAdjustmentProperty[],
  ): void {
    const policy = new CfnScalingPolicy(this, id, {
      policyName: id,
      policyType: "StepScaling",
      scalingTargetId: target.ref,
      stepScalingPolicyConfiguration: {
        adjustmentType: "ExactCapacity",
        metricAggregationType: "Maximum",
        cooldown: CONTAINER_SCALING.scaleInPauseSeconds,
        stepAdjustments,
      },
    });
    alarm.addAlarmAction({ bind: () => ({ alarmActionArn: policy.ref }) });
  }
}

/** What waits and what is in flight. SQS reports the second only while there is some, the first as long as the queue is used. */
function backlogMetric(queue: IQueue): MathExpression {
  const asked = { period: MINUTE, statistic: "Maximum" };
  return new MathExpression({
    expression: "visible + FILL(inFlight, 0)",
    label: "waiting and in flight",
    period: MINUTE,
    usingMetrics: {
      visible: queue.metricApproximateNumberOfMessagesVisible(asked),
      inFlight: queue.metricApproximateNumberOfMessagesNotVisible(asked),
    },
  });
}
