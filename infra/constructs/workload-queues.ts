// The queue of one workload, the dead-letter queue behind it, and their alarms.
import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import type { Alarm } from "aws-cdk-lib/aws-cloudwatch";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { SQS } from "../../lib/defaults.ts";
import { deadLetterQueueName, queueName } from "../../lib/store/table.ts";
import { type AlarmOptions, addAlarms } from "./monitoring.ts";
import type { WorkloadSettings } from "./validate.ts";

export interface WorkloadQueuesProps {
  readonly app: string;
  /** Checked: see validate.ts. */
  readonly settings: WorkloadSettings;
  readonly removalPolicy: RemovalPolicy;
  readonly alarms: AlarmOptions;
}

export class WorkloadQueues extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { app, settings, removalPolicy, alarms }: WorkloadQueuesProps) {
    super(scope, id);
    const names = {
      queueName: queueName(app, settings.workload),
      deadLetterQueueName: deadLetterQueueName(app, settings.workload),
    };
    const both = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      maxMessageSizeBytes: SQS.maxMessageBytes,
      // For whoever polls without saying so: a short poll asks only some of the servers, and costs as much.
      receiveMessageWaitTime: Duration.seconds(SQS.maxWaitSeconds),
      removalPolicy,
    };
    this.deadLetterQueue = new Queue(this, "DeadLetterQueue", {
      ...both,
      queueName: names.deadLetterQueueName,
      retentionPeriod: Duration.seconds(settings.deadLetterRetentionSeconds),
      // Its consumer is a long-running worker, and renews it like any other.
      visibilityTimeout: Duration.seconds(settings.heartbeatVisibilitySeconds),
    });
    this.queue = new Queue(this, "Queue", {
      ...both,
      queueName: names.queueName,
      retentionPeriod: Duration.seconds(settings.retentionSeconds),
      visibilityTimeout: Duration.seconds(settings.visibilitySeconds),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: settings.maxReceiveCount },
    });
    this.alarms = addAlarms(this, { queue: this.queue, deadLetterQueue: this.deadLetterQueue, ...names }, alarms);
  }
}
