import { type Environment, RemovalPolicy, Stack } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { ALARM_DEFAULTS, WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { InvalidOption } from "../../lib/errors.ts";
import { queueName, tableName } from "../../lib/store/table.ts";
import type { Workload } from "../../lib/workload.ts";
import type { AlarmOptions } from "./monitoring.ts";
import { PayloadBucket } from "./payload-bucket.ts";
import { resultsTable } from "./results-table.ts";
import { broken, NAMING_RULES, WORKLOAD_RULES, type WorkloadSettings } from "./validate.ts";
import { WorkloadQueues } from "./workload-queues.ts";

/** What a deployment needs to know of an app. What `createApp` returns has it; so may a value of its own. */
export interface AppDefinition {
  readonly name: string;
  readonly workloads: Readonly<Record<string, Workload>>;
  /** Large arguments and results go through this bucket. @default - none is made */
  readonly payloads?: { readonly bucket: string } | undefined;
}

export interface TaskAppProps {
  readonly app: AppDefinition;
  /**
   * What becomes of queues, table and bucket when they leave their stack. DESTROY is for development stacks; CloudFormation
   * removes a bucket only when it is empty.
   *
   * @default RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /** Alarms of every workload. @default - queue depth 100, 500 and 1,000 for 5 minutes, and any dead letter; no actions */
  readonly alarms?: AlarmOptions;
  /** Alarms of single workloads, by name; they win over `alarms`. @default - none */
  readonly workloadAlarms?: Readonly<Record<string, AlarmOptions>>;
  /** Account and region of the stacks it makes. @default - those of the scope */
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
}

/**
 * The AWS side of an app: queues, table, alarms and, where the app has `payloads`, a bucket; workers come with the next release. Until then containers or functions
 * that run `lovage worker` are the deployment's own.
 *
 * For each workload a queue `<app>-<workload>`, its dead-letter queue `<app>-<workload>-dead`, and alarms; for the app
 * one table. In an App or a Stage the table gets a stack and every workload another, so that one can be deployed or removed
 * without the rest; stacks refer to each other by name and never by exports. Inside a stack everything goes into that stack.
 *
 * Names are fixed, for producers find queues by them: one app of a name for each account and region. Queues and table outlive
 * their stack unless `removalPolicy` says otherwise; `cdk import` takes what was left behind into a new one.
 */
export class TaskApp extends Construct {
  readonly table: Table;
  /** Where the app has `payloads`. */
  readonly payloads: PayloadBucket | undefined;
  /** By workload. */
  readonly queues: Readonly<Record<string, WorkloadQueues>>;
  readonly #app: AppDefinition;

  constructor(scope: Construct, id: string, props: TaskAppProps) {
    super(scope, id);
    const { app, removalPolicy = RemovalPolicy.RETAIN } = props;
    this.#app = app;
    const inStack = scope.node.scopes.some(Stack.isStack);
    const settings = Object.entries(app.workloads).map(([name, workload]) =>
      settingsOf(name, workload, alarmsOf(name, props)),
    );
    refuseWhatCannotWork(props, settings, inStack);

    const place = (part: string, stackName: string, description: string): Construct =>
      inStack
        ? new Construct(this, part)
        : new Stack(this, part, { stackName, description, ...(props.env && { env: props.env }) });

    const table = tableName(app.name);
    const results = place("Results", stackNameOf(table), `Results of ${app.name}`);
    this.table = resultsTable(results, "Table", table, removalPolicy);
    this.payloads =
      app.payloads &&
      new PayloadBucket(results, "Payloads", { app: app.name, bucketName: app.payloads.bucket, removalPolicy });
    this.queues = Object.fromEntries(
      settings.map((one) => {
        const queue = queueName(app.name, one.workload);
        const home = place(`Workload-${one.workload}`, stackNameOf(queue), `Workload ${one.workload} of ${app.name}`);
        const alarms = alarmsOf(one.workload, props);
        return [
          one.workload,
          new WorkloadQueues(home, "Workload", { app: app.name, settings: one, removalPolicy, alarms }),
        ];
      }),
    );
  }

  /**
   * Allows to send tasks to the app's workloads, and nothing else: sqs:SendMessage and sqs:GetQueueUrl on their queues, not
   * on dead-letter queues, and no access to results (see `grantRead`); with `payloads` also s3:PutObject on arguments. Within one account; the principal's stack names the
   * queues and does not depend on theirs.
   */
  grantSend(grantee: IGrantable, { chosenIds = false }: GrantSendOptions = {}): Grant {
    const sending = Grant.addToPrincipal({
      grantee,
      actions: ["sqs:SendMessage", "sqs:GetQueueUrl"],
      resourceArns: Object.entries(this.queues).map(([workload, { queue }]) =>
        Stack.of(queue).formatArn({ service: "sqs", resource: queueName(this.#app.name, workload) }),
      ),
    });
    return both(
      both(sending, chosenIds ? this.#grantTable(grantee, "dynamodb:UpdateItem") : undefined),
      this.payloads?.grantSend(grantee),
    );
  }

  /** Allows to read results and states: dynamodb:GetItem on the table; with `payloads` also s3:GetObject on results. */
  grantRead(grantee: IGrantable): Grant {
    return both(this.#grantTable(grantee, "dynamodb:GetItem"), this.payloads?.grantRead(grantee));
  }

  #grantTable(grantee: IGrantable, action: string): Grant {
    const arn = Stack.of(this.table).formatArn({
      service: "dynamodb",
      resource: "table",
      resourceName: tableName(this.#app.name),
    });
    return Grant.addToPrincipal({ grantee, actions: [action], resourceArns: [arn] });
  }
}

function both(one: Grant, other: Grant | undefined): Grant {
  return other === undefined ? one : one.combine(other);
}

function alarmsOf(workload: string, { alarms, workloadAlarms }: TaskAppProps): AlarmOptions {
  return { ...alarms, ...workloadAlarms?.[workload] };
}

function settingsOf(name: string, workload: Workload, alarms: AlarmOptions): WorkloadSettings {
  return {
    ...workload,
    workload: name,
    retentionSeconds: WORKLOAD_DEFAULTS.retentionSeconds,
    deadLetterRetentionSeconds: WORKLOAD_DEFAULTS.deadLetterRetentionSeconds,
    queueDepths: alarms.queueDepths ?? ALARM_DEFAULTS.queueDepths,
  };
}

/** Queue names may have underscores, stack names may not. */
function stackNameOf(name: string): string {
  return name.replaceAll("_", "-");
}

/** Everything that is wrong, at once. */
function refuseWhatCannotWork(
  { app, workloadAlarms = {} }: TaskAppProps,
  workloads: readonly WorkloadSettings[],
  inStack: boolean,
): void {
  const stacks = [
    { of: "the table", stack: stackNameOf(tableName(app.name)) },
    ...workloads.map(({ workload }) => ({ of: workload, stack: stackNameOf(queueName(app.name, workload)) })),
  ];
  const naming = {
    app: app.name,
    workloads: workloads.map(({ workload }) => workload),
    stacks: inStack ? [] : stacks,
    alarmsFor: Object.keys(workloadAlarms),
  };
  const problems = [
    ...broken(NAMING_RULES, naming),
    ...workloads.flatMap((settings) =>
      broken(WORKLOAD_RULES, settings).map((message) => `workload "${settings.workload}": ${message}`),
    ),
  ];
  if (problems.length > 0) throw new InvalidOption(`app "${app.name}" cannot be deployed:\n- ${problems.join("\n- ")}`);
}
