// SQS itself, on a queue that is made for it and removed again: --scratch.
import { randomBytes } from "node:crypto";
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { SQS } from "../../../lib/defaults.ts";
import { type Check, failed, passed, skipped } from "../check.ts";

export const SCRATCH_CHECKS: readonly Check[] = [
  {
    name: "limits",
    proves: "SQS takes a message of 1 MiB and no more, and a delay of 15 minutes and no more",
    onlyOnAws: "the local SQS takes longer delays",
    seconds: 60,
    run: onQueue(async (sqs, QueueUrl) => {
      const size = (bytes: number) => ({ MessageBody: "x".repeat(bytes) });
      const delay = (DelaySeconds: number) => ({ MessageBody: "x", DelaySeconds });
      const taken = (input: { MessageBody: string; DelaySeconds?: number }) =>
        sqs.send(new SendMessageCommand({ QueueUrl, ...input })).then(
          () => true,
          () => false,
        );
      const answers = [
        await taken(size(SQS.maxMessageBytes)),
        !(await taken(size(SQS.maxMessageBytes + 1))),
        await taken(delay(SQS.maxDelaySeconds)),
        !(await taken(delay(SQS.maxDelaySeconds + 1))),
      ];
      return answers.every(Boolean)
        ? passed("1,048,576 bytes, 900 s")
        : failed(`size, one more, delay, one more: ${answers.join(", ")}`);
    }),
  },
  {
    name: "stale-receipt",
    proves: "a receipt whose message was received again cannot take it from whoever has it now",
    seconds: 60,
    run: onQueue(async (sqs, QueueUrl) => {
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
      const receive = async (VisibilityTimeout: number) => {
        for (;;) {
          const { Messages = [] } = await sqs.send(
            new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout, WaitTimeSeconds: 5 }),
          );
          if (Messages[0]?.ReceiptHandle) return Messages[0].ReceiptHandle;
        }
      };
      const stale = await receive(1);
      const current = await receive(15);
      const change = new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: stale, VisibilityTimeout: 0 });
      const changed = await sqs.send(change).then(
        () => "taken",
        (error: Error) => error.name,
      );
      const removed = await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: stale })).then(
        () => "taken",
        (error: Error) => error.name,
      );
      await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: current, VisibilityTimeout: 0 }));
      await receive(15); // still there, for its owner has not deleted it
      return passed(`visibility by the old receipt: ${changed}; delete by it: ${removed}; the message is still there`);
    }),
  },
];

function onQueue(run: (sqs: SQSClient, queueUrl: string) => Promise<ReturnType<typeof passed>>): Check["run"] {
  return async ({ scratch }) => {
    if (!scratch) return skipped("it makes a queue of its own, and removes it: say --scratch");
    const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
    const created = await sqs.send(
      new CreateQueueCommand({ QueueName: `lovage-smoke-${randomBytes(6).toString("hex")}` }),
    );
    const url = created.QueueUrl ?? "";
    try {
      return await run(sqs, url);
    } finally {
      await sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
    }
  };
}
