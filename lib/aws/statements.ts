// The changes that may travel in a batch, as PartiQL. DynamoDB's batch answers each statement with yes or no and never with an
// item, so a change is batched only where "yes" says all there is to know:
//
//   claim of attempt 0   INSERT             there was no record: nothing of an old one to count or to respect
//   finish, by token     UPDATE … WHERE     nothing of the answer is needed
//
// Everything else, and whatever a batch refused or left unknown, is one UpdateItem that answers with the record.
// Text depends only on the change's shape, so it is composed once for each.
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { applied, type Change } from "../core/changes.ts";
import { ATTRIBUTES, type Field, toAttribute } from "./record-item.ts";

export interface Statement {
  readonly Statement: string;
  readonly Parameters: AttributeValue[];
}

const quoted = (field: Field) => `"${ATTRIBUTES[field].name}"`;

/** The statement of a change, or undefined where it has to be written by itself. */
export function toStatement(table: string, change: Change): Statement | undefined {
  if (change.kind === "claim") return change.set.attempt === 0 ? insert(table, change) : undefined;
  const [clause, ...others] = change.when;
  const byToken = clause?.token !== undefined && clause.states?.join() === "STARTED" && others.length === 0;
  return byToken && !change.countRun && change.kind !== "heartbeat" && change.kind !== "report"
    ? update(table, change)
    : undefined;
}

const texts = new Map<string, string>();

function textOf(key: string, compose: () => string): string {
  let text = texts.get(key);
  if (text === undefined) {
    text = compose();
    texts.set(key, text);
  }
  return text;
}

function insert(table: string, change: Change): Statement {
  const record = applied(change, undefined);
  const fields = Object.keys(record) as Field[]; // keys of a record are fields
  const text = textOf(`insert ${table} ${fields}`, () => {
    const values = fields.map((field) => `'${ATTRIBUTES[field].name}': ?`);
    return `INSERT INTO "${table}" VALUE {${values.join(", ")}}`;
  });
  return { Statement: text, Parameters: fields.map((field) => toAttribute(field, record[field])) };
}

function update(table: string, change: Change): Statement {
  const { set, id } = change;
  const clause = change.when[0];
  const sets: Field[] = [];
  const removes: Field[] = [];
  for (const field in set) (set[field as Field] === undefined ? removes : sets).push(field as Field); // keys of `set` are fields
  const notRevoked = clause?.notRevokeRequested === true;
  const text = textOf(`update ${table} ${sets} - ${removes} ${notRevoked}`, () => {
    const parts = [
      `UPDATE "${table}" SET ${sets.map((field) => `${quoted(field)}=?`).join(", ")}`,
      ...(removes.length === 0 ? [] : [`REMOVE ${removes.map(quoted).join(", ")}`]),
      `WHERE ${quoted("id")}=? AND ${quoted("state")}=? AND ${quoted("token")}=?`,
      ...(notRevoked ? [`AND ${quoted("revokeRequested")} IS MISSING`] : []),
    ];
    return parts.join(" ");
  });
  const values = sets.map((field) => toAttribute(field, set[field]));
  return { Statement: text, Parameters: [...values, { S: id }, { S: "STARTED" }, { S: clause?.token ?? "" }] };
}
