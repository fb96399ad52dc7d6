// A Change as DynamoDB sees it: one UpdateItem with a condition. Text depends only on the change's shape (which clauses, which
// attributes set or removed), so it is composed once for each shape; a call fills in values.
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { applied, type Change, type Clause } from "../core/changes.ts";
import type { StoredState } from "../store/record.ts";
import { ATTRIBUTES, FIELDS, type Field, toAttribute } from "./record-item.ts";

export interface Update {
  readonly ConditionExpression: string;
  readonly UpdateExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, AttributeValue>;
}

type Shape = Omit<Update, "ExpressionAttributeValues">;

const shapes = new Map<string, Shape>();

/** The one write of a change. It holds only where no time to live has passed: see `toOverwrite`. */
export function toUpdate(change: Change, now: number): Update {
  const key = shapeKey(change);
  let shape = shapes.get(key);
  if (shape === undefined) {
    shape = shapeOf(change, conditionOf(change.when));
    shapes.set(key, shape);
  }
  const values = settingValues(change);
  for (const [index, clause] of change.when.entries()) {
    for (const state of clause.states ?? []) values[`:${state}`] = { S: state };
    if (clause.attemptAtMost !== undefined) values[`:attempt_${index}`] = { N: String(clause.attemptAtMost) };
    if (clause.token !== undefined) values[`:token_${index}`] = { S: clause.token };
    if (clause.leaseOverAt !== undefined) values[`:lease_${index}`] = { N: String(clause.leaseOverAt) };
    if (clause.redrives) values[`:redrives_${index}`] = { N: String(clause.redrives) };
  }
  if (change.when.some(isAboutRecord)) values[":now"] = seconds(now);
  return { ...shape, ExpressionAttributeValues: values };
}

/**
 * The write of a change that may create the record, over an item whose time to live has passed and which DynamoDB has not
 * removed yet (that takes it days). Nothing of the old item stays.
 */
export function toOverwrite(change: Change, now: number): Update {
  const fresh = applied(change, undefined);
  const set = Object.fromEntries(FIELDS.map((field) => [field, fresh[field]]));
  const { countRun: _, ...rest } = change;
  const whole: Change = { ...rest, set };
  const values = { ...settingValues(whole), ":now": seconds(now) };
  return { ...shapeOf(whole, `${name("expiresAt")} <= :now`), ExpressionAttributeValues: values };
}

/** Whether the change may create the record. */
export function mayCreate({ when }: Change): boolean {
  return when.some((clause) => clause.absent === true);
}

function isAboutRecord(clause: Clause): boolean {
  return clause.absent !== true;
}

/** Expired exactly when `expires_at`, in whole seconds, is not after now. */
function seconds(epochMs: number): AttributeValue {
  return { N: String(Math.floor(epochMs / 1_000)) };
}

const name = (field: Field) => `#${ATTRIBUTES[field].name}`;

function shapeKey({ kind, when, set, countRun }: Change): string {
  let key: string = kind;
  for (const clause of when) {
    key += "|";
    if (clause.absent) key += "-";
    for (const state of clause.states ?? []) key += `${state},`;
    if (clause.attemptAtMost !== undefined) key += "a";
    if (clause.token !== undefined) key += "t";
    if (clause.leaseOverAt !== undefined) key += "l";
    if (clause.notRevokeRequested) key += "r";
    if (clause.redrives !== undefined) key += clause.redrives === 0 ? "0" : "d";
  }
  for (const field in set) key += `${set[field as Field] === undefined ? "-" : "+"}${field}`; // keys of `set` are fields
  return countRun ? `${key}!` : key;
}

// --- the condition, in named parts ---

function conditionOf(when: readonly Clause[]): string {
  const absent = `attribute_not_exists(${name("id")})`;
  const notExpired = anyOf([`attribute_not_exists(${name("expiresAt")})`, `${name("expiresAt")} > :now`]);
  const clauses = when.flatMap((clause, index) => (isAboutRecord(clause) ? [clauseOf(clause, index)] : []));
  const held = clauses.length === 0 ? [] : [allOf([notExpired, anyOf(clauses)])];
  return anyOf(when.some((clause) => clause.absent) ? [absent, ...held] : held);
}

function clauseOf(clause: Clause, index: number): string {
  const parts: string[] = [clause.states ? statesOf(clause.states) : `attribute_exists(${name("id")})`];
  if (clause.attemptAtMost !== undefined) parts.push(`${name("attempt")} <= :attempt_${index}`);
  if (clause.token !== undefined) parts.push(`${name("token")} = :token_${index}`);
  if (clause.leaseOverAt !== undefined) {
    parts.push(anyOf([`attribute_not_exists(${name("leaseUntil")})`, `${name("leaseUntil")} <= :lease_${index}`]));
  }
  if (clause.notRevokeRequested) parts.push(`attribute_not_exists(${name("revokeRequested")})`);
  if (clause.redrives === 0) parts.push(`attribute_not_exists(${name("redrives")})`);
  else if (clause.redrives !== undefined) parts.push(`${name("redrives")} = :redrives_${index}`);
  return allOf(parts);
}

// DynamoDB refuses redundant parentheses. AND binds tighter than OR, so only an OR within an AND has any.

function anyOf(parts: readonly string[]): string {
  return parts.join(" OR ");
}

function allOf(parts: readonly string[]): string {
  return parts.map((part) => (parts.length > 1 && part.includes(" OR ") ? `(${part})` : part)).join(" AND ");
}

function statesOf(states: readonly StoredState[]): string {
  const values = states.map((state) => `:${state}`);
  return values.length === 1 ? `${name("state")} = ${values[0]}` : `${name("state")} IN (${values.join(", ")})`;
}

// --- the update ---

function shapeOf(change: Change, condition: string): Shape {
  const sets: string[] = [];
  const removes: string[] = [];
  for (const field of settable(change)) {
    if (change.set[field] === undefined) removes.push(name(field));
    else sets.push(`${name(field)} = ${valueName(field)}`);
  }
  if (givesAttempt(change)) sets.push(`${name("attempt")} = if_not_exists(${name("attempt")}, :zero)`);
  const update = [
    sets.length > 0 && `SET ${sets.join(", ")}`,
    removes.length > 0 && `REMOVE ${removes.join(", ")}`,
    change.countRun && `ADD ${name("runs")} :one`,
  ]
    .filter((part) => typeof part === "string")
    .join(" ");
  return {
    ConditionExpression: condition,
    UpdateExpression: update,
    ExpressionAttributeNames: namesIn(condition + update),
  };
}

/** The key is not set: DynamoDB writes it itself. */
function settable({ set }: Change): readonly Field[] {
  return (Object.keys(set) as Field[]).filter((field) => field !== "id"); // keys of `set` are fields
}

/** Every record has an attempt, also one created by a change that says nothing of it. */
function givesAttempt(change: Change): boolean {
  return change.set.attempt === undefined && mayCreate(change);
}

function valueName(field: Field): string {
  return `:${ATTRIBUTES[field].name}`;
}

function settingValues(change: Change): Record<string, AttributeValue> {
  const values: Record<string, AttributeValue> = {};
  for (const field in change.set) {
    const value = change.set[field as Field]; // keys of `set` are fields
    if (value !== undefined && field !== "id") values[valueName(field as Field)] = toAttribute(field as Field, value);
  }
  if (givesAttempt(change)) values[":zero"] = { N: "0" };
  if (change.countRun) values[":one"] = { N: "1" };
  return values;
}

/** All names, aliased: many of ours are among DynamoDB's reserved words. */
function namesIn(expression: string): Record<string, string> {
  return Object.fromEntries([...expression.matchAll(/#(\w+)/g)].map(([alias, attribute]) => [alias, attribute ?? ""]));
}
