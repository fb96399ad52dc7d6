// A task's record as a DynamoDB item and back. One row for each attribute; docs/table-schema.md explains them.
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { TaskRecord } from "../store/record.ts";
import { TABLE } from "../store/table.ts";

export type Field = keyof TaskRecord;
export type Item = Record<string, AttributeValue>;

type Kind = "text" | "number" | "flag" | "json" | "time to live";

interface Attribute {
  readonly name: string;
  readonly kind: Kind;
}

export const ATTRIBUTES: { readonly [F in Field]-?: Attribute } = {
  id: { name: TABLE.key, kind: "text" },
  state: { name: "state", kind: "text" },
  task: { name: "task", kind: "text" },
  workload: { name: "workload", kind: "text" },
  attempt: { name: "attempt", kind: "number" },
  token: { name: "token", kind: "text" },
  owner: { name: "owner", kind: "text" },
  leaseUntil: { name: "lease_until", kind: "number" },
  startedAt: { name: "started_at", kind: "number" },
  runs: { name: "runs", kind: "number" },
  lastDelivery: { name: "last_delivery", kind: "flag" },
  retryAt: { name: "retry_at", kind: "number" },
  retryArgs: { name: "retry_args", kind: "text" },
  publishedAt: { name: "published_at", kind: "number" },
  result: { name: "result", kind: "text" },
  resultRef: { name: "result_ref", kind: "json" },
  failure: { name: "failure", kind: "json" },
  meta: { name: "meta", kind: "text" },
  customState: { name: "custom_state", kind: "text" },
  revokeRequested: { name: "revoke_requested", kind: "text" },
  ignored: { name: "ignored", kind: "flag" },
  endedAt: { name: TABLE.failures.sort, kind: "number" },
  resultExpiresAt: { name: "result_expires_at", kind: "number" },
  forgotten: { name: "forgotten", kind: "flag" },
  body: { name: "body", kind: "text" },
  failedOn: { name: TABLE.failures.key, kind: "text" },
  errorType: { name: "error_type", kind: "text" },
  errorMessage: { name: "error_message", kind: "text" },
  redrives: { name: "redrives", kind: "number" },
  redrivenFrom: { name: "redriven_from", kind: "text" },
  expiresAt: { name: TABLE.ttl, kind: "time to live" },
};

export const FIELDS = Object.keys(ATTRIBUTES) as readonly Field[]; // exactly the keys above

const FIELD_OF = new Map(FIELDS.map((field) => [ATTRIBUTES[field].name, field]));

export function toAttribute(field: Field, value: unknown): AttributeValue {
  const { kind } = ATTRIBUTES[field];
  switch (kind) {
    case "text":
      return { S: value as string }; // ATTRIBUTES names the field's type
    case "number":
      return { N: String(value) };
    case "flag":
      return { BOOL: value as boolean }; // as above
    case "json":
      // One JSON string, not a map: nobody queries its parts, it is about as large, and the SDK would walk it twice.
      return { S: JSON.stringify(value) };
    case "time to live":
      return { N: String(toTimeToLive(value as number)) }; // as above
    default:
      return kind satisfies never;
  }
}

/** DynamoDB's time to live is in seconds. Rounded up: a record never goes early. */
function toTimeToLive(epochMs: number): number {
  return Math.ceil(epochMs / 1_000);
}

/** Attributes that this version does not know are left out. */
export function toRecord(item: Item): TaskRecord {
  const record: { [F in Field]?: unknown } = { attempt: 0 };
  for (const name in item) {
    const field = FIELD_OF.get(name);
    const value = item[name];
    if (field !== undefined && value !== undefined) record[field] = fromAttribute(ATTRIBUTES[field].kind, value);
  }
  return record as unknown as TaskRecord; // each field was written by toAttribute
}

function fromAttribute(kind: Kind, value: AttributeValue): unknown {
  switch (kind) {
    case "text":
      return value.S;
    case "number":
      return Number(value.N);
    case "flag":
      return value.BOOL;
    case "json":
      return JSON.parse(value.S ?? "null"); // written by toAttribute
    case "time to live":
      return Number(value.N) * 1_000;
    default:
      return kind satisfies never;
  }
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
