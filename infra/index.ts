// What a deployment imports from `lovage/infra`.
export { ALARM_DEFAULTS } from "../lib/defaults.ts";
export type { AlarmOptions } from "./constructs/monitoring.ts";
export type { PayloadBucket, PayloadBucketProps } from "./constructs/payload-bucket.ts";
export { type AppDefinition, type GrantSendOptions, TaskApp, type TaskAppProps } from "./constructs/task-app.ts";
export type { WorkloadQueues } from "./constructs/workload-queues.ts";
