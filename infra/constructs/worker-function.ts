// A Lambda function that handles the messages of one queue: a workload's worker, or what ends its dead letters.
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, EventSourceMapping, RecursiveLoop, Runtime } from "aws-cdk-lib/aws-lambda";
import { type BundlingOptions, LogLevel, NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { bundling, checkBundle } from "./bundle.ts";
import { FUNCTION_BUNDLING, type FunctionBundling } from "./bundling.ts";
import type { Project } from "./project.ts";

export interface WorkerFunctionProps {
  /** The queue's name, too. */
  readonly name: string;
  readonly queue: IQueue;
  readonly description: string;
  /** Module that exports `handler`: what `createLambdaHandler(app)` returns. Absolute. */
  readonly entry: string;
  readonly project: Project;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly batchSize: number;
  /** Concurrent invocations. */
  readonly maxConcurrency: number;
  /** Of the account's concurrency, kept for it alone. @default - none is */
  readonly reservedConcurrency?: number | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Names of tasks that it is there for, as far as they are known. */
  readonly tasks: readonly string[];
  readonly logRetention: RetentionDays;
}

export class WorkerFunction extends Construct {
  readonly function: NodejsFunction;
  readonly role: Role;
  readonly mapping: EventSourceMapping;

  constructor(scope: Construct, id: string, props: WorkerFunctionProps) {
    super(scope, id);
    // Its name tells where to look; it goes with its function, for a log group left behind would forbid the next deployment.
    const logGroup = new LogGroup(this, "Logs", {
      logGroupName: `/aws/lambda/${props.name}`,
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    logGroup.grantWrite(this.role);
    const make = () =>
      new NodejsFunction(this, "Function", {
        functionName: props.name,
        description: props.description,
        runtime: Runtime.NODEJS_24_X,
        architecture: Architecture.ARM_64,
        entry: props.entry,
        projectRoot: props.project.root,
        depsLockFilePath: props.project.lockFile,
        bundling: bundlingOptions(),
        timeout: Duration.seconds(props.timeoutSeconds),
        memorySize: props.memoryMb,
        ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
        environment: { ...props.environment },
        role: this.role,
        logGroup,
        // A retry, a callback, a task called by a task: all are loops through SQS to Lambda's guard, which cuts them after some 16.
        // Lovage has a limit of its own (`maxHops`).
        recursiveLoop: RecursiveLoop.ALLOW,
      });
    this.function = bundling(props.entry, make);
    // Lambda refuses a timeout longer than its queue's visibility timeout. Where both grow, the queue's does first.
    // The queue alone: its policy may come to name the function, and would wait for it.
    const { defaultChild: queue } = props.queue.node;
    if (queue) this.function.node.addDependency(queue);
    checkBundle(this.function, props.entry, props.tasks);
    this.mapping = new EventSourceMapping(this, "Mapping", {
      target: this.function,
      eventSourceArn: props.queue.queueArn,
      batchSize: props.batchSize,
      maxConcurrency: props.maxConcurrency,
      reportBatchItemFailures: true,
    });
  }
}

function bundlingOptions({
  external,
  format,
  mainFields,
  refusedWarning,
  ...same
}: FunctionBundling = FUNCTION_BUNDLING): BundlingOptions {
  const formats = { esm: OutputFormat.ESM } as const;
  return {
    ...same,
    format: formats[format],
    mainFields: [...mainFields],
    externalModules: [...external],
    esbuildArgs: { "--log-override": `${refusedWarning}=error` },
    bundleAwsSDK: true,
    logLevel: LogLevel.WARNING, // of a good bundle esbuild would say its size only, with a warning sign at 1 MB
    forceDockerBundling: false,
  };
}
