// What a deployment imports from `lovage/infra`.
export { ALARM_DEFAULTS } from "../lib/defaults.ts";
export type { AlarmActions, AlarmOptions, TableAlarmOptions } from "./constructs/alarm-options.ts";
export type { Existing } from "./constructs/existing.ts";
export type { PayloadBucket, PayloadBucketProps } from "./constructs/payload-bucket.ts";
export {
  type AppDefinition,
  type DeployedTask,
  type GrantSendOptions,
  TaskApp,
  type TaskAppProps,
} from "./constructs/task-app.ts";
export type { WorkerFunction } from "./constructs/worker-function.ts";
export type { ExistingQueues } from "./constructs/workload-queues.ts";
export type { WorkloadResources } from "./constructs/workload-resources.ts";
