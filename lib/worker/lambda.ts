// lovage/lambda: the same execution as a long-running worker's, fed by an SQS event source mapping that reports batch item
// failures. Not here yet: giving back the rest of a batch beside a record that was received before, and the circuit breaker.
import { randomBytes } from "node:crypto";
import type { App } from "../app.ts";
import { InvalidOption } from "../errors.ts";
import type { Delivery } from "../ports/broker.ts";
import { queueName } from "../store/table.ts";
import { executeDeps, withOverrides } from "./deps.ts";
import { execute } from "./execute.ts";
import type { WorkloadLimits } from "./execution.ts";
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
  const here = runHere(app);
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
    const deps = executeDeps(app, { broker, store: backends.store }, owner, app.log, {
      ...here,
      run: (job) => {
        const left = Math.max(0.1, (context.getRemainingTimeInMillis() - RESERVED_MS) / 1_000);
        const timeLimit = Math.min(job.timeLimit, left);
        return here.run({ ...job, timeLimit, softTimeLimit: Math.min(job.softTimeLimit, timeLimit) });
      },
    });
    const executions = event.Records.map((record) => {
      const delivery = toDelivery(record);
      return execute(delivery, limitsOf(app, delivery.queue), deps).done;
    });
    await Promise.all(executions);
    await broker.flush();
    const failed = event.Records.filter(({ messageId }) => !acknowledged.has(messageId));
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

function limitsOf(app: App, queue: string): WorkloadLimits {
  const found = Object.entries(app.workloads).find(([workload]) => queueName(app.name, workload) === queue);
  if (found === undefined)
    throw new InvalidOption(
      `queue "${queue}" belongs to no workload of app "${app.name}"; it has ${Object.keys(app.workloads).join(", ")}`,
    );
  const [name, { visibilitySeconds, maxReceiveCount }] = found;
  return { name, visibilitySeconds, maxReceiveCount };
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
