// Everything that is wrong with a deployment, at once, before any of it is made.
import type { Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { ALARM_DEFAULTS, WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { InvalidOption } from "../../lib/errors.ts";
import { queueName, tableName } from "../../lib/store/table.ts";
import { type AlarmOptions, alarmSettings } from "./alarm-options.ts";
import { problemsOf } from "./existing.ts";
import type { TaskAppProps } from "./task-app.ts";
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

/** Seconds that the longest task of a workload may run, as far as the tasks are known. */
function longestOf(workload: string, { app }: TaskAppProps): number {
  const own = [...(app.tasks?.values() ?? [])].filter(({ settings }) => settings.workload === workload);
  return Math.max(0, ...own.map(({ settings }) => settings.timeLimit));
}

/** Queue names may have underscores, stack names may not. */
export function stackNameOf(name: string): string {
  return name.replaceAll("_", "-");
}

export function containersStackOf(app: string): string {
  return stackNameOf(`${app}-containers`);
}

/** Throws InvalidOption. */
export function refuseWhatCannotWork(
  {
    app,
    alarms: { tableThrottles = ALARM_DEFAULTS.tableThrottles } = {},
    existing = {},
    workloadAlarms = {},
  }: TaskAppProps,
  settings: readonly WorkloadSettings[],
  inStack: boolean,
): void {
  const stacks = [
    { of: "the table", stack: stackNameOf(tableName(app.name)) },
    ...(settings.some(({ fargate }) => fargate)
      ? [{ of: "the cluster of its containers", stack: containersStackOf(app.name) }]
      : []),
    ...settings.map(({ workload }) => ({ of: workload, stack: stackNameOf(queueName(app.name, workload)) })),
  ];
  const workloads = settings.map(({ workload }) => workload);
  const naming = {
    app: app.name,
    workloads,
    stacks: inStack ? [] : stacks,
    alarmsFor: Object.keys(workloadAlarms),
  };
  const tasks = [...(app.tasks?.values() ?? [])].map((task) => task.settings);
  const ofWorkload = (one: WorkloadSettings) => {
    const own = tasks.filter(({ workload }) => workload === one.workload);
    return [
      ...broken([...WORKLOAD_RULES, ...ALARM_RULES], one),
      ...(tasks.length === 0 ? [] : broken(TASK_RULES, { ...one, tasks: own })),
    ].map((message) => `workload "${one.workload}": ${message}`);
  };
  const problems = [
    ...broken(NAMING_RULES, naming),
    ...broken(TABLE_ALARM_RULES, { tableThrottles }),
    ...settings.flatMap(ofWorkload),
    ...problemsOf(existing, app.name, workloads, app.payloads?.bucket),
  ];
  if (problems.length > 0) throw new InvalidOption(`app "${app.name}" cannot be deployed:\n- ${problems.join("\n- ")}`);
}

const placed = new WeakMap<Construct, Map<string, string>>();

/** One app of a name in one account and region: two would share queues and table. Throws InvalidOption. */
export function refuseSecondApp(taskApp: Construct, app: string, place: Stack): void {
  const { root, path } = taskApp.node;
  const apps = placed.get(root) ?? new Map<string, string>();
  placed.set(root, apps);
  const key = `${app} in ${place.environment}`;
  const other = apps.get(key);
  if (other !== undefined)
    throw new InvalidOption(
      `"${path}" deploys app "${app}" to ${place.environment}, where "${other}" deploys one of the same name; their queues and tables would be the same: name one of them otherwise, or give it another env`,
    );
  apps.set(key, path);
}
