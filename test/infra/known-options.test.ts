// Programs that synthesize are run without a look at their types: what TypeScript would underline is refused by TaskApp itself.
import { Stack } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { alarmSettings } from "../../infra/constructs/alarm-options.ts";
import { createApp, InvalidOption, onLambda } from "../../lib/index.ts";
import { deploy, deployInStack } from "./deploy.ts";

/** What no compiler has looked at. */
const unchecked = (props: object) => deploy(props as Parameters<typeof deploy>[0]);

describe("refused at synth", () => {
  test.each([
    ["a mistyped option", { removalpolicy: "destroy" }, /"removalpolicy" of TaskApp; did you mean removalPolicy\?/],
    [
      "a mistyped alarm",
      { alarms: { queueDepth: [5] } },
      /"queueDepth" of alarms of TaskApp; did you mean queueDepths\?/,
    ],
    [
      "a mistyped alarm of one workload",
      { workloadAlarms: { renders: { noWorker: "5m" } } },
      /"noWorker" of "renders" in workloadAlarms of TaskApp; did you mean noWorkers\?/,
    ],
    [
      "an alarm of the table for a workload",
      { workloadAlarms: { renders: { tableThrottles: 1 } } },
      /"tableThrottles" of/,
    ],
    ["a mistyped ARN", { existing: { tableARN: "arn" } }, /"tableARN" of existing of TaskApp; did you mean tableArn\?/],
    [
      "a mistyped queue",
      { existing: { queues: { default: { queue: "arn" } } } },
      /"queue" of "default" in queues of existing of TaskApp; known options: queueArn, deadLetterQueueArn/,
    ],
    ["no metrics, by another word", { metrics: "none" }, /metrics of TaskApp is "none"; it takes "task" or .*"off"/],
    ["no alarms, all at once", { alarms: "off" }, /alarms of TaskApp is "off"; it takes an object/],
    ["one depth", { alarms: { queueDepths: 100 } }, /queueDepths of alarms of TaskApp is 100; it takes an array/],
    ["an image by its name", { image: "shop/worker" }, /image of TaskApp is "shop\/worker"; it takes a ContainerImage/],
    ["no app", { app: undefined }, /TaskApp has no app; it takes what createApp\(\) returned/],
    ["no entry", { entry: undefined }, /TaskApp has no entry; it takes the module/],
  ])("%s", (_case, props, message) => {
    expect(() => unchecked(props)).toThrow(InvalidOption);
    expect(() => unchecked(props)).toThrow(message);
  });
});

test("alarms on queue depth are left out as others are", () => {
  expect(alarmSettings(onLambda(), { queueDepths: "off" }).queueDepths).toEqual([]);
  expect(() => deploy({ alarms: { queueDepths: "off" } })).not.toThrow();
});

test("an app whose tasks nobody imported is warned of, for nothing of them was checked", () => {
  const shop = createApp("shop", { workloads: { default: onLambda() } });
  const warnings = (stack: Stack) => Annotations.fromStack(stack).findWarning("*", Match.anyValue());
  const inApp = () => warnings(Stack.of(deploy({ app: shop }).taskApp.table)); // what belongs to no stack nobody is shown
  expect(warnings(deployInStack({ app: shop }).stack)).toHaveLength(1);
  expect(inApp()).toMatchObject([{ entry: { data: expect.stringMatching(/^no task of app "shop" is known/) } }]);
  shop.task("add", () => 1);
  expect(inApp()).toEqual([]);
});
