// The rows of the dashboard, each a heading and graphs in lines of 24 columns.
import { ArnFormat, Stack } from "aws-cdk-lib";
import {
  Alarm,
  AlarmStatusWidget,
  Color,
  GraphWidget,
  type HorizontalAnnotation,
  type IMetric,
  type IWidget,
  MathExpression,
  TextWidget,
} from "aws-cdk-lib/aws-cloudwatch";
import type { Construct } from "constructs";
import { type AlarmDefinition, alarmName, type WorkloadTargets } from "./alarms.ts";
import type { DashboardProps } from "./dashboard.ts";
import { hourlyCostOfTable, hourlyCostOfWorkload } from "./dashboard-cost.ts";
import {
  indexCount,
  lambdaConcurrency,
  MINUTE,
  queueCount,
  queueMetric,
  runningContainers,
  tableCount,
  workerMetric,
} from "./metrics.ts";
import { tableAlarms } from "./table-alarms.ts";
import type { WorkloadSettings } from "./validate.ts";
import { targetsOf, workloadAlarms } from "./workload-alarms.ts";

const COLUMNS = 24;
const HEIGHT = 6;

/** The table, and what became of all tasks. */
export function appRow(scope: Construct, props: DashboardProps): IWidget[][] {
  const { app, tableName, workloads, prices } = props;
  const alarms = tableAlarms(tableName, props.alarms ?? {});
  return [
    heading(`# ${app}`),
    line([
      graph("Tasks that succeeded, by workload", "tasks a minute", {
        left: workloads.map(({ workload }) => workerMetric(app, workload, "successes", "Sum", workload)),
        stacked: true,
      }),
      graph(`Table ${tableName}: consumed units`, "units a minute", {
        left: [
          tableCount(tableName, "ConsumedReadCapacityUnits", "reads"),
          tableCount(tableName, "ConsumedWriteCapacityUnits", "writes"),
          indexCount(tableName, "ConsumedReadCapacityUnits", "reads of failures"),
          indexCount(tableName, "ConsumedWriteCapacityUnits", "writes of failures"),
        ],
      }),
      graph(`Table ${tableName}: throttles`, "requests a minute", {
        left: [
          tableCount(tableName, "ReadThrottleEvents", "reads"),
          tableCount(tableName, "WriteThrottleEvents", "writes"),
          indexCount(tableName, "ReadThrottleEvents", "reads of failures"),
          indexCount(tableName, "WriteThrottleEvents", "writes of failures"),
        ],
      }),
      ...(prices ? [cost(`Table ${tableName}: cost`, hourlyCostOfTable(tableName, prices))] : []),
      ...status(scope, `Table ${tableName}: alarms`, tableName, alarms),
    ]),
  ];
}

export function workloadRow(
  scope: Construct,
  { app, prices }: DashboardProps,
  settings: WorkloadSettings,
): IWidget[][] {
  const { workload, alarms } = settings;
  const targets = targetsOf(app, settings);
  const { queueName, deadLetterQueueName } = targets;
  const worker = (metric: "failures" | "retries" | "duration" | "queueLatency", statistic: string, label?: string) =>
    workerMetric(app, workload, metric, statistic, label);
  return [
    heading(`## ${workload} (${settings.kind === "lambda" ? "Lambda" : "Fargate"})`),
    line([
      graph(`${workload}: depth`, "tasks", {
        left: [
          queueMetric(queueName, "ApproximateNumberOfMessagesVisible", "waiting"),
          queueMetric(queueName, "ApproximateNumberOfMessagesNotVisible", "in flight"),
          queueMetric(queueName, "ApproximateNumberOfMessagesDelayed", "delayed"),
        ],
        leftAnnotations: alarms.queueDepths.map((depth) => alarmAt(depth)),
      }),
      graph(`${workload}: age of the oldest task`, "seconds", {
        left: [
          queueMetric(queueName, "ApproximateAgeOfOldestMessage", "age of the oldest"),
          inSeconds(worker("queueLatency", "p99"), "waited before it ran, p99"),
        ],
        leftAnnotations: alarms.ageOfOldestSeconds === "off" ? [] : [alarmAt(alarms.ageOfOldestSeconds)],
      }),
      graph(`${workload}: throughput`, "messages a minute", {
        left: [
          queueCount(queueName, "NumberOfMessagesSent", "sent"),
          queueCount(queueName, "NumberOfMessagesDeleted", "done"),
        ],
      }),
      graph(`${workload}: failures`, "tasks a minute", {
        left: [
          worker("failures", "Sum", "failed"),
          worker("retries", "Sum", "retried"),
          queueCount(deadLetterQueueName, "NumberOfMessagesReceived", "dead letters received"),
          queueMetric(deadLetterQueueName, "ApproximateNumberOfMessagesVisible", "dead letters waiting"),
        ],
      }),
    ]),
    line([
      graph(`${workload}: duration of a run`, "milliseconds", {
        left: [worker("duration", "p50", "p50"), worker("duration", "p99", "p99")],
      }),
      concurrency(targets, settings),
      ...(prices ? [cost(`${workload}: cost`, hourlyCostOfWorkload(targets, settings, prices))] : []),
      ...status(scope, `${workload}: alarms`, queueName, workloadAlarms(targets, alarms)),
    ]),
  ];
}

function concurrency(targets: WorkloadTargets, { workload, lambda, fargate }: WorkloadSettings): Sized {
  if (targets.kind === "lambda") {
    const { functionName = targets.queueName } = targets;
    return graph(`${workload}: concurrency`, "invocations at a time", {
      left: [lambdaConcurrency(functionName, "running")],
      leftAnnotations: lambda ? [{ value: lambda.maxConcurrency, label: "maxConcurrency", color: Color.GREY }] : [],
    });
  }
  const { clusterName, serviceName = targets.queueName } = targets;
  return graph(`${workload}: concurrency`, "containers", {
    left: [runningContainers(clusterName, serviceName, "running")],
    leftAnnotations: fargate ? [{ value: fargate.maxWorkers, label: "maxWorkers", color: Color.GREY }] : [],
  });
}

function heading(markdown: string): IWidget[] {
  return [new TextWidget({ markdown, width: COLUMNS, height: 1 })];
}

/** A widget that is told how wide it is. */
type Sized = (width: number) => IWidget;

/** Widgets side by side, all as wide. */
function line(widgets: readonly Sized[]): IWidget[] {
  return widgets.map((widget) => widget(Math.floor(COLUMNS / widgets.length)));
}

interface Graph {
  readonly left: IMetric[];
  readonly leftAnnotations?: HorizontalAnnotation[];
  readonly stacked?: boolean;
}

function graph(title: string, unit: string, { left, leftAnnotations = [], stacked = false }: Graph): Sized {
  return (width) =>
    new GraphWidget({
      title,
      width,
      height: HEIGHT,
      left,
      leftAnnotations,
      stacked,
      leftYAxis: { min: 0, label: unit, showUnits: false },
      period: MINUTE,
    });
}

function cost(title: string, dollars: IMetric): Sized {
  return graph(title, "dollars an hour, estimated", { left: [dollars] });
}

function inSeconds(milliseconds: IMetric, label: string): IMetric {
  return new MathExpression({
    expression: "latency / 1000",
    usingMetrics: { latency: milliseconds },
    period: MINUTE,
    label,
  });
}

function alarmAt(value: number): HorizontalAnnotation {
  return { value, label: "alarm", color: Color.RED };
}

/** Alarms by name: they are in other stacks. */
function status(scope: Construct, title: string, of: string, definitions: readonly AlarmDefinition[]): Sized[] {
  if (definitions.length === 0) return [];
  const alarms = definitions.map((definition) => {
    const resourceName = alarmName(of, definition);
    const arn = Stack.of(scope).formatArn({
      service: "cloudwatch",
      resource: "alarm",
      resourceName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return Alarm.fromAlarmArn(scope, `Shown-${resourceName}`, arn);
  });
  return [(width) => new AlarmStatusWidget({ title, width, height: HEIGHT, alarms })];
}
