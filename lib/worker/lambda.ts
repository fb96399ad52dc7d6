// lovage/lambda: the same execution as a long-running worker's, fed by an SQS event source mapping that reports batch item
// failures. Not here yet: giving back the rest of a batch beside a record that was received before, and the circuit breaker.
import { randomBytes } from "node:crypto";
import type { App } from "../app.ts";
import { InvalidOption } from "../errors.ts";
import type { Delivery } from "../ports/broker.ts";
import { queueName } from "../store/table.ts";
import { executeDeps, withOverrides } from "./deps.ts";
import { execute } from "./execute.ts";
import { runHere } from "./pool-here.ts";

/** The part of an SQS event that is read (AWS Lambda: "Using Lambda with Amazon SQS"). */
export interface SqsEvent {
  readonly Records: readonly {
    readonly messageId: string;
    readonly receiptHandle: string;
    readonly body: string;
    readonly attributes: { readonly ApproximateReceiveCount: string; readonly SentTimestamp: string };
    readonly eventSourceARN: string;
  }[];
}

export interface LambdaContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  getRemainingTimeInMillis(): number;
}

/** A partial batch response: the messages that Lambda must not delete. */
export interface SqsBatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** Left of the function's timeout for the record of a task that is cut off, and for the answer. */
const RESERVED_MS = 2_000;

/** Makes a handler for the queues of an app's workloads. Task errors never throw: they are recorded, and the message is done. */
export function createLambdaHandler(app: App): (event: SqsEvent, context: LambdaContext) => Promise<SqsBatchResponse> {
  const run = runHere(app);
  const sandbox = randomBytes(3).toString("hex");
  return async (event, context) => {
    const backends = await app.backends();
    const acknowledged = new Set<string>();
    // Lambda deletes what is not reported as failed; a delete of our own would be one call too many.
    const broker = withOverrides(backends.broker, {
      delete: async ({ messageId }) => {
        acknowledged.add(messageId);
      },
    });
    const owner = `${context.functionName}:${sandbox}:${context.awsRequestId}`;
    const deps = executeDeps(app, { ...backends, broker }, owner, app.log, (job) => {
      const left = Math.max(0.1, (context.getRemainingTimeInMillis() - RESERVED_MS) / 1_000);
      const timeLimit = Math.min(job.timeLimit, left);
      return run({ ...job, timeLimit, softTimeLimit: Math.min(job.softTimeLimit, timeLimit) });
    });
    const executions = event.Records.map((record) => {
      const name = workloadOf(app, record.eventSourceARN);
      const { visibilitySeconds, maxReceiveCount } = app.workloads[name] as App["workloads"][string]; // workloadOf found it
      return execute(toDelivery(record), { name, visibilitySeconds, maxReceiveCount }, deps).done;
    });
    await Promise.all(executions);
    await broker.flush();
    const failed = event.Records.filter(({ messageId }) => !acknowledged.has(messageId));
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

function workloadOf(app: App, arn: string): string {
  const queue = arn.slice(arn.lastIndexOf(":") + 1);
  const name = Object.keys(app.workloads).find((workload) => queueName(app.name, workload) === queue);
  if (name === undefined)
    throw new InvalidOption(
      `queue "${queue}" belongs to no workload of app "${app.name}"; it has ${Object.keys(app.workloads).join(", ")}`,
    );
  return name;
}

function toDelivery(record: SqsEvent["Records"][number]): Delivery {
  return {
    queue: record.eventSourceARN.slice(record.eventSourceARN.lastIndexOf(":") + 1),
    messageId: record.messageId,
    receipt: record.receiptHandle,
    body: record.body,
    receiveCount: Number(record.attributes.ApproximateReceiveCount),
    sentAt: Number(record.attributes.SentTimestamp),
  };
}
