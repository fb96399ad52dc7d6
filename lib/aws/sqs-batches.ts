// The batch requests of SQS, in terms of their entries, and what an answer means for each entry. Those of received messages:
// sqs-consuming.ts.
import { type BatchResultErrorEntry, SendMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { AccessDenied, BrokerUnavailable, InvalidOption, QueueNotFound } from "../errors.ts";
import type { OutgoingMessage } from "../ports/broker.ts";
import type { Fate } from "./coalesce.ts";
import { entryToBrokerError, type Refusal, type SqsCall } from "./to-error.ts";

/** One batch operation, in terms of its entries. */
export interface BatchOperation<Entry, Answer> {
  /** IAM action: batches have none of their own. */
  readonly action: string;
  request(url: string, entries: readonly Entry[], signal: AbortSignal): Promise<BatchOutput>;
  readonly answer: Answer;
  /** The answer where this code of an entry means no error. @default - every code does */
  stale?(code: string): { readonly answer: Answer } | undefined;
  body?(entry: Entry): string;
}

export interface BatchOutput {
  readonly Successful?: readonly { Id: string | undefined }[] | undefined;
  readonly Failed?: readonly BatchResultErrorEntry[] | undefined;
}

export function sends(client: SQSClient): BatchOperation<OutgoingMessage, void> {
  return {
    action: "SendMessage",
    answer: undefined,
    body: ({ body }) => body,
    request: (url, entries, abortSignal) => {
      const Entries = entries.map(({ body, delaySeconds }, index) => ({
        Id: String(index),
        MessageBody: body,
        DelaySeconds: delaySeconds,
      }));
      return client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }), { abortSignal });
    },
  };
}

export function fatesOf<Entry, Answer>(
  entries: readonly Entry[],
  { Successful = [], Failed = [] }: BatchOutput,
  operation: BatchOperation<Entry, Answer>,
  call: SqsCall,
): readonly Fate<Answer>[] {
  const fates = new Array<Fate<Answer> | undefined>(entries.length);
  const done: Fate<Answer> = { kind: "done", answer: operation.answer };
  for (const { Id } of Successful) fates[Number(Id)] = done;
  for (const failed of Failed) {
    const entry = entries[Number(failed.Id)];
    if (entry === undefined) continue; // not one of ours
    const stale = operation.stale?.(failed.Code ?? "");
    if (stale) {
      fates[Number(failed.Id)] = { kind: "done", ...stale };
      continue;
    }
    const { error, retryable } = entryToBrokerError(failed, call, operation.body?.(entry));
    fates[Number(failed.Id)] = { kind: retryable ? "again" : "refused", error };
  }
  return entries.map(
    (_, index) =>
      fates[index] ?? { kind: "again", error: new BrokerUnavailable(`SQS did not say what became of ${call.action}`) },
  );
}

/** What a request that failed as a whole means for each of its entries. */
export function wholeFate({ error, retryable }: Refusal): Exclude<Fate<never>, { kind: "done" }> {
  if (retryable) return { kind: "again", error };
  const sameForAll = error instanceof QueueNotFound || error instanceof AccessDenied || error instanceof InvalidOption;
  return { kind: sameForAll ? "refused" : "alone", error };
}
