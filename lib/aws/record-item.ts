// A task's record as a DynamoDB item and back. One row for each attribute; docs/table-schema.md explains them.
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { RecordUnreadable } from "../errors.ts";
import { STORED_STATES, type TaskRecord } from "../store/record.ts";
import { isMoment, isWhole, momentNear, storedFailure, storedGroup, storedJson, storedRef } from "../store/stored.ts";
import { TABLE } from "../store/table.ts";

export type Field = keyof TaskRecord;
export type Item = Record<string, AttributeValue>;

type Kind = "text" | "whole" | "moment" | "flag" | "failure" | "ref" | "group" | "time to live";

interface Attribute {
  readonly name: string;
  readonly kind: Kind;
  /** @default - any */
  readonly words?: readonly string[];
}

const text = (name: string, words?: readonly string[]): Attribute => ({ name, kind: "text", ...(words && { words }) });
const ofKind =
  (kind: Kind) =>
  (name: string): Attribute => ({ name, kind });
const whole = ofKind("whole");
const moment = ofKind("moment");
const flag = ofKind("flag");

export const ATTRIBUTES: { readonly [F in Field]-?: Attribute } = {
  id: text(TABLE.key),
  state: text("state", STORED_STATES),
  task: text("task"),
  workload: text("workload"),
  attempt: whole("attempt"),
  token: text("token"),
  owner: text("owner"),
  leaseUntil: moment("lease_until"),
  startedAt: moment("started_at"),
  runs: whole("runs"),
  lastDelivery: flag("last_delivery"),
  retryAt: moment("retry_at"),
  retryArgs: text("retry_args"),
  publishedAt: moment("published_at"),
  result: text("result"),
  resultRef: ofKind("ref")("result_ref"),
  members: ofKind("group")("members"),
  replacement: text("replacement"),
  replacementSig: text("replacement_sig"),
  failure: ofKind("failure")("failure"),
  meta: text("meta"),
  customState: text("custom_state"),
  revokeRequested: text("revoke_requested", ["cooperate", "terminate"]),
  ignored: flag("ignored"),
  endedAt: moment(TABLE.failures.sort),
  resultExpiresAt: moment("result_expires_at"),
  forgotten: flag("forgotten"),
  followed: flag("followed"),
  body: text("body"),
  failedOn: text(TABLE.failures.key),
  errorType: text("error_type"),
  errorMessage: text("error_message"),
  redrives: whole("redrives"),
  redrivenFrom: text("redriven_from"),
  expiresAt: ofKind("time to live")(TABLE.ttl),
};

export const FIELDS = Object.keys(ATTRIBUTES) as readonly Field[]; // exactly the keys above

const FIELD_OF = new Map(FIELDS.map((field) => [ATTRIBUTES[field].name, field]));

export function toAttribute(field: Field, value: unknown): AttributeValue {
  const { kind } = ATTRIBUTES[field];
  switch (kind) {
    case "text":
      return { S: value as string }; // ATTRIBUTES names the field's type
    case "whole":
      return { N: String(value) };
    case "moment":
      return { N: String(momentNear(value as number)) }; // as above
    case "flag":
      return { BOOL: value as boolean }; // as above
    case "failure":
    case "ref":
    case "group":
      // One JSON string, not a map: nobody queries its parts, it is about as large, and the SDK would walk it twice.
      return { S: JSON.stringify(value) };
    case "time to live":
      return { N: String(toTimeToLive(momentNear(value as number))) }; // as above
    default:
      return kind satisfies never;
  }
}

/** DynamoDB's time to live is in seconds. Rounded up: a record never goes early. */
function toTimeToLive(epochMs: number): number {
  return Math.ceil(epochMs / 1_000);
}

/** Attributes that this version does not know are left out. Throws RecordUnreadable for one that it knows and did not write so. */
export function toRecord(item: Item): TaskRecord {
  const record: { [F in Field]?: unknown } = { attempt: 0 };
  const id = item[TABLE.key]?.S ?? "(without an id)";
  for (const name in item) {
    const field = FIELD_OF.get(name);
    const value = item[name];
    if (field !== undefined && value !== undefined) record[field] = fromAttribute(id, ATTRIBUTES[field], value);
  }
  return record as unknown as TaskRecord; // each field was written by toAttribute
}

/** A record as it lies in the table, where none is without a state: in the index it may be. Throws RecordUnreadable. */
export function toWholeRecord(item: Item): TaskRecord {
  const record = toRecord(item);
  if (record.state === undefined) throw new RecordUnreadable(record.id, "state", "is missing");
  return record;
}

function fromAttribute(id: string, { name, kind, words }: Attribute, value: AttributeValue): unknown {
  switch (kind) {
    case "text": {
      const text = textOf(id, name, value);
      if (words?.includes(text) === false)
        throw new RecordUnreadable(id, name, `is ${JSON.stringify(text.slice(0, 80))}, not one of ${words.join(", ")}`);
      return text;
    }
    case "whole":
      return numberOf(id, name, value, 1, isWhole, "whole number from 0");
    case "moment":
      return numberOf(id, name, value, 1, isMoment, "time in epoch milliseconds");
    case "flag":
      if (typeof value.BOOL !== "boolean") throw new RecordUnreadable(id, name, "is neither true nor false");
      return value.BOOL;
    case "failure":
      return storedFailure(id, name, textOf(id, name, value));
    case "ref":
      return storedRef(id, name, storedJson(id, name, textOf(id, name, value)), "results");
    case "group":
      return storedGroup(id, name, storedJson(id, name, textOf(id, name, value)));
    case "time to live":
      return numberOf(id, name, value, 1_000, isMoment, "time in epoch seconds");
    default:
      return kind satisfies never;
  }
}

function textOf(id: string, name: string, { S }: AttributeValue): string {
  if (typeof S !== "string") throw new RecordUnreadable(id, name, "is no text");
  return S;
}

function numberOf(
  id: string,
  name: string,
  { N }: AttributeValue,
  factor: number,
  fits: (number: number) => boolean,
  what: string,
): number {
  const number = typeof N === "string" && N.trim() !== "" ? Number(N) * factor : Number.NaN;
  if (!fits(number)) throw new RecordUnreadable(id, name, `is no ${what}`);
  return number;
}

/** DynamoDB's own arithmetic for what we store: names and text in UTF-8 bytes, numbers by their digits. */
export function itemBytes(item: Item): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueBytes(value);
  return bytes;
}

function valueBytes({ S, N, NS }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S);
  if (NS !== undefined) return NS.reduce((sum, member) => sum + numberBytes(member), 0);
  return N === undefined ? 1 : numberBytes(N); // BOOL is one byte
}

function numberBytes(N: string): number {
  const digits = N.replace(/^-|\.|0+$/g, "").length;
  return Math.ceil(digits / 2) + 1 + (N.startsWith("-") ? 1 : 0);
}
