// All of one workload: its queues, who works them off, who ends its dead letters, and the alarms that tell when nobody does.
import type { RemovalPolicy } from "aws-cdk-lib";
import type { Alarm } from "aws-cdk-lib/aws-cloudwatch";
import type { ContainerImage } from "aws-cdk-lib/aws-ecs";
import type { IRole } from "aws-cdk-lib/aws-iam";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { DEAD_LETTER_FUNCTION } from "../../lib/defaults.ts";
import { deadLetterQueueName, queueName } from "../../lib/store/table.ts";
import type { AlarmActions } from "./alarm-options.ts";
import type { ContainerCluster } from "./container-cluster.ts";
import { ContainerWorker } from "./container-worker.ts";
import type { AppGrants } from "./grants.ts";
import { addWorkloadAlarms } from "./monitoring.ts";
import type { Project } from "./project.ts";
import type { WorkloadSettings } from "./validate.ts";
import { WorkerFunction } from "./worker-function.ts";
import { targetsOf } from "./workload-alarms.ts";
import { type ExistingQueues, workloadQueues } from "./workload-queues.ts";

export interface WorkloadResourcesProps {
  readonly app: string;
  /** Checked: see validate.ts. */
  readonly settings: WorkloadSettings;
  readonly entry: string;
  readonly deadLetterEntry: string;
  readonly project: Project;
  readonly grants: AppGrants;
  readonly environment: Readonly<Record<string, string>>;
  readonly removalPolicy: RemovalPolicy;
  readonly logRetention: RetentionDays;
  /** What the alarms of `settings` do. */
  readonly alarms: AlarmActions;
  readonly existing: ExistingQueues | undefined;
  /** Of a Fargate workload. */
  readonly containers: Containers | undefined;
  /** Names of its tasks, where they are known. */
  readonly tasks: readonly string[];
}

/** What containers run, and where. */
export interface Containers {
  readonly image: ContainerImage;
  readonly cluster: ContainerCluster;
}

export class WorkloadResources extends Construct {
  readonly queue: IQueue;
  readonly deadLetterQueue: IQueue;
  /** Works the queue off, of a Lambda workload. */
  readonly workerFunction: WorkerFunction | undefined;
  /** Works the queue off, of a Fargate workload. */
  readonly containerWorker: ContainerWorker | undefined;
  /** What its tasks run with: grant it what they need. */
  readonly role: IRole;
  /** Records what nobody could bring to an end. */
  readonly deadLetterFunction: WorkerFunction;
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: WorkloadResourcesProps) {
    super(scope, id);
    const { app, settings, grants, environment, project, logRetention, containers } = props;
    const { workload, lambda } = settings;
    const names = { queueName: queueName(app, workload), deadLetterQueueName: deadLetterQueueName(app, workload) };
    const { queue, deadLetterQueue } = workloadQueues(this, props);
    this.queue = queue;
    this.deadLetterQueue = deadLetterQueue;

    const shared = { project, environment, logRetention, tasks: props.tasks };
    this.workerFunction =
      lambda &&
      new WorkerFunction(this, "Worker", {
        ...shared,
        ...lambda,
        name: names.queueName,
        queue,
        description: `Runs the tasks of workload ${workload} of ${app}`,
        entry: props.entry,
        memoryMb: settings.memoryMb,
        batchSize: settings.batchSize,
      });
    this.containerWorker = containers && this.#containerWorker(props, containers);
    const role = this.workerFunction?.role ?? this.containerWorker?.taskRole;
    if (role === undefined) throw new Error(`workload "${workload}" is of no kind`); // validate.ts has refused that
    this.role = role;
    grants.work(role, workload);

    this.deadLetterFunction = new WorkerFunction(this, "DeadLetterWorker", {
      ...shared,
      ...DEAD_LETTER_FUNCTION,
      name: names.deadLetterQueueName,
      queue: deadLetterQueue,
      description: `Ends the dead letters of workload ${workload} of ${app}`,
      entry: props.deadLetterEntry,
    });
    grants.endDeadLetters(this.deadLetterFunction.role, workload);

    this.alarms = addWorkloadAlarms(this, targetsOf(app, settings), settings.alarms, props.alarms);
  }

  #containerWorker(props: WorkloadResourcesProps, { image, cluster }: Containers): ContainerWorker {
    return new ContainerWorker(this, "Containers", {
      app: props.app,
      workload: props.settings,
      queue: this.queue,
      queueName: queueName(props.app, props.settings.workload),
      image,
      cluster: cluster.in(this),
      environment: props.environment,
      logRetention: props.logRetention,
    });
  }
}
