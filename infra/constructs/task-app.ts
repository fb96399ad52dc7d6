import { Annotations, type Environment, RemovalPolicy, Stack } from "aws-cdk-lib";
import type { ITable, Table } from "aws-cdk-lib/aws-dynamodb";
import type { IVpc } from "aws-cdk-lib/aws-ec2";
import type { TaskDefinition } from "aws-cdk-lib/aws-ecs";
import type { Grant, IGrantable } from "aws-cdk-lib/aws-iam";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { VARIABLES } from "../../lib/environment.ts";
import { queueName, tableName } from "../../lib/store/table.ts";
import type { Workload } from "../../lib/workload.ts";
import type { AlarmOptions, TableAlarmOptions } from "./alarm-options.ts";
import { appResources } from "./app-resources.ts";
import { configure, principalOf } from "./configure.ts";
import { ContainerCluster, ContainersStack } from "./container-cluster.ts";
import type { Existing } from "./existing.ts";
import { AppGrants } from "./grants.ts";
import { refuseUnknownOptions } from "./known-options.ts";
import type { PayloadBucket } from "./payload-bucket.ts";
import { entryModule, projectOf } from "./project.ts";
import {
  alarmsOf,
  containersStackOf,
  refuseSecondApp,
  refuseWhatCannotWork,
  settingsOf,
  stackNameOf,
  tasksOf,
} from "./refuse.ts";
import { type ImageOptions, workerImage } from "./worker-image.ts";
import { WorkloadResources } from "./workload-resources.ts";

/** What a deployment needs to know of an app. What `createApp` returns has it; so may a value of its own. */
export interface AppDefinition {
  readonly name: string;
  readonly workloads: Readonly<Record<string, Workload>>;
  /** Large arguments and results go through this bucket. @default - none is made */
  readonly payloads?: { readonly bucket: string } | undefined;
  /** Where the program that synthesizes imports the tasks too, they are checked against their workloads. */
  readonly tasks?: ReadonlyMap<string, DeployedTask>;
}

/** What is checked of a task. */
export interface DeployedTask {
  readonly settings: { readonly name: string; readonly workload: string; readonly timeLimit: number };
}

export interface TaskAppProps extends ImageOptions {
  readonly app: AppDefinition;
  /**
   * Module that exports `handler`, made by `createLambdaHandler(app)`, and imports the tasks. It is bundled by esbuild for the
   * functions of Lambda workloads. Relative to the working directory, which is that of cdk.json.
   */
  readonly entry: string;
  /** The same for the functions on dead-letter queues: where the tasks' own modules need more than a function has. @default - `entry` */
  readonly deadLetterEntry?: string;
  /**
   * Network of the containers. One that another stack of the CDK app makes ties the workloads' stacks to that by exports; one that
   * exists (`Vpc.fromLookup`, `Vpc.fromVpcAttributes`) does not.
   *
   * @default - one with public subnets, without NAT, where the app has a Fargate workload
   */
  readonly vpc?: IVpc;
  /** Variables of every worker's environment, for the tasks. @default - none */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * What becomes of queues, table and bucket when they leave their stack. DESTROY is for development stacks; CloudFormation
   * removes a bucket only when it is empty. By default they stay, but where the deployment that makes them fails: left behind by
   * that, their names would be taken, and every further try would fail for it (RETAIN does so).
   *
   * @default RETAIN_ON_UPDATE_OR_DELETE
   */
  readonly removalPolicy?: RemovalPolicy;
  /** Queues, table and bucket that exist already, and are taken as they are. @default - they are made */
  readonly existing?: Existing;
  /** How long the logs of workers are kept. @default ONE_MONTH */
  readonly logRetention?: RetentionDays;
  /** Metrics that workers write: for each task, for each workload only, or none. @default "task" */
  readonly metrics?: "task" | "workload" | "off";
  /** Alarms of every workload and of the table, and whom they tell. @default - all of docs/operations.md; nobody is told */
  readonly alarms?: AlarmOptions & TableAlarmOptions;
  /** Alarms of single workloads, by name; they win over `alarms`. @default - none */
  readonly workloadAlarms?: Readonly<Record<string, AlarmOptions>>;
  /** Account and region of the stacks it makes; refused inside a stack, which has its own. @default - those of the scope */
  readonly env?: Environment;
}

export interface GrantSendOptions {
  /**
   * Also allow calls with a `taskId` of their own. Those are recorded before they are sent, with dynamodb:UpdateItem, which
   * IAM cannot narrow to new records: whoever may do it may change the record of any task of this app.
   *
   * @default false
   */
  readonly chosenIds?: boolean;
  /**
   * Also allow calls of chains, groups and chords: what their members share is written to the table before they are sent, with
   * dynamodb:UpdateItem, as above.
   *
   * @default false
   */
  readonly workflows?: boolean;
}

/**
 * The AWS side of an app: queues, workers, table, alarms and, where the app has `payloads`, a bucket.
 *
 * For each workload a queue `<app>-<workload>`, its dead-letter queue `<app>-<workload>-dead`, the workers of its kind, a
 * function that ends dead letters, and alarms; for the app one table and a dashboard. In an App or a Stage the table gets a
 * stack and every workload another, so that one can be deployed or removed without the rest; they refer to each other by name
 * and never by exports. Inside a stack everything goes into that stack.
 *
 * Names are fixed, for producers find queues by them: one app of a name for each account and region. Queues and table outlive
 * their stack unless `removalPolicy` says otherwise; `existing` takes what was left behind into a new one.
 *
 * @throws InvalidOption with everything that cannot work, at once
 */
export class TaskApp extends Construct {
  readonly table: Table | ITable;
  /** Where the app has `payloads`. */
  readonly payloads: PayloadBucket | undefined;
  /** By name. */
  readonly workloads: Readonly<Record<string, WorkloadResources>>;
  /** What a producer is told where the queues are, as variables of its environment; `grantSend` sets them where it can. */
  readonly environment: Readonly<Record<string, string>>;
  readonly appName: string;
  readonly #grants: AppGrants;

  constructor(scope: Construct, id: string, props: TaskAppProps) {
    super(scope, id);
    refuseUnknownOptions(props);
    const { app, removalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, existing = {} } = props;
    this.appName = app.name;
    const inStack = scope.node.scopes.some(Stack.isStack);
    const settings = settingsOf(props);
    refuseWhatCannotWork(this, props, settings, inStack);
    const entry = entryModule("entry", props.entry);
    const deadLetterEntry = entryModule("deadLetterEntry", props.deadLetterEntry ?? props.entry);
    const project = projectOf(entry);

    const place = (part: string, stackName: string, description: string, Home = Stack): Construct =>
      inStack
        ? new Construct(this, part)
        : new Home(this, part, { stackName, description, ...(props.env && { env: props.env }) });

    const results = place("Results", stackNameOf(tableName(app.name)), `Results of ${app.name}`);
    refuseSecondApp(this, app.name, settings, Stack.of(results), inStack);
    if (app.tasks?.size === 0)
      Annotations.of(results).addWarningV2(
        "lovage:no-tasks-known",
        `no task of app "${app.name}" is known, so nothing is checked against them: import their modules in the program that synthesizes, as in import "../tasks.ts" (workers of an app that has none do not start)`,
      );
    const { table, payloads } = appResources(results, props, settings, removalPolicy);
    this.table = table;
    this.payloads = payloads;
    const workloads = Object.keys(app.workloads);
    this.#grants = new AppGrants(results, { app: app.name, workloads, payloads });
    this.environment = { [VARIABLES.queueUrlBase]: this.#grants.queueUrlBase };
    const shared = {
      app: app.name,
      entry,
      deadLetterEntry,
      project,
      removalPolicy,
      grants: this.#grants,
      environment: {
        ...props.environment,
        ...this.environment,
        [VARIABLES.metrics]: props.metrics ?? "task",
        [VARIABLES.logFormat]: "json",
      },
      logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
    };
    const containers = settings.some(({ fargate }) => fargate) && {
      image: workerImage(project, props),
      cluster: new ContainerCluster(
        place(
          "Containers",
          containersStackOf(app.name),
          `Cluster and network of the containers of ${app.name}`,
          ContainersStack,
        ),
        "Cluster",
        { app: app.name, vpc: props.vpc },
      ),
    };
    this.workloads = Object.fromEntries(
      settings.map((one) => {
        const { workload } = one;
        const stack = stackNameOf(queueName(app.name, workload));
        const home = place(`Workload-${workload}`, stack, `Workload ${workload} of ${app.name}`);
        const own = {
          settings: one,
          alarms: alarmsOf(workload, props),
          existing: existing.queues?.[workload],
          containers: one.fargate && containers ? containers : undefined,
          tasks: tasksOf(app, workload).map(({ name }) => name),
        };
        const resources = new WorkloadResources(home, "Workload", { ...shared, ...own });
        // A worker that finds no table, or no bucket, ends at once. Stacks of their own are deployed in that order anyway.
        if (inStack)
          resources.containerWorker?.service.node.addDependency(this.table, ...(this.payloads ? [this.payloads] : []));
        return [workload, resources];
      }),
    );
  }

  /**
   * Allows to send tasks to the app's workloads, and nothing else: sqs:SendMessage on their queues, not on dead-letter queues,
   * and no access to results (see `grantRead`); with `payloads` also s3:PutObject on arguments. A function, or the default
   * container of a task definition, is also told where the queues are; give others `environment`. Within one account and
   * region; the principal's stack names the queues and does not depend on theirs.
   */
  grantSend(
    grantee: IGrantable | TaskDefinition,
    { chosenIds = false, workflows = false }: GrantSendOptions = {},
  ): Grant {
    configure(grantee, this.environment);
    return this.#grants.send(principalOf(grantee), chosenIds || workflows);
  }

  /** Allows to read results and states: dynamodb:GetItem and BatchGetItem (of groups) on the table; with `payloads` also s3:GetObject on results. */
  grantRead(grantee: IGrantable | TaskDefinition): Grant {
    return this.#grants.read(principalOf(grantee));
  }

  /**
   * Allows to revoke tasks and to forget results: dynamodb:GetItem, BatchGetItem and UpdateItem on the table, which is to say on every
   * record; with `payloads` also s3:DeleteObject on results.
   */
  grantChange(grantee: IGrantable | TaskDefinition): Grant {
    return this.#grants.change(principalOf(grantee));
  }

  /**
   * Allows to list failed tasks and to send them again (`lovage failures`, `lovage redrive`): as `grantSend`, with dynamodb:Query
   * on the index of failures, dynamodb:GetItem and dynamodb:UpdateItem on the table; with `payloads` also s3:GetObject and
   * s3:PutObject on the app's objects.
   */
  grantRedrive(grantee: IGrantable | TaskDefinition): Grant {
    configure(grantee, this.environment);
    return this.#grants.redrive(principalOf(grantee));
  }
}
