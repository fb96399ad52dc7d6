// The containers of one workload: a service on Fargate that scales from and to zero.
import { Duration, RemovalPolicy, Size, Stack, Token } from "aws-cdk-lib";
import { type IVpc, SecurityGroup } from "aws-cdk-lib/aws-ec2";
import {
  AvailabilityZoneRebalancing,
  AwsLogDriverMode,
  type ContainerImage,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LinuxParameters,
  LogDrivers,
  OperatingSystemFamily,
  PropagatedTagSource,
} from "aws-cdk-lib/aws-ecs";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { CONTAINER_HEALTH, ECS } from "../../lib/defaults.ts";
import { acknowledge, acknowledgeWildcard } from "./acknowledged.ts";
import { ContainerCluster, containerSubnets } from "./container-cluster.ts";
import { ContainerScaling } from "./container-scaling.ts";
import { slotsOf } from "./scaling-steps.ts";
import type { WorkloadSettings } from "./validate.ts";

export interface ContainerWorkerProps {
  readonly app: string;
  /** Checked: see validate.ts. */
  readonly workload: WorkloadSettings;
  readonly queue: IQueue;
  /** The service's name, too. */
  readonly queueName: string;
  /** Its entry point starts `functions/worker/main.js`, as the Dockerfile that `lovage init` writes does. For ARM64. */
  readonly image: ContainerImage;
  /** @default - one is made, in `vpc` */
  readonly cluster?: ICluster | undefined;
  /** Where no `cluster` is given. @default - a network with public subnets, without NAT */
  readonly vpc?: IVpc | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly logRetention: RetentionDays;
}

/**
 * Works one queue off in containers on Fargate (ARM64), of which none runs while the queue is empty.
 *
 * A message on an empty queue is worked off within some 2 to 4 minutes: SQS reports its metrics every minute, the alarm takes
 * another at most, and a container 30 to 60 s to start. After 6 hours in which nobody used the queue SQS reports nothing, and
 * up to 15 minutes pass before it does again. Delayed messages count when they are due.
 *
 * Tasks under way are not stopped by scaling in or by a deployment: their worker protects itself, and both wait for it. Its role
 * may do that, and nothing else until more is granted.
 */
export class ContainerWorker extends Construct {
  readonly taskRole: Role;
  readonly service: FargateService;
  readonly cluster: ICluster;
  readonly logGroup: LogGroup;
  readonly scaling: ContainerScaling;

  constructor(scope: Construct, id: string, props: ContainerWorkerProps) {
    super(scope, id);
    const { app, queue, queueName: name, workload } = props;
    const { fargate } = workload;
    if (fargate === undefined) throw new Error(`workload "${workload.workload}" is not run by containers`);
    this.cluster = props.cluster ?? new ContainerCluster(this, "Cluster", { app, vpc: props.vpc }).cluster;
    // It goes with its service, for a log group left behind would forbid the next deployment.
    this.logGroup = new LogGroup(this, "Logs", {
      logGroupName: `/ecs/${name}`,
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.taskRole = new Role(this, "Role", { assumedBy: new ServicePrincipal("ecs-tasks.amazonaws.com") });
    this.#allowProtection(props);
    this.service = this.#service(props, this.#taskDefinition(props, fargate.cpu));
    this.scaling = new ContainerScaling(this, "Scaling", {
      cluster: this.cluster,
      service: this.service,
      queue,
      queueName: name,
      slots: slotsOf(workload),
      maxWorkers: fargate.maxWorkers,
    });
  }

  /** The agent asks with the role of the task. IAM cannot narrow it to the task that asks. */
  #allowProtection({ app }: ContainerWorkerProps): void {
    const stack = Stack.of(this);
    // One that is made here has the app's name; said literally, for rules that look at it.
    const cluster = Token.isUnresolved(this.cluster.clusterName) ? app : this.cluster.clusterName;
    const tasks = stack.formatArn({ service: "ecs", resource: "task", resourceName: `${cluster}/*` });
    // As the rule prints a token.
    const shown = (part: string) => (Token.isUnresolved(part) ? `<${stack.resolve(part).Ref}>` : part);
    const [partition, region, account] = [stack.partition, stack.region, stack.account].map(shown);
    acknowledgeWildcard(
      this.taskRole,
      `arn:${partition}:ecs:${region}:${account}:task/${cluster}/*`,
      "a task is named by ECS when it starts; all of the cluster are workers of this app",
    );
    this.taskRole.addToPolicy(new PolicyStatement({ actions: ["ecs:UpdateTaskProtection"], resources: [tasks] }));
  }

  #taskDefinition(props: ContainerWorkerProps, cpu: number): FargateTaskDefinition {
    const { workload, queueName: name } = props;
    const definition = new FargateTaskDefinition(this, "Task", {
      family: name,
      cpu: cpu * 1_024,
      memoryLimitMiB: workload.memoryMb,
      runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
      taskRole: this.taskRole,
    });
    acknowledge(definition, "ECS2");
    const { port, host } = CONTAINER_HEALTH;
    const container = definition.addContainer("worker", {
      image: props.image,
      // Dead letters are ended by a function: containers may not run for hours.
      command: [
        ...["--workloads", workload.workload, "--concurrency", String(slotsOf(workload)), "--no-dead-letters"],
        ...["--port", String(port), "--host", host],
      ],
      environment: { ...props.environment },
      stopTimeout: Duration.seconds(ECS.maxStopTimeoutSeconds),
      healthCheck: {
        command: ["CMD", "node", "-e", HEALTH_PROBE],
        interval: Duration.seconds(CONTAINER_HEALTH.everySeconds),
        timeout: Duration.seconds(CONTAINER_HEALTH.timeoutSeconds),
        retries: CONTAINER_HEALTH.retries,
        startPeriod: Duration.seconds(CONTAINER_HEALTH.startSeconds),
      },
      // Work goes on where CloudWatch does not take its logs: past this they are dropped.
      logging: LogDrivers.awsLogs({
        logGroup: this.logGroup,
        streamPrefix: "worker",
        mode: AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(25),
      }),
      readonlyRootFilesystem: true,
      // Reaps what programs that tasks start leave behind, and passes signals on.
      linuxParameters: new LinuxParameters(this, "Linux", { initProcessEnabled: true }),
    });
    // All there is to write to: the task's ephemeral storage, gone with it. The image says VOLUME, or it would be root's.
    definition.addVolume({ name: "tmp" });
    container.addMountPoints({ sourceVolume: "tmp", containerPath: "/tmp", readOnly: false });
    return definition;
  }

  #service(props: ContainerWorkerProps, taskDefinition: FargateTaskDefinition): FargateService {
    const { vpc } = this.cluster;
    const { subnets, assignPublicIp, internetConnectivityEstablished } = containerSubnets(vpc);
    const securityGroup = new SecurityGroup(this, "SecurityGroup", {
      vpc,
      description: `Workers of ${props.queueName}: nothing connects to them`,
      allowAllOutbound: true,
    });
    const service = new FargateService(this, "Service", {
      serviceName: props.queueName,
      cluster: this.cluster,
      taskDefinition,
      // No desiredCount: each deployment would set it again, over what the backlog needs. ECS starts with 1, so that a first
      // deployment fails where the image does, and scaling takes it away.
      minHealthyPercent: 100, // the old ones work until the new ones do, and protected ones until they are done
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      vpcSubnets: { subnets },
      assignPublicIp,
      securityGroups: [securityGroup],
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED, // it would stop workers for the sake of symmetry
      propagateTags: PropagatedTagSource.SERVICE,
      enableExecuteCommand: false,
    });
    // The first container starts with the service. By then it needs its image and its log, a way to them, and its queue: a worker
    // without one ends at once, and after three of them the deployment has failed.
    service.node.addDependency(props.queue, taskDefinition.obtainExecutionRole(), internetConnectivityEstablished);
    return service;
  }
}

/** Asks /healthz with what every image for workers has. As the HEALTHCHECK of the Dockerfile. */
export const HEALTH_PROBE = `fetch('http://127.0.0.1:${CONTAINER_HEALTH.port}/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`;
