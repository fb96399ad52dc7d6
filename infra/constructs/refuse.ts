// Everything that is wrong with a deployment, at once, before any of it is made.
import { Stack, Stage } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { ALARM_DEFAULTS, WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { InvalidOption } from "../../lib/errors.ts";
import { deadLetterQueueName, queueName, tableName } from "../../lib/store/table.ts";
import { type AlarmOptions, alarmSettings } from "./alarm-options.ts";
import { type Place, problemsOf } from "./existing.ts";
import type { AppDefinition, DeployedTask, TaskAppProps } from "./task-app.ts";
import { broken, NAMING_RULES, TASK_RULES, WORKLOAD_RULES, type WorkloadSettings } from "./validate.ts";
import { ALARM_RULES, TABLE_ALARM_RULES } from "./validate-alarms.ts";

export function alarmsOf(workload: string, { alarms, workloadAlarms }: TaskAppProps): AlarmOptions {
  return { ...alarms, ...workloadAlarms?.[workload] };
}

export function settingsOf(props: TaskAppProps): readonly WorkloadSettings[] {
  return Object.entries(props.app.workloads).map(([name, workload]) => ({
    ...workload,
    workload: name,
    retentionSeconds: WORKLOAD_DEFAULTS.retentionSeconds,
    deadLetterRetentionSeconds: WORKLOAD_DEFAULTS.deadLetterRetentionSeconds,
    alarms: alarmSettings(workload, alarmsOf(name, props), longestOf(name, props)),
  }));
}

/** The tasks of a workload, where the program that synthesizes has imported them. */
export function tasksOf({ tasks }: AppDefinition, workload: string): readonly DeployedTask["settings"][] {
  return [...(tasks?.values() ?? [])].map(({ settings }) => settings).filter((task) => task.workload === workload);
}

/** Seconds that the longest task of a workload may run, as far as the tasks are known. */
function longestOf(workload: string, { app }: TaskAppProps): number {
  return Math.max(0, ...tasksOf(app, workload).map(({ timeLimit }) => timeLimit));
}

/** Queue names may have underscores, stack names may not. */
export function stackNameOf(name: string): string {
  return name.replaceAll("_", "-");
}

export function containersStackOf(app: string): string {
  return stackNameOf(`${app}-containers`);
}

interface NamedStack {
  readonly of: string;
  readonly stack: string;
}

/** The stacks it makes, where it is in none. */
function stacksOf(app: string, settings: readonly WorkloadSettings[]): readonly NamedStack[] {
  return [
    { of: "the table", stack: stackNameOf(tableName(app)) },
    ...(settings.some(({ fargate }) => fargate)
      ? [{ of: "the cluster of its containers", stack: containersStackOf(app) }]
      : []),
    ...settings.map(({ workload }) => ({ of: workload, stack: stackNameOf(queueName(app, workload)) })),
  ];
}

function placeOf(taskApp: Construct, { env }: TaskAppProps, inStack: boolean): Place {
  const outer = inStack ? Stack.of(taskApp) : Stage.of(taskApp);
  return { account: env?.account ?? outer?.account, region: env?.region ?? outer?.region };
}

/** Throws InvalidOption. */
export function refuseWhatCannotWork(
  taskApp: Construct,
  props: TaskAppProps,
  settings: readonly WorkloadSettings[],
  inStack: boolean,
): void {
  const {
    app,
    alarms: { tableThrottles = ALARM_DEFAULTS.tableThrottles } = {},
    existing = {},
    workloadAlarms = {},
    env,
  } = props;
  const workloads = settings.map(({ workload }) => workload);
  const naming = {
    app: app.name,
    workloads,
    stacks: inStack ? [] : stacksOf(app.name, settings),
    alarmsFor: Object.keys(workloadAlarms),
  };
  const known = (app.tasks?.size ?? 0) > 0;
  const ofWorkload = (one: WorkloadSettings) =>
    [
      ...broken([...WORKLOAD_RULES, ...ALARM_RULES], one),
      ...(known ? broken(TASK_RULES, { ...one, tasks: tasksOf(app, one.workload) }) : []),
    ].map((message) => `workload "${one.workload}": ${message}`);
  const problems = [
    ...broken(NAMING_RULES, naming),
    ...broken(TABLE_ALARM_RULES, { tableThrottles }),
    ...settings.flatMap(ofWorkload),
    ...problemsOf(existing, app.name, workloads, app.payloads?.bucket, placeOf(taskApp, props, inStack)),
    ...(inStack && env
      ? [
          `env is ${JSON.stringify(env)}, but TaskApp is in a stack, and is deployed where that is; give env to the stack, or put TaskApp into an App or a Stage`,
        ]
      : []),
  ];
  if (problems.length > 0) throw new InvalidOption(`app "${app.name}" cannot be deployed:\n- ${problems.join("\n- ")}`);
}

interface Placed {
  readonly path: string;
  readonly app: string;
}

const placed = new WeakMap<Construct, Map<string, Placed>>();

/**
 * Two apps that would share something in one account and region: those of one name everything, others a queue or a stack, as
 * workload "mails-x" of "shop" and workload "x" of "shop-mails" do. Neither the CDK nor, for stacks, CloudFormation refuses it:
 * the one that is deployed last replaces the other. Throws InvalidOption.
 */
export function refuseSecondApp(
  taskApp: Construct,
  app: string,
  settings: readonly WorkloadSettings[],
  place: Stack,
  inStack: boolean,
): void {
  const { root, path } = taskApp.node;
  const taken = placed.get(root) ?? new Map<string, Placed>();
  placed.set(root, taken);
  const names = [
    `table ${tableName(app)}`,
    ...settings
      .flatMap(({ workload }) => [queueName(app, workload), deadLetterQueueName(app, workload)])
      .map((queue) => `queue ${queue}`),
    ...(inStack ? [] : stacksOf(app, settings).map(({ stack }) => `stack ${stack}`)),
  ];
  for (const name of names) {
    const key = `${name} in ${place.environment}`;
    const other = taken.get(key);
    if (other?.app === app)
      throw new InvalidOption(
        `"${path}" deploys app "${app}" to ${place.environment}, where "${other.path}" deploys one of the same name; their queues and tables would be the same: name one of them otherwise, or give it another env`,
      );
    if (other !== undefined)
      throw new InvalidOption(
        `"${path}" deploys app "${app}" to ${place.environment}, where "${other.path}" deploys app "${other.app}", and both would have ${name}; rename an app or a workload, or give one another env`,
      );
    taken.set(key, { path, app });
  }
}
