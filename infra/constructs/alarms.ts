// Which alarms there are, as values: what each watches, from where on, and what it says. monitoring.ts makes constructs of them.
//
// Two things of CloudWatch shape every formula. A metric without data points says nothing: an idle queue's metrics end after
// six hours, throttles are published only while there are some. And the newest minute may not be there yet: FILL would put
// its value into that very minute, and an alarm that looks at it alone would never see anything else. So what says that
// something is wrong is never filled, and what is filled ends in an alarm that looks at more minutes than it needs.
import type { IMetric } from "aws-cdk-lib/aws-cloudwatch";
import type { ALARM_METRICS } from "../../lib/defaults.ts";

/** A key of ALARM_METRICS, which says how many metrics each is billed for. */
export type AlarmKind = {
  [K in keyof typeof ALARM_METRICS]: keyof (typeof ALARM_METRICS)[K];
}[keyof typeof ALARM_METRICS];

export interface AlarmDefinition {
  readonly kind: AlarmKind;
  /** Id of the construct, and the end of the alarm's name. */
  readonly id: string;
  readonly metric: IMetric;
  /** Goes off from here on. */
  readonly threshold: number;
  /** Minutes that are looked at. */
  readonly minutes: number;
  /** Of those, the minutes that have to be bad. @default - all */
  readonly badMinutes?: number;
  /** What it means, and what to look at first. */
  readonly description: string;
}

interface QueueTargets {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  /** The function on the dead-letter queue. @default - named as the queue */
  readonly deadLetterFunctionName?: string;
}

export interface LambdaTargets extends QueueTargets {
  readonly kind: "lambda";
  /** @default - named as the queue */
  readonly functionName?: string;
}

export interface FargateTargets extends QueueTargets {
  readonly kind: "fargate";
  readonly clusterName: string;
  /** @default - named as the queue */
  readonly serviceName?: string;
}

/** What alarms watch, by physical names. */
export type WorkloadTargets = LambdaTargets | FargateTargets;

/** An alarm's name in CloudWatch. `of` is what it belongs to: a queue or a table. */
export function alarmName(of: string, { id }: Pick<AlarmDefinition, "id">): string {
  return `${of}-${id}`;
}

export function when<T>(setting: T | "off", alarm: (value: T) => AlarmDefinition): AlarmDefinition[] {
  return setting === "off" ? [] : [alarm(setting)];
}

/** Evaluation periods of a time span. */
export function minutesOf(seconds: number): number {
  return Math.ceil(seconds / 60);
}

export function inMinutes(seconds: number): string {
  return `${minutesOf(seconds)} minutes`;
}
