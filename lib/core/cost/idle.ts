// A month in which nothing is sent: no compute runs, and what remains is this.
import { ALARM_DEFAULTS, ALARM_METRICS, CONTAINER_SCALING, SQS } from "../../defaults.ts";
import { type CostLine, line } from "./line.ts";
import { GB, MONTH_SECONDS, POLLERS, SIZES } from "./sizes.ts";

export interface IdleOptions {
  /** Depths that raise an alarm, each its own. @default - 100, 500 and 1,000 */
  readonly queueDepths?: readonly number[];
}

/** Of one workload. */
export function idleMonth(
  kind: "lambda" | "fargate",
  { queueDepths = ALARM_DEFAULTS.queueDepths }: IdleOptions = {},
): readonly CostLine[] {
  const polls = (POLLERS * MONTH_SECONDS) / SQS.maxWaitSeconds;
  const polling = `${POLLERS} long polls of ${SQS.maxWaitSeconds} s, which Lambda keeps open`;
  const { queueDepth, ...others } = ALARM_METRICS[kind];
  const alarms = sum(Object.values(others)) + queueDepth * queueDepths.length;
  const named = Object.keys(others).length + queueDepths.length;
  const scaling = sum(Object.values(CONTAINER_SCALING.alarmMetrics));
  return [
    ...(kind === "lambda"
      ? [
          line("Lambda compute", 0, "lambdaCompute", "no function runs"),
          line("polling of the queue", polls, "sqsRequest", polling),
        ]
      : [
          line("Fargate vCPU", 0, "fargateVcpu", "no container runs, so nothing polls the queue"),
          line("container image", SIZES.image / GB, "image", `one of ${SIZES.image / 1_000_000} MB`),
          line("scaling", scaling, "alarmMetric", "two alarms, which start and stop the containers"),
        ]),
    line("polling of the dead-letter queue", polls, "sqsRequest", polling),
    line("alarms", alarms, "alarmMetric", `${named} alarms, billed for each metric they look at`),
  ];
}

/** Of the app, whatever workloads it has. */
export function idleMonthOfApp(): readonly CostLine[] {
  return [
    line("dashboard", 1, "dashboard", "one for the app"),
    line(
      "alarms of the table",
      sum(Object.values(ALARM_METRICS.app)),
      "alarmMetric",
      "billed for each metric they look at",
    ),
    line("DynamoDB storage", 0, "tableStorage", "records of before have expired"),
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, one) => total + one, 0);
}
