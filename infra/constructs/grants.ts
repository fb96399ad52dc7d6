// Who may do what in an app: exact actions on exact resources, named and not referred to, so that no stack depends on another.
import { Stack } from "aws-cdk-lib";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { deadLetterQueueName, queueName, TABLE, tableName } from "../../lib/store/table.ts";
import type { PayloadBucket } from "./payload-bucket.ts";

/** What an event source mapping and a worker need of the queue they serve. */
const CONSUME = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"];

export interface AppGrantsProps {
  readonly app: string;
  readonly workloads: readonly string[];
  readonly payloads: PayloadBucket | undefined;
}

export class AppGrants {
  readonly #stack: Stack;
  readonly #props: AppGrantsProps;

  /** `scope` is in the account and the region of the app. */
  constructor(scope: Construct, props: AppGrantsProps) {
    this.#stack = Stack.of(scope);
    this.#props = props;
  }

  /** Base of the URLs of all its queues. */
  get queueUrlBase(): string {
    return `https://sqs.${this.#stack.region}.${this.#stack.urlSuffix}/${this.#stack.account}`;
  }

  /** Send tasks to the workloads' queues; with `records` write to the table first. */
  send(grantee: IGrantable, records: boolean): Grant {
    const { payloads } = this.#props;
    return allOf(
      this.#sendToWorkloads(grantee),
      records ? this.#table(grantee, ["dynamodb:UpdateItem"]) : undefined,
      payloads?.grantSend(grantee),
    );
  }

  /** Read states and results. */
  read(grantee: IGrantable): Grant {
    return allOf(
      this.#table(grantee, ["dynamodb:GetItem", "dynamodb:BatchGetItem"]),
      this.#props.payloads?.grantRead(grantee),
    );
  }

  /** Revoke tasks, and forget results. IAM cannot narrow this to some records, or to some of their attributes. */
  change(grantee: IGrantable): Grant {
    return allOf(
      this.#table(grantee, ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"]),
      this.#props.payloads?.grantForget(grantee),
    );
  }

  /** List failed tasks and send them again: what `lovage failures` and `lovage redrive` do. */
  redrive(grantee: IGrantable): Grant {
    return allOf(
      this.#sendToWorkloads(grantee),
      this.#table(grantee, ["dynamodb:GetItem", "dynamodb:UpdateItem"]),
      this.#table(grantee, ["dynamodb:Query"], `/index/${TABLE.failures.index}`),
      this.#props.payloads?.grantWork(grantee),
    );
  }

  /** Work off one workload: consume its queue, record, send what follows, and give the unreadable to its dead-letter queue. */
  work(grantee: IGrantable, workload: string): Grant {
    const { app } = this.#props;
    return allOf(
      this.#queues(grantee, CONSUME, [queueName(app, workload)]),
      this.#queues(grantee, ["sqs:SendMessage"], [deadLetterQueueName(app, workload)]),
      this.#record(grantee, ["dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"]),
    );
  }

  /** End what comes to the dead-letter queue of one workload. It claims nothing, and batches only claims and their endings. */
  endDeadLetters(grantee: IGrantable, workload: string): Grant {
    return allOf(
      this.#queues(grantee, CONSUME, [deadLetterQueueName(this.#props.app, workload)]),
      this.#record(grantee, []),
    );
  }

  /** Read and write records, one by one and, with `batched`, together; and send what follows. */
  #record(grantee: IGrantable, batched: readonly string[]): Grant {
    return allOf(
      this.#sendToWorkloads(grantee),
      this.#table(grantee, ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", ...batched]),
      this.#props.payloads?.grantWork(grantee),
    );
  }

  #sendToWorkloads(grantee: IGrantable): Grant {
    const { app, workloads } = this.#props;
    const names = workloads.map((workload) => queueName(app, workload));
    return this.#queues(grantee, ["sqs:SendMessage"], names);
  }

  #queues(grantee: IGrantable, actions: string[], names: readonly string[]): Grant {
    const resourceArns = names.map((resource) => this.#stack.formatArn({ service: "sqs", resource }));
    return Grant.addToPrincipal({ grantee, actions, resourceArns });
  }

  #table(grantee: IGrantable, actions: string[], index = ""): Grant {
    const arn = this.#stack.formatArn({
      service: "dynamodb",
      resource: "table",
      resourceName: `${tableName(this.#props.app)}${index}`,
    });
    return Grant.addToPrincipal({ grantee, actions, resourceArns: [arn] });
  }
}

function allOf(first: Grant, ...others: readonly (Grant | undefined)[]): Grant {
  return others.reduce<Grant>((all, one) => (one === undefined ? all : all.combine(one)), first);
}
