// All alarms of one workload.
import { deadLetterQueueName, queueName } from "../../lib/store/table.ts";
import type { AlarmSettings } from "./alarm-options.ts";
import type { AlarmDefinition, WorkloadTargets } from "./alarms.ts";
import { queueAlarms } from "./queue-alarms.ts";
import type { WorkloadSettings } from "./validate.ts";
import { workerAlarms } from "./worker-alarms.ts";

/** The names that a workload's resources have: its queues are found by them, the rest is named after the queues, the cluster after the app. */
export function targetsOf(
  app: string,
  { workload, kind }: Pick<WorkloadSettings, "workload" | "kind">,
): WorkloadTargets {
  const names = { queueName: queueName(app, workload), deadLetterQueueName: deadLetterQueueName(app, workload) };
  return kind === "lambda" ? { ...names, kind } : { ...names, kind, clusterName: app };
}

/** The alarms of one workload, as its settings want them. */
export function workloadAlarms(targets: WorkloadTargets, settings: AlarmSettings): readonly AlarmDefinition[] {
  return [...queueAlarms(targets, settings), ...workerAlarms(targets, settings)];
}
