// The options of TaskApp by their names and kinds. Node runs the program that synthesizes without checking its types, so a
// mistyped name would be ignored: an alarm that was never set, a table that was never retained.
import { describe } from "../../lib/duration.ts";
import { InvalidOption } from "../../lib/errors.ts";
import { check, oneOf, type Rule, text } from "../../lib/options.ts";
import type { AlarmOptions, TableAlarmOptions } from "./alarm-options.ts";
import type { Existing } from "./existing.ts";
import type { TaskAppProps } from "./task-app.ts";
import type { ExistingQueues } from "./workload-queues.ts";

type Rules<T> = Readonly<Record<keyof T & string, Rule<unknown>>>;

/** What the CDK's own types or the rules of validate.ts look at. */
const anything: Rule<unknown> = (value) => value;

const object: Rule<object> = (value, name) => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes an object`);
  return value;
};

/** An object with these options. */
const options =
  <T>(rules: Rules<T>): Rule<unknown> =>
  (value, name) =>
    check(name, object(value, name), rules);

/** An object that has such options for each workload. */
const byWorkload =
  <T>(rules: Rules<T>): Rule<unknown> =>
  (value, name) => {
    for (const [workload, one] of Object.entries(object(value, name))) options(rules)(one, `"${workload}" in ${name}`);
    return value;
  };

const depths: Rule<unknown> = (value, name) => {
  if (value !== "off" && !Array.isArray(value))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes an array such as [100, 500], or "off"`);
  return value;
};

const image: Rule<unknown> = (value, name) => {
  if (typeof value !== "object" || value === null || !("bind" in value))
    throw new InvalidOption(
      `${name} is ${describe(value)}; it takes a ContainerImage, such as ContainerImage.fromRegistry("shop/worker")`,
    );
  return value;
};

const ALARMS: Rules<AlarmOptions> = {
  actions: anything,
  topic: anything,
  queueDepths: depths,
  queueDepthMinutes: anything,
  ageOfOldest: anything,
  deadLetters: anything,
  noProgress: anything,
  noWorkers: anything,
  errors: anything,
  throttles: anything,
  inFlight: anything,
  recursion: anything,
};

const QUEUES: Rules<ExistingQueues> = { queueArn: text, deadLetterQueueArn: text };

const EXISTING: Rules<Existing> = { queues: byWorkload(QUEUES), tableArn: text, bucketArn: text };

const TASK_APP: Rules<TaskAppProps> = {
  app: object,
  entry: text,
  deadLetterEntry: text,
  image,
  dockerfile: text,
  vpc: anything,
  environment: object,
  removalPolicy: anything,
  existing: options(EXISTING),
  logRetention: anything,
  metrics: oneOf("task", "workload", "off"),
  alarms: options<AlarmOptions & TableAlarmOptions>({ ...ALARMS, tableThrottles: anything }),
  workloadAlarms: byWorkload(ALARMS),
  env: object,
};

/** Throws InvalidOption for an option that TaskApp does not have, and for one of the wrong kind. */
export function refuseUnknownOptions(props: TaskAppProps): void {
  const { app, entry } = check("TaskApp", props, TASK_APP);
  if (app === undefined) throw new InvalidOption("TaskApp has no app; it takes what createApp() returned");
  if (entry === undefined)
    throw new InvalidOption('TaskApp has no entry; it takes the module of the handler, such as "functions/worker.ts"');
}
