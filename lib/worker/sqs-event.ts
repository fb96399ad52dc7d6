// The event of an SQS event source mapping, as messages. Whoever may invoke the function may invoke it with anything.
import { describe } from "../duration.ts";
import { InvalidEvent } from "../errors.ts";
import type { Delivery } from "../ports/broker.ts";

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

/** Throws InvalidEvent before anything is started: a batch is taken as a whole, or comes back as a whole. */
export function deliveriesOf(event: unknown): readonly Delivery[] {
  const records = member(event, "Records");
  if (!Array.isArray(records)) throw new InvalidEvent(`its Records are ${describe(records)}, not a list`);
  return records.map((record: unknown, i) => toDelivery(record, `Records[${i}]`));
}

function toDelivery(record: unknown, name: string): Delivery {
  const text = (holder: unknown, key: string) => {
    const value = member(holder, key);
    if (typeof value !== "string") throw new InvalidEvent(`${name} has ${describe(value)} for ${key}, not a string`);
    return value;
  };
  const count = (key: string, least: number) => {
    const value = text(member(record, "attributes"), key);
    const number = /^\d{1,15}$/.test(value) ? Number(value) : -1;
    if (number < least)
      throw new InvalidEvent(`${name} has ${describe(value)} for ${key}, not a whole number from ${least}`);
    return number;
  };
  const messageId = text(record, "messageId");
  if (messageId === "") throw new InvalidEvent(`${name} has no messageId, by which Lambda is told what failed`);
  const arn = text(record, "eventSourceARN");
  return {
    queue: arn.slice(arn.lastIndexOf(":") + 1),
    messageId,
    receipt: text(record, "receiptHandle"),
    body: text(record, "body"),
    receiveCount: count("ApproximateReceiveCount", 1),
    sentAt: count("SentTimestamp", 0),
  };
}

function member(holder: unknown, key: string): unknown {
  return typeof holder === "object" && holder !== null && Object.hasOwn(holder, key)
    ? (holder as Readonly<Record<string, unknown>>)[key] // it has it
    : undefined;
}
