import { MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import { describe, expect, test } from "vitest";
import { alarmSettings } from "../../infra/constructs/alarm-options.ts";
import type { AlarmDefinition, AlarmKind, WorkloadTargets } from "../../infra/constructs/alarms.ts";
import { tableAlarms } from "../../infra/constructs/table-alarms.ts";
import { workloadAlarms } from "../../infra/constructs/workload-alarms.ts";
import { onFargate } from "../../lib/workload.ts";
import { evaluate, inAlarm, type Series } from "./metric-math.ts";

const renders: WorkloadTargets = {
  kind: "fargate",
  queueName: "shop-renders",
  deadLetterQueueName: "shop-renders-dead",
  clusterName: "shop",
};

function alarm(kind: AlarmKind): { definition: AlarmDefinition; rings: (metrics: Record<string, Series>) => boolean } {
  const all = [...workloadAlarms(renders, alarmSettings(onFargate(), {})), ...tableAlarms("shop", {})];
  const definition = all.find((one) => one.kind === kind);
  if (definition === undefined || !(definition.metric instanceof MathExpression)) throw new Error(`no formula ${kind}`);
  const { expression, usingMetrics = {} } = definition.metric;
  return {
    definition,
    rings: (metrics) => {
      expect(Object.keys(metrics).sort()).toEqual(Object.keys(usingMetrics).sort());
      return inAlarm(evaluate(expression, metrics), definition);
    },
  };
}

const HOUR = 60;
/** The same in every minute of an hour. */
const always = (value: number | undefined): Series => Array(HOUR).fill(value);
/** `value` in the last `minutes`, and before that something else. */
const lately = (minutes: number, value: number | undefined, before: number | undefined): Series => [
  ...Array(HOUR - minutes).fill(before),
  ...Array(minutes).fill(value),
];
/** Without its newest minute, which often comes late. */
const late = (series: Series): Series => [...series.slice(0, -1), undefined];
const gap = always(undefined);

describe("no progress", () => {
  const { rings, definition } = alarm("noProgress");

  test.each([
    ["tasks wait, and SQS says that none was deleted", { visible: always(3), deleted: always(0) }],
    ["tasks wait, and SQS says nothing of deletions", { visible: always(3), deleted: gap }],
    ["exactly as long as it takes", { visible: always(3), deleted: lately(15, 0, 2) }],
    ["the newest minute of both is not there yet", { visible: late(always(3)), deleted: late(always(0)) }],
    ["the newest minute of what waits is not there yet", { visible: late(always(3)), deleted: always(0) }],
    ["a queue that was idle for hours", { visible: lately(15, 1, undefined), deleted: gap }],
  ])("%s: rings", (_case, metrics) => {
    expect(rings(metrics)).toBe(true);
  });

  test.each([
    ["an idle queue without any metrics", { visible: gap, deleted: gap }],
    ["an empty queue", { visible: always(0), deleted: always(0) }],
    ["a long queue that is worked off", { visible: always(5_000), deleted: always(1) }],
    ["a minute less than it takes", { visible: always(3), deleted: lately(14, 0, 2) }],
    [
      "one task done in between",
      { visible: always(3), deleted: always(0).map((none, minute) => (minute === HOUR - 8 ? 1 : none)) },
    ],
    ["the queue is empty again", { visible: lately(1, 0, 3), deleted: always(0) }],
    ["workers are busy, and nothing waits", { visible: always(0), deleted: always(0) }],
  ])("%s: does not ring", (_case, metrics) => {
    expect(rings(metrics)).toBe(false);
  });

  test("looks at minutes in a row, so that what is filled in never decides", () => {
    expect(definition).toMatchObject({ minutes: 15, threshold: 1 });
    expect(definition.badMinutes).toBeUndefined();
  });
});

describe("no workers", () => {
  const { rings } = alarm("noWorkers");

  test.each([
    ["tasks wait, and ECS has no data while nothing runs", { visible: always(1), running: gap }],
    ["the last container ended ten minutes ago", { visible: always(1), running: lately(10, undefined, 2) }],
  ])("%s: rings", (_case, metrics) => {
    expect(rings(metrics)).toBe(true);
  });

  test.each([
    ["scaled to zero, and nothing to do", { visible: always(0), running: gap }],
    ["an idle queue without any metrics", { visible: gap, running: gap }],
    ["one container is busy with a long task", { visible: always(50), running: always(1) }],
    ["waking up", { visible: lately(9, 5, 0), running: gap }],
    ["a container runs again", { visible: always(5), running: lately(1, 1, undefined) }],
  ])("%s: does not ring", (_case, metrics) => {
    expect(rings(metrics)).toBe(false);
  });
});

describe("dead letters", () => {
  const { rings } = alarm("deadLetters");
  const none = { visible: always(0), inFlight: always(0), received: always(0) };

  test.each([
    ["one waits, and nobody takes it", { ...none, visible: always(1) }],
    ["one is taken, and its record cannot be written: seen only in flight", { ...none, inFlight: always(1) }],
    ["one was recorded within a second: seen only as received", { ...none, received: lately(1, 1, 0) }],
    ["SQS says nothing of what is in flight", { visible: always(1), inFlight: gap, received: gap }],
  ])("%s: rings", (_case, metrics) => {
    expect(rings(metrics)).toBe(true);
  });

  test.each([
    ["none", none],
    ["a queue without any metrics", { visible: gap, inFlight: gap, received: gap }],
    ["the last one was recorded a minute ago", { ...none, received: [...lately(2, 4, 0).slice(0, -1), 0] }],
  ])("%s: does not ring", (_case, metrics) => {
    expect(rings(metrics)).toBe(false);
  });

  test("one that is received and still in hand is one", () => {
    const { expression } = alarm("deadLetters").definition.metric as MathExpression; // alarm() looked
    expect(evaluate(expression, { visible: [0, 2], inFlight: [1, 1], received: [1, 1] })).toEqual([1, 3]);
  });
});

describe("throttles of the table", () => {
  const { rings } = alarm("tableThrottles");
  const none = { reads: gap, writes: gap, indexReads: gap, indexWrites: gap };

  test.each([
    ["writes, while DynamoDB publishes nothing else", { ...none, writes: lately(3, 7, undefined) }],
    ["the index", { ...none, indexWrites: lately(3, 1, undefined) }],
    ["another kind each minute", { ...none, reads: lately(4, 1, undefined), writes: late(lately(2, 1, undefined)) }],
    ["the newest minute is not there yet", { ...none, writes: late(lately(4, 7, undefined)) }],
  ])("%s: rings", (_case, metrics) => {
    expect(rings(metrics)).toBe(true);
  });

  test.each([
    ["no data at all, as ever while all is well", none],
    ["two minutes of it", { ...none, writes: lately(2, 7, undefined) }],
    [
      "it ended, and DynamoDB publishes nothing since: it must not ring for ever",
      { ...none, writes: [...lately(8, 7, undefined).slice(0, -3), undefined, undefined, undefined] },
    ],
  ])("%s: does not ring", (_case, metrics) => {
    expect(rings(metrics)).toBe(false);
  });
});

describe("metric math, as far as it is documented", () => {
  const m1: Series = [30, 20, 0, 0];
  const m2: Series = [20, undefined, 20, undefined];

  test.each([
    ["m1 < m2", [0, 0, 1, 0]],
    ["m1 >= 30", [1, 0, 0, 0]],
    ["m2 > 15", [1, undefined, 1, undefined]],
    ["m1 + m2", [50, 20, 20, 0]],
    ["FILL(m2, 7) * 2", [40, 14, 40, 14]],
  ])("%s", (expression, expected) => {
    expect(evaluate(expression, { m1, m2 })).toEqual(expected);
  });

  test("IF, by the documentation's own tables", () => {
    const condition = [1, 1, 0, 0, undefined];
    const [yes, no] = [
      [30, undefined, 0, 0, 30],
      [0, 0, 20, undefined, 20],
    ];
    expect(evaluate("IF(condition, yes, no)", { condition, yes, no })).toEqual([30, 0, 20, undefined, undefined]);
    expect(evaluate("IF(condition, 5, no)", { condition, no })).toEqual([5, 5, 20, undefined, undefined]);
    expect(evaluate("IF(condition, yes, 5)", { condition, yes })).toEqual([30, 0, 5, 5, undefined]);
  });

  test("what it does not know, it refuses", () => {
    expect(() => evaluate("SUM(m1)", { m1 })).toThrow("SUM");
    expect(() => evaluate("m1 +", { m1 })).toThrow("more expected");
    expect(() => evaluate("5", { m1 })).toThrow("no series");
  });
});
