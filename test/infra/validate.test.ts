import { describe, expect, test } from "vitest";
import { type AlarmSettings, alarmSettings } from "../../infra/constructs/alarm-options.ts";
import {
  broken,
  NAMING_RULES,
  TASK_RULES,
  WORKLOAD_RULES,
  type WorkloadSettings,
  type WorkloadTasks,
} from "../../infra/constructs/validate.ts";
import { ALARM_RULES, TABLE_ALARM_RULES } from "../../infra/constructs/validate-alarms.ts";
import { TASK_DEFAULTS, WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";

const rest = {
  workload: "default",
  retentionSeconds: WORKLOAD_DEFAULTS.retentionSeconds,
  deadLetterRetentionSeconds: WORKLOAD_DEFAULTS.deadLetterRetentionSeconds,
  alarms: alarmSettings(onFargate(), {}),
};
const lambda: WorkloadSettings = { ...onLambda(), ...rest };
const fargate: WorkloadSettings = { ...onFargate(), ...rest };
const { fargate: _, ...neither } = fargate;
const OPTIONAL = [
  ...(["ageOfOldestSeconds", "noProgressSeconds", "noWorkersSeconds"] as const),
  ...(["deadLetters", "errors", "throttles", "recursion", "inFlight"] as const),
];

function longest(): WorkloadSettings {
  const workload = onLambda({ timeout: "15m" });
  return { ...workload, ...rest, alarms: alarmSettings(workload, {}) };
}

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
    ["visibility is over 12 hours", { ...fargate, visibilitySeconds: 43_201 }, ["43201 s", "15 to 43200"]],
    ["visibility leaves no lease", { ...fargate, visibilitySeconds: 14 }, ["14 s", "15 to 43200", "no lease"]],
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

describe("alarms of a workload", () => {
  const settings = (alarms: Partial<AlarmSettings>, of = fargate): WorkloadSettings => ({
    ...of,
    alarms: { ...of.alarms, ...alarms },
  });

  test.each([
    ["the defaults of a function", lambda],
    ["the defaults of containers", fargate],
    ["the defaults of a function of 15 minutes", longest()],
    ["none at all", settings(Object.fromEntries(OPTIONAL.map((name) => [name, "off"])))],
    ["no depths", settings({ queueDepths: [] })],
    ["the longest that CloudWatch looks back", settings({ noProgressSeconds: 86_400, queueDepthMinutes: 1_440 })],
    ["an age as long as the queue keeps messages", settings({ ageOfOldestSeconds: fargate.retentionSeconds })],
    ["as many actions as CloudWatch takes", settings({ actions: 5 })],
  ] satisfies [string, WorkloadSettings][])("%s can work", (_case, given) => {
    expect(broken(ALARM_RULES, given)).toEqual([]);
  });

  test.each([
    ["depth of an empty queue", settings({ queueDepths: [0, 10] }), ["0, 10", "from 1"]],
    ["a depth twice", settings({ queueDepths: [10, 10] }), ["10, 10", "once"]],
    ["no minute", settings({ queueDepthMinutes: 0 }), ["queueDepthMinutes", "is 0", "1 to 1440"]],
    ["more minutes than a day has", settings({ queueDepthMinutes: 1_441 }), ["is 1441", "1 to 1440"]],
    ["an age of seconds", settings({ ageOfOldestSeconds: 59 }), ["ageOfOldest", "59 s", "60 to 1036800"]],
    ["an age that no message gets", settings({ ageOfOldestSeconds: 1_036_801 }), ["1036801 s", "60 to 1036800"]],
    ["no progress for seconds", settings({ noProgressSeconds: 10 }), ["noProgress", "10 s", "60 to 86400"]],
    ["no progress for more than a day", settings({ noProgressSeconds: 86_401 }), ["86401 s", "60 to 86400"]],
    [
      "no progress for less than a function may take",
      settings({ noProgressSeconds: 900 }, longest()),
      ["noProgress", "900 s", "timeout of 900 s"],
    ],
    ["no workers for seconds", settings({ noWorkersSeconds: 0 }), ["noWorkers", "0 s", "60 to 86400"]],
    ["no workers for days", settings({ noWorkersSeconds: 172_800 }), ["172800 s", "60 to 86400"]],
    ["dead letters from 0", settings({ deadLetters: 0 }), ["deadLetters", "is 0", '"off"']],
    ["half an error", settings({ errors: 0.5 }), ["errors", "is 0.5", "whole number"]],
    ["throttles from 0", settings({ throttles: 0 }), ["throttles", "is 0"]],
    ["recursion from less", settings({ recursion: -1 }), ["recursion", "is -1"]],
    ["more in flight than SQS hands out", settings({ inFlight: 120_001 }), ["120001", "1 to 120000"]],
    ["nothing in flight", settings({ inFlight: 0 }), ["inFlight", "is 0", "1 to 120000"]],
    ["too many actions", settings({ actions: 6 }), ["6 actions", "takes 5"]],
  ] satisfies [string, WorkloadSettings, string[]][])("refused: %s", (_case, given, parts) => {
    const messages = broken(ALARM_RULES, given);
    expect(messages).toHaveLength(1);
    for (const part of parts) expect(messages[0]).toContain(part);
  });

  test("of the table: from 1, or off", () => {
    expect(broken(TABLE_ALARM_RULES, { tableThrottles: 1 })).toEqual([]);
    expect(broken(TABLE_ALARM_RULES, { tableThrottles: "off" })).toEqual([]);
    expect(broken(TABLE_ALARM_RULES, { tableThrottles: 0 })).toEqual([
      'tableThrottles of alarms is 0; it takes a whole number from 1, or "off"',
    ]);
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
