// The public names, by topic.

// define
export { App, type AppOptions, createApp, type SendOptions } from "./app.ts";
// call
export type { CallOptions } from "./call-options.ts";
// workflows
export { type ChordOptions, chain, chord, chunks, type Group, group, signature } from "./canvas.ts";
// inside a task
export { currentTask, type TaskContext, type TaskFacts } from "./context.ts";
export type { State } from "./core/states.ts";
export type { Duration } from "./duration.ts";
export type { EagerOptions } from "./eager.ts";
// errors
export * from "./errors.ts";
// around tasks
export type { EventName, LifecycleEvents, Listener, RunEnding } from "./events.ts";
// results
export { type GroupFacts, type GroupGetOptions, GroupResult, groupResult } from "./group-result.ts";
export type { HookContext, TaskHooks } from "./hooks.ts";
export type { Logger } from "./log.ts";
export type { OpenTelemetry, OpenTelemetrySpan } from "./opentelemetry.ts";
export type { PayloadOptions, PayloadSettings } from "./payloads.ts";
export type { GetOptions } from "./polling.ts";
export type { Resource, TaskResourceOptions, WorkerResourceOptions } from "./resource.ts";
export { AsyncResult, type Handle, type Relatives, type TaskInfo } from "./result.ts";
export type { RevokeAnswer } from "./revoke.ts";
export type { ArgsInput, ArgsOutput, ArgsSchema, StandardSchemaV1 } from "./schema.ts";
export { type ErrorMatcher, type TaskBase, type TaskOptions, type TaskSettings, taskBase } from "./settings.ts";
export type { Gives, Giving, Signature, SignatureOptions, Taking } from "./signature.ts";
export type { PayloadLimits } from "./store/payload.ts";
export type { Failure } from "./store/record.ts";
export type { BoundHandler, Task } from "./task.ts";
export type { JsonObject, JsonValue } from "./wire/serializer.ts";
export type { WireSignature } from "./wire/signature.ts";
export { type Workflow, type WorkflowRevoked, workflow } from "./workflow.ts";
export type { WorkflowChain, WorkflowGroup, WorkflowMember, WorkflowNode, WorkflowTask } from "./workflow-tree.ts";
export { type FargateOptions, type LambdaOptions, onFargate, onLambda, type Workload } from "./workload.ts";
