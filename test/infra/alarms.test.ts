import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { Topic } from "aws-cdk-lib/aws-sns";
import { describe, expect, test } from "vitest";
import { type AlarmOptions, alarmSettings, type TableAlarmOptions } from "../../infra/constructs/alarm-options.ts";
import { addTableAlarms, addWorkloadAlarms } from "../../infra/constructs/monitoring.ts";
import { tableAlarms } from "../../infra/constructs/table-alarms.ts";
import { targetsOf, workloadAlarms } from "../../infra/constructs/workload-alarms.ts";
import { ALARM_DEFAULTS, ALARM_METRICS } from "../../lib/defaults.ts";
import { InvalidOption } from "../../lib/errors.ts";
import { createApp } from "../../lib/index.ts";
import { onFargate, onLambda, type Workload } from "../../lib/workload.ts";
import { deployInStack } from "./deploy.ts";

const WORKLOADS = { lambda: onLambda(), fargate: onFargate() };
const targets = {
  lambda: targetsOf("shop", { kind: "lambda", workload: "mails" }),
  fargate: targetsOf("shop", { kind: "fargate", workload: "renders" }),
};

/** The alarms that a template has, by the ends of their names. */
function deployed(
  kind: "lambda" | "fargate",
  options: AlarmOptions & TableAlarmOptions = {},
  workload?: Workload,
): Record<string, { Threshold: number; EvaluationPeriods: number; Metrics?: { MetricStat?: unknown }[] }> {
  const stack = new Stack(new App(), "Shop");
  const settings = alarmSettings(workload ?? WORKLOADS[kind], options);
  addWorkloadAlarms(stack, targets[kind], settings, options);
  addTableAlarms(stack, "shop", options);
  const alarms = Object.values(Template.fromStack(stack).findResources("AWS::CloudWatch::Alarm"));
  return Object.fromEntries(
    alarms.map(({ Properties }) => [Properties.AlarmName.replace(/^shop(-mails|-renders)?-/, ""), Properties]),
  );
}

const every = {
  ComparisonOperator: "GreaterThanOrEqualToThreshold",
  TreatMissingData: "notBreaching",
  EvaluationPeriods: 1,
  DatapointsToAlarm: 1,
  AlarmName: expect.any(String),
  AlarmDescription: expect.any(String),
};
const single = (Namespace: string, MetricName: string, Statistic: string, dimensions: Record<string, string>) => ({
  ...every,
  Namespace,
  MetricName,
  Statistic,
  Period: 60,
  Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
});
const queue = (MetricName: string, QueueName: string) => single("AWS/SQS", MetricName, "Maximum", { QueueName });
const fn = (MetricName: string, FunctionName: string) => single("AWS/Lambda", MetricName, "Sum", { FunctionName });
/** `id` of a metric within a formula. */
const part = (Id: string, { Namespace, MetricName, Dimensions, Period, Statistic }: ReturnType<typeof single>) => ({
  Id,
  MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period, Stat: Statistic },
  ReturnData: false,
});
const formula = (Expression: string, Label: string, ...parts: readonly ReturnType<typeof part>[]) => ({
  ...every,
  Metrics: [{ Expression, Id: "expr_1", Label, ReturnData: true }, ...parts],
});
const counted = (metric: ReturnType<typeof single>) => ({ ...metric, Statistic: "Sum" });

const visible = (name: string) => part("visible", queue("ApproximateNumberOfMessagesVisible", name));
const deadLetters = (name: string) =>
  formula(
    "IF(visible + inFlight > received, visible + inFlight, received)",
    "dead letters",
    visible(name),
    part("inFlight", queue("ApproximateNumberOfMessagesNotVisible", name)),
    part("received", counted(queue("NumberOfMessagesReceived", name))),
  );
const noProgress = (name: string) =>
  formula(
    "IF(visible > 0, FILL(deleted, 0) == 0, 0)",
    "waiting, and none done",
    visible(name),
    part("deleted", counted(queue("NumberOfMessagesDeleted", name))),
  );
const throttled = (MetricName: string, index = {}) =>
  single("AWS/DynamoDB", MetricName, "Sum", { ...index, TableName: "shop" });
const INDEX = { GlobalSecondaryIndexName: "failures" };

describe("without being asked", () => {
  const depth = (name: string, threshold: number) => ({
    ...queue("ApproximateNumberOfMessagesVisible", name),
    Threshold: threshold,
    EvaluationPeriods: 5,
    DatapointsToAlarm: 5,
  });
  const TableThrottles = {
    ...formula(
      "FILL(reads, 0) + FILL(writes, 0) + FILL(indexReads, 0) + FILL(indexWrites, 0)",
      "throttled requests",
      part("reads", throttled("ReadThrottleEvents")),
      part("writes", throttled("WriteThrottleEvents")),
      part("indexReads", throttled("ReadThrottleEvents", INDEX)),
      part("indexWrites", throttled("WriteThrottleEvents", INDEX)),
    ),
    Threshold: 1,
    EvaluationPeriods: 5,
    DatapointsToAlarm: 3,
  };

  test("a function's workload has these", () => {
    const name = "shop-mails";
    expect(deployed("lambda")).toEqual({
      QueueDepth100: depth(name, 100),
      QueueDepth500: depth(name, 500),
      QueueDepth1000: depth(name, 1_000),
      AgeOfOldest: { ...queue("ApproximateAgeOfOldestMessage", name), Threshold: 1_200 },
      DeadLetters: { ...deadLetters(`${name}-dead`), Threshold: 1 },
      NoProgress: { ...noProgress(name), Threshold: 1, EvaluationPeriods: 15, DatapointsToAlarm: 15 },
      InFlight: { ...queue("ApproximateNumberOfMessagesNotVisible", name), Threshold: 96_000 },
      Errors: { ...fn("Errors", name), Threshold: 1 },
      Throttles: { ...fn("Throttles", name), Threshold: 1, EvaluationPeriods: 5, DatapointsToAlarm: 3 },
      Recursion: { ...fn("RecursiveInvocationsDropped", name), Threshold: 1 },
      DeadLetterErrors: { ...fn("Errors", `${name}-dead`), Threshold: 1 },
      TableThrottles,
    });
  });

  test("a workload of containers has these", () => {
    const name = "shop-renders";
    const running = single("AWS/ECS", "CPUUtilization", "SampleCount", { ClusterName: "shop", ServiceName: name });
    expect(deployed("fargate")).toEqual({
      QueueDepth100: depth(name, 100),
      QueueDepth500: depth(name, 500),
      QueueDepth1000: depth(name, 1_000),
      AgeOfOldest: { ...queue("ApproximateAgeOfOldestMessage", name), Threshold: 1_200 },
      DeadLetters: { ...deadLetters(`${name}-dead`), Threshold: 1 },
      NoProgress: { ...noProgress(name), Threshold: 1, EvaluationPeriods: 15, DatapointsToAlarm: 15 },
      InFlight: { ...queue("ApproximateNumberOfMessagesNotVisible", name), Threshold: 96_000 },
      NoWorkers: {
        ...formula(
          "IF(visible > 0, FILL(running, 0) == 0, 0)",
          "waiting, and no container",
          visible(name),
          part("running", running),
        ),
        Threshold: 1,
        EvaluationPeriods: 10,
        DatapointsToAlarm: 10,
      },
      DeadLetterErrors: { ...fn("Errors", `${name}-dead`), Threshold: 1 },
      TableThrottles,
    });
  });

  test("a function that may run for long is given its timeout and 5 minutes", () => {
    const alarms = deployed("lambda", {}, onLambda({ timeout: "15m" }));
    expect(alarms.AgeOfOldest?.Threshold).toBe(1_200);
    expect(alarms.NoProgress?.EvaluationPeriods).toBe(20);
  });
});

describe("how long a task may take", () => {
  test("is told by the tasks' time limits, where they are known", () => {
    const settings = alarmSettings(onFargate(), {}, 2 * 3_600);
    expect(settings).toMatchObject({ ageOfOldestSeconds: 7_500, noProgressSeconds: 7_500, noWorkersSeconds: 600 });
  });

  test("changes nothing where all are short, or where it is said otherwise", () => {
    expect(alarmSettings(onFargate(), {}, 300)).toEqual(alarmSettings(onFargate(), {}));
    expect(alarmSettings(onFargate(), { noProgress: "30m" }, 7_200).noProgressSeconds).toBe(1_800);
  });

  test("is taken from the tasks of that workload", () => {
    const app = createApp("shop", { workloads: { films: onFargate(), mails: onFargate() } });
    app.task("cut", { workload: "films", timeLimit: "2h" }, () => null);
    app.task("send", { workload: "mails" }, () => null);
    const alarms = deployInStack({ app }).template().findResources("AWS::CloudWatch::Alarm");
    const minutes = Object.values(alarms)
      .filter(({ Properties }) => /NoProgress$/.test(Properties.AlarmName))
      .map(({ Properties }) => [Properties.AlarmName, Properties.EvaluationPeriods]);
    expect(Object.fromEntries(minutes)).toEqual({ "shop-films-NoProgress": 125, "shop-mails-NoProgress": 15 });
  });
});

describe("a description", () => {
  const all = (["lambda", "fargate"] as const).flatMap((kind) => [
    ...workloadAlarms(targets[kind], alarmSettings(WORKLOADS[kind], {})),
    ...tableAlarms("shop", {}),
  ]);

  test.each(all.map((alarm) => [alarm.id, alarm] as const))(
    "of %s names what, how much and where to look",
    (_id, alarm) => {
      expect(alarm.description).toMatch(/\bshop/);
      expect(alarm.description).toMatch(/Look first/);
      expect(alarm.description).not.toMatch(/undefined|NaN|object/);
      // CloudWatch: AlarmDescription has at most 1,024 characters
      expect(alarm.description.length).toBeLessThanOrEqual(1_024);
      if (alarm.threshold > 1) {
        const given = alarm.kind === "ageOfOldest" ? alarm.threshold / 60 : alarm.threshold;
        expect(alarm.description).toContain(`${given}`);
      }
    },
  );
});

describe("an alarm may be", () => {
  test("tuned", () => {
    const alarms = deployed("lambda", {
      queueDepths: [7],
      queueDepthMinutes: 2,
      ageOfOldest: "1h",
      deadLetters: 10,
      noProgress: "90s",
      errors: 4,
      throttles: 20,
      inFlight: 500,
      recursion: 3,
      tableThrottles: 9,
    });
    const numbers = Object.entries(alarms).map(([id, { Threshold, EvaluationPeriods }]) => [
      id,
      Threshold,
      EvaluationPeriods,
    ]);
    expect(numbers).toEqual(
      expect.arrayContaining([
        ["QueueDepth7", 7, 2],
        ["AgeOfOldest", 3_600, 1],
        ["DeadLetters", 10, 1],
        ["NoProgress", 1, 2],
        ["Errors", 4, 1],
        ["DeadLetterErrors", 4, 1],
        ["Throttles", 20, 5],
        ["InFlight", 500, 1],
        ["Recursion", 3, 1],
        ["TableThrottles", 9, 5],
      ]),
    );
    expect(numbers).toHaveLength(10);
    expect(deployed("fargate", { noWorkers: "1h" }).NoWorkers?.EvaluationPeriods).toBe(60);
  });

  test("left out, each by itself", () => {
    const by = {
      ageOfOldest: ["AgeOfOldest"],
      deadLetters: ["DeadLetters"],
      noProgress: ["NoProgress"],
      noWorkers: ["NoWorkers"],
      errors: ["Errors", "DeadLetterErrors"],
      throttles: ["Throttles"],
      inFlight: ["InFlight"],
      recursion: ["Recursion"],
      tableThrottles: ["TableThrottles"],
    };
    for (const kind of ["lambda", "fargate"] as const) {
      const ids = (options: AlarmOptions & TableAlarmOptions) =>
        [
          ...workloadAlarms(targets[kind], alarmSettings(WORKLOADS[kind], options)),
          ...tableAlarms("shop", options),
        ].map(({ id }) => id);
      const before = ids({});
      for (const [option, without] of Object.entries(by))
        expect(ids({ [option]: "off" })).toEqual(before.filter((id) => !without.includes(id)));
      expect(ids({ queueDepths: [] })).toEqual(before.filter((id) => !/QueueDepth/.test(id)));
    }
  });

  test("no duration that is none", () => {
    // @ts-expect-error: not a duration
    expect(() => alarmSettings(onLambda(), { noProgress: "soon" })).toThrow(/noProgress of alarms is "soon"/);
    expect(() => alarmSettings(onLambda(), { ageOfOldest: 900_000 })).toThrow(InvalidOption);
  });
});

describe("actions", () => {
  const stack = new Stack(new App(), "Shop");
  const topic = new Topic(stack, "Told");

  test("nobody is told unless somebody is named", () => {
    for (const alarm of Object.values(deployed("lambda"))) {
      expect(alarm).not.toHaveProperty("AlarmActions");
      expect(alarm).not.toHaveProperty("OKActions");
    }
  });

  test("a topic hears of both ends, an action of the first", () => {
    addTableAlarms(stack, "shop", { topic, actions: [new SnsAction(new Topic(stack, "Own"))] });
    const alarms = Object.values(Template.fromStack(stack).findResources("AWS::CloudWatch::Alarm"));
    expect(alarms).toHaveLength(1);
    const { AlarmActions, OKActions } = alarms[0]?.Properties ?? {};
    expect(AlarmActions).toHaveLength(2);
    expect(OKActions).toEqual([AlarmActions[1]]);
  });
});

describe("the price list", () => {
  /** Metrics that an alarm evaluates. */
  const metricsOf = ({ Metrics = [{ MetricStat: {} }] }: { Metrics?: { MetricStat?: unknown }[] }) =>
    Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length;

  test.each(["lambda", "fargate"] as const)("has every alarm of a %s workload, and what it is billed for", (kind) => {
    const app = { name: "shop", workloads: { work: WORKLOADS[kind] } };
    const alarms = Object.values(deployInStack({ app }).template().findResources("AWS::CloudWatch::Alarm"));
    const found = alarms
      .filter(({ Properties }) => Properties.AlarmName !== undefined) // those that scale have none
      .map(({ Properties }) => {
        const [, first = "", rest = ""] = /-([A-Z])([A-Za-z]+)\d*$/.exec(Properties.AlarmName) ?? [];
        return [first.toLowerCase() + rest, metricsOf(Properties)];
      });
    expect(Object.fromEntries(found)).toEqual({ ...ALARM_METRICS[kind], ...ALARM_METRICS.app });
    const others = Object.keys(ALARM_METRICS[kind]).length - 1;
    expect(found).toHaveLength(ALARM_DEFAULTS.queueDepths.length + others + Object.keys(ALARM_METRICS.app).length);
  });
});
