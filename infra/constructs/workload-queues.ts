// The queue of one workload and the dead-letter queue behind it: made here, or taken as they are.
import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import { type IQueue, Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { DEAD_LETTER_FUNCTION, LAMBDA_VISIBILITY_FACTOR, SQS } from "../../lib/defaults.ts";
import { deadLetterQueueName, queueName } from "../../lib/store/table.ts";
import type { WorkloadSettings } from "./validate.ts";

/** Queues that exist already, such as those that a destroyed stack has left behind. */
export interface ExistingQueues {
  /** Of `<app>-<workload>`. Its redrive policy and its visibility timeout stay as they are. */
  readonly queueArn: string;
  /** Of `<app>-<workload>-dead`. */
  readonly deadLetterQueueArn: string;
}

export interface WorkloadQueuesProps {
  readonly app: string;
  /** Checked: see validate.ts. */
  readonly settings: WorkloadSettings;
  readonly removalPolicy: RemovalPolicy;
  /** Checked: see existing.ts. @default - they are made */
  readonly existing?: ExistingQueues | undefined;
}

export interface WorkloadQueues {
  readonly queue: IQueue;
  readonly deadLetterQueue: IQueue;
}

/** In `scope` itself: their logical ids must never change. */
export function workloadQueues(scope: Construct, props: WorkloadQueuesProps): WorkloadQueues {
  const { app, settings, removalPolicy, existing } = props;
  if (existing)
    return {
      queue: Queue.fromQueueArn(scope, "Queue", existing.queueArn),
      deadLetterQueue: Queue.fromQueueArn(scope, "DeadLetterQueue", existing.deadLetterQueueArn),
    };
  const both = {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    maxMessageSizeBytes: SQS.maxMessageBytes,
    // For whoever polls without saying so: a short poll asks only some of the servers, and costs as much.
    receiveMessageWaitTime: Duration.seconds(SQS.maxWaitSeconds),
    removalPolicy,
  };
  const deadLetterQueue = new Queue(scope, "DeadLetterQueue", {
    ...both,
    queueName: deadLetterQueueName(app, settings.workload),
    retentionPeriod: Duration.seconds(settings.deadLetterRetentionSeconds),
    visibilityTimeout: Duration.seconds(LAMBDA_VISIBILITY_FACTOR * DEAD_LETTER_FUNCTION.timeoutSeconds),
  });
  const queue = new Queue(scope, "Queue", {
    ...both,
    queueName: queueName(app, settings.workload),
    retentionPeriod: Duration.seconds(settings.retentionSeconds),
    visibilityTimeout: Duration.seconds(settings.visibilitySeconds),
    deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: settings.maxReceiveCount },
  });
  return { queue, deadLetterQueue };
}
