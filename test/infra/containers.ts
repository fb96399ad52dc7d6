// A workload of containers, deployed by itself.
import type { Stack } from "aws-cdk-lib";
import { ContainerImage } from "aws-cdk-lib/aws-ecs";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { alarmSettings } from "../../infra/constructs/alarm-options.ts";
import { ContainerWorker, type ContainerWorkerProps } from "../../infra/constructs/container-worker.ts";
import { WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { type FargateOptions, onFargate } from "../../lib/workload.ts";

export interface DeployOptions extends FargateOptions {
  readonly props?: Partial<ContainerWorkerProps>;
}

/** A workload with its queue, in that stack. */
export function workerIn(stack: Stack, { props, ...options }: DeployOptions = {}): ContainerWorker {
  const definition = onFargate({ cpu: 1, memory: "4GB", maxWorkers: 20, ...options });
  const workload = {
    ...definition,
    workload: "renders",
    retentionSeconds: WORKLOAD_DEFAULTS.retentionSeconds,
    deadLetterRetentionSeconds: WORKLOAD_DEFAULTS.deadLetterRetentionSeconds,
    alarms: alarmSettings(definition, {}),
  };
  return new ContainerWorker(stack, "Worker", {
    app: "duckling",
    workload,
    queue: new Queue(stack, "Queue", { queueName: "duckling-renders" }),
    queueName: "duckling-renders",
    image: ContainerImage.fromRegistry("example.com/worker"),
    environment: { LOVAGE_LOG_FORMAT: "json" },
    logRetention: RetentionDays.ONE_MONTH,
    ...props,
  });
}
