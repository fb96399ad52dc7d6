import { describe, expect, test } from "vitest";
import {
  broken,
  NAMING_RULES,
  TASK_RULES,
  WORKLOAD_RULES,
  type WorkloadSettings,
  type WorkloadTasks,
} from "../../infra/constructs/validate.ts";
import { TASK_DEFAULTS, WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";

const rest = {
  workload: "default",
  retentionSeconds: WORKLOAD_DEFAULTS.retentionSeconds,
  deadLetterRetentionSeconds: WORKLOAD_DEFAULTS.deadLetterRetentionSeconds,
  queueDepths: [100],
};
const lambda: WorkloadSettings = { ...onLambda(), ...rest };
const fargate: WorkloadSettings = { ...onFargate(), ...rest };
const { fargate: _, ...neither } = fargate;

describe("settings of a workload", () => {
  test.each([
    ["the defaults of a function", lambda],
    ["the defaults of containers", fargate],
    ...(
      [
        [0.25, "512MB"],
        [0.25, "2GB"],
        [0.5, "4GB"],
        [1, "2GB"],
        [2, "16GB"],
        [4, "30GB"],
        [8, "60GB"],
        [16, "120GB"],
      ] as const
    ).map(([cpu, memory]): [string, WorkloadSettings] => [
      `${cpu} vCPU and ${memory}`,
      { ...onFargate({ cpu, memory }), ...rest },
    ]),
    ["exactly six times the timeout", { ...lambda, visibilitySeconds: 360 }],
    ["Lambda's longest timeout", { ...onLambda({ timeout: "15m" }), ...rest }],
    [
      "a dead-letter queue that keeps one second longer",
      { ...lambda, retentionSeconds: 60, deadLetterRetentionSeconds: 61 },
    ],
    ["no alarms on depth", { ...lambda, queueDepths: [] }],
  ] satisfies [string, WorkloadSettings][])("%s can work", (_case, settings) => {
    expect(broken(WORKLOAD_RULES, settings)).toEqual([]);
  });

  test.each([
    ["no workers are described", neither as WorkloadSettings, ['"fargate"', "onFargate()"]],
    ["both kinds of workers are described", { ...lambda, fargate: { cpu: 1, maxWorkers: 1 } }, ['"lambda"']],
    ["messages are kept too briefly", { ...lambda, retentionSeconds: 59 }, ["59 s", "60 to 1209600"]],
    [
      "dead letters are kept too long",
      { ...lambda, deadLetterRetentionSeconds: 1_209_601 },
      ["1209601 s", "60 to 1209600"],
    ],
    [
      "dead letters are kept shorter than messages",
      { ...lambda, deadLetterRetentionSeconds: 345_600 },
      ["345600 s", "1036800 s"],
    ],
    ["dead letters are kept just as long", { ...lambda, deadLetterRetentionSeconds: 1_036_800 }, ["1036800 s"]],
    ["visibility is over 12 hours", { ...fargate, visibilitySeconds: 43_201 }, ["43201 s", "0 to 43200"]],
    ["heartbeats leave no lease", { ...fargate, heartbeatVisibilitySeconds: 10 }, ["10 s", "15 to 43200"]],
    ["visibility is under six timeouts", { ...lambda, visibilitySeconds: 359 }, ["359 s", "6 times", "60 s", "360 s"]],
    ["a size that Fargate has not", { ...onFargate({ cpu: 3 }), ...rest }, ["cpu is 3", "0.25, 0.5, 1, 2, 4, 8, 16"]],
    [
      "too little memory for so many vCPUs",
      { ...onFargate({ cpu: 2, memory: "2GB" }), ...rest },
      ["2048 MB with 2 vCPU", "4096 to 16384 in steps of 1024"],
    ],
    [
      "too much memory for a quarter of a vCPU",
      { ...onFargate({ cpu: 0.25, memory: "4GB" }), ...rest },
      ["4096 MB with 0.25 vCPU", "512, or 1024 to 2048 in steps of 1024"],
    ],
    [
      "memory between two steps",
      { ...onFargate({ cpu: 16, memory: "36GB" }), ...rest },
      ["36864 MB with 16 vCPU", "32768 to 122880 in steps of 8192"],
    ],
    [
      "the function would run over 15 minutes",
      { ...lambda, visibilitySeconds: 5_406, lambda: { timeoutSeconds: 901, maxConcurrency: 2 } },
      ["901 s", "1 to 900", "onFargate()"],
    ],
    [
      "the timeout is not in whole seconds",
      { ...lambda, lambda: { timeoutSeconds: 1.5, maxConcurrency: 2 } },
      ["1.5 s", "whole seconds"],
    ],
    [
      "one function at a time",
      { ...lambda, lambda: { timeoutSeconds: 60, maxConcurrency: 1 } },
      ["is 1;", "2 to 1000"],
    ],
    [
      "more invocations than are reserved",
      { ...lambda, lambda: { timeoutSeconds: 60, maxConcurrency: 10, reservedConcurrency: 9 } },
      ["reservedConcurrency is 9", "maxConcurrency of 10", "at least 10"],
    ],
    ["too little memory for a function", { ...lambda, memoryMb: 64 }, ["64 MB", "128 to 10240"]],
    ["too much memory for a function", { ...lambda, memoryMb: 16_384 }, ["16384 MB", "128 to 10240"]],
    ["too few receives", { ...fargate, maxReceiveCount: 4 }, ["is 4;", "5 to 1000"]],
    ["too many receives", { ...fargate, maxReceiveCount: 1_001 }, ["is 1001;", "5 to 1000"]],
    ["an alarm on an empty queue", { ...fargate, queueDepths: [0, 10] }, ["0, 10", "from 1"]],
    ["an alarm twice", { ...fargate, queueDepths: [10, 10] }, ["10, 10", "once"]],
  ] satisfies [string, WorkloadSettings, string[]][])("refused: %s", (_case, settings, parts) => {
    const messages = broken(WORKLOAD_RULES, settings);
    expect(messages).toHaveLength(1);
    for (const part of parts) expect(messages[0]).toContain(part);
  });

  test("every rule has a message that names a number or a word that was given", () => {
    for (const { message } of WORKLOAD_RULES) expect(message(lambda)).toMatch(/\d|"lambda"/);
  });
});

describe("a workload and the tasks that name it", () => {
  const task = { name: "add", timeLimit: TASK_DEFAULTS.timeLimitSeconds };

  test.each([
    ["a task with the default time limit, which the function's end cuts", { ...lambda, tasks: [task] }],
    ["a time limit within the function's", { ...lambda, tasks: [{ name: "slow", timeLimit: 60 }] }],
    ["a long one in a container", { ...fargate, tasks: [{ name: "slow", timeLimit: 3_600 }] }],
    ["no task, where only calls choose it", { ...fargate, byCall: true, tasks: [] }],
  ] satisfies [string, WorkloadTasks][])("%s can work", (_case, given) => {
    expect(broken(TASK_RULES, given)).toEqual([]);
  });

  test.each([
    ["nobody uses it", { ...fargate, tasks: [] }, ["no task names it", "byCall: true"]],
    [
      "a time limit that the function never reaches",
      { ...lambda, tasks: [task, { name: "slow", timeLimit: 61 }] },
      ["after 60 s", '"slow" (61 s)', "900 s", "onFargate()"],
    ],
  ] satisfies [string, WorkloadTasks, string[]][])("refused: %s", (_case, given, parts) => {
    const messages = broken(TASK_RULES, given);
    expect(messages).toHaveLength(1);
    for (const part of parts) expect(messages[0]).toContain(part);
  });
});

describe("names of an app", () => {
  const naming = {
    app: "shop",
    workloads: ["default", "mails"],
    stacks: [
      { of: "the table", stack: "shop" },
      { of: "default", stack: "shop-default" },
    ],
    alarmsFor: ["mails"],
  };

  test("good ones pass", () => {
    expect(broken(NAMING_RULES, naming)).toEqual([]);
  });

  test.each([
    ["no workloads", { ...naming, workloads: [], alarmsFor: [] }, ['app "shop" has no workloads']],
    [
      "a name too long for a function",
      { ...naming, workloads: ["m".repeat(60)], alarmsFor: [] },
      [`"shop-${"m".repeat(60)}-dead"`, "64 characters"],
    ],
    ["alarms for a workload that is not there", { ...naming, alarmsFor: ["mail"] }, ['"mail"', "default, mails"]],
    [
      "a stack name that begins with a digit",
      { ...naming, stacks: [{ of: "the table", stack: "1shop" }] },
      ['"1shop"', "letter first"],
    ],
    [
      "two stacks of one name",
      { ...naming, stacks: [...naming.stacks, { of: "de_fault", stack: "shop-default" }] },
      ["default -> shop-default", "de_fault -> shop-default"],
    ],
  ])("refused: %s", (_case, given, parts) => {
    const messages = broken(NAMING_RULES, given);
    expect(messages).toHaveLength(1);
    for (const part of parts) expect(messages[0]).toContain(part);
  });
});
