// What SQS is asked by those who receive messages: the poll, how much waits, and the batch requests of what was received. Senders load none of it
// (worker-parts.ts).
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { SQS } from "../defaults.ts";
import { InvalidDelay } from "../errors.ts";
import type { Delivery, QueueDepth, ReceiveOptions } from "../ports/broker.ts";
import type { BatchOperation } from "./sqs-batches.ts";

/** Added to a long poll before it is given up: SQS answers an empty one at its end. */
const POLL_MARGIN_MS = 10_000;

/** Codes of entries whose receipt no longer counts. The number in a visibility change has been checked before it was sent. */
const STALE = /(^|\.)(ReceiptHandleIsInvalid|MessageNotInflight|InvalidParameterValue)$/;

export type ChangeAnswer = "changed" | "stale";

export interface VisibilityChange {
  readonly receipt: string;
  readonly seconds: number;
}

/** One long poll. Rejects with the SDK's error. */
export async function poll(
  client: SQSClient,
  queue: string,
  url: string,
  { max, waitSeconds, visibilitySeconds }: ReceiveOptions,
): Promise<readonly Delivery[]> {
  const command = new ReceiveMessageCommand({
    QueueUrl: url,
    MaxNumberOfMessages: max,
    WaitTimeSeconds: waitSeconds,
    VisibilityTimeout: visibilitySeconds,
    MessageSystemAttributeNames: ["ApproximateReceiveCount", "SentTimestamp"],
  });
  const { Messages = [] } = await client.send(command, { requestTimeout: waitSeconds * 1_000 + POLL_MARGIN_MS });
  return Messages.map((message) => toDelivery(queue, message));
}

function toDelivery(
  queue: string,
  { MessageId = "", ReceiptHandle = "", Body = "", Attributes = {} }: Message,
): Delivery {
  return {
    queue,
    messageId: MessageId,
    receipt: ReceiptHandle,
    body: Body,
    receiveCount: Number(Attributes.ApproximateReceiveCount ?? 1),
    sentAt: Number(Attributes.SentTimestamp ?? 0),
  };
}

/** Rejects with the SDK's error. */
export async function depthOf(client: SQSClient, url: string, abortSignal: AbortSignal): Promise<QueueDepth> {
  const command = new GetQueueAttributesCommand({
    QueueUrl: url,
    AttributeNames: [
      "ApproximateNumberOfMessages",
      "ApproximateNumberOfMessagesNotVisible",
      "ApproximateNumberOfMessagesDelayed",
    ],
  });
  const { Attributes: attributes = {} } = await client.send(command, { abortSignal });
  return {
    visible: Number(attributes.ApproximateNumberOfMessages ?? 0),
    inFlight: Number(attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    delayed: Number(attributes.ApproximateNumberOfMessagesDelayed ?? 0),
  };
}

/** Throws InvalidDelay. */
export function demandVisibility({ seconds }: VisibilityChange): void {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= SQS.maxVisibilitySeconds) return;
  throw new InvalidDelay(
    `a visibility of ${seconds} s cannot be kept; SQS takes 0 to ${SQS.maxVisibilitySeconds} whole seconds`,
  );
}

/** Entries are receipts. */
export function deletes(client: SQSClient): BatchOperation<string, void> {
  return {
    action: "DeleteMessage",
    answer: undefined,
    stale: (code) => (STALE.test(code) ? { answer: undefined } : undefined),
    request: (url, entries, abortSignal) => {
      const Entries = entries.map((receipt, index) => ({ Id: String(index), ReceiptHandle: receipt }));
      return client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }), { abortSignal });
    },
  };
}

export function visibilityChanges(client: SQSClient): BatchOperation<VisibilityChange, ChangeAnswer> {
  return {
    action: "ChangeMessageVisibility",
    answer: "changed",
    stale: (code) => (STALE.test(code) ? { answer: "stale" } : undefined),
    request: (url, entries, abortSignal) => {
      const Entries = entries.map(({ receipt, seconds }, index) => ({
        Id: String(index),
        ReceiptHandle: receipt,
        VisibilityTimeout: seconds,
      }));
      return client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }), { abortSignal });
    },
  };
}
