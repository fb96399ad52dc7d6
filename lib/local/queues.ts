// The queues of the local stack, made as the CDK constructs make them: dead-letter queue first, then the queue that names it.
import { WORKLOAD_DEFAULTS } from "../defaults.ts";
import { deadLetterQueueName, queueName } from "../store/table.ts";
import type { Workload } from "../workload.ts";
import { type AwsRequest, demand, LOCAL_ACCOUNT, LOCAL_REGION } from "./aws-request.ts";

export interface QueueSpec {
  readonly name: string;
  readonly deadLetter: string;
  readonly visibilitySeconds: number;
  readonly maxReceiveCount: number;
}

/** What the stack needs to know of an app. */
export interface LocalApp {
  readonly name: string;
  readonly workloads: Readonly<Record<string, Pick<Workload, "visibilitySeconds" | "maxReceiveCount">>>;
  /** @default - no bucket is made */
  readonly payloads?: { readonly bucket: string } | undefined;
}

/** The queues of an app's workloads. */
export function queuesOf({ name: app, workloads }: LocalApp): readonly QueueSpec[] {
  return Object.entries(workloads).map(([workload, { visibilitySeconds, maxReceiveCount }]) => ({
    name: queueName(app, workload),
    deadLetter: deadLetterQueueName(app, workload),
    visibilitySeconds,
    maxReceiveCount,
  }));
}

/** Idempotent: a queue is created without attributes, which never conflicts, and then gets all of them. */
export function queueRequests(endpoint: string, queues: readonly QueueSpec[]): readonly AwsRequest[] {
  return queues.flatMap((queue) => [
    ...queueOf(endpoint, queue.deadLetter, {
      MessageRetentionPeriod: String(WORKLOAD_DEFAULTS.deadLetterRetentionSeconds),
    }),
    ...queueOf(endpoint, queue.name, {
      MessageRetentionPeriod: String(WORKLOAD_DEFAULTS.retentionSeconds),
      VisibilityTimeout: String(queue.visibilitySeconds),
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: `arn:aws:sqs:${LOCAL_REGION}:${LOCAL_ACCOUNT}:${queue.deadLetter}`,
        maxReceiveCount: queue.maxReceiveCount,
      }),
    }),
  ]);
}

function queueOf(endpoint: string, name: string, attributes: Readonly<Record<string, string>>): readonly AwsRequest[] {
  return [
    { service: "sqs", action: "CreateQueue", input: { QueueName: name } },
    {
      service: "sqs",
      action: "SetQueueAttributes",
      input: { QueueUrl: `${endpoint}/${LOCAL_ACCOUNT}/${name}`, Attributes: attributes },
    },
  ];
}

export async function createQueues(endpoint: string, queues: readonly QueueSpec[]): Promise<void> {
  for (const request of queueRequests(endpoint, queues)) await demand(endpoint, request);
}
