// Joins and definitions as DynamoDB sees them: the text of every write, and items back into values. docs/table-schema.md
// explains the attributes.
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Count, Seal } from "../core/join.ts";
import { JOINS } from "../defaults.ts";
import type { JoinHead, Shard } from "../store/join.ts";
import { TABLE } from "../store/table.ts";
import type { Item } from "./record-item.ts";

/** One UpdateItem. */
export interface ItemUpdate {
  readonly ConditionExpression?: string;
  readonly UpdateExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, AttributeValue>;
}

/** A write, and the one that takes its place over an item whose time to live has passed. Nothing of that item stays. */
export interface JoinWrite {
  readonly update: ItemUpdate;
  /** @default - a leftover is left alone: there is nothing to write to */
  readonly overwrite?: ItemUpdate;
}

const LIVE = "#expires_at > :now";
const ABSENT_OR_LIVE = `attribute_not_exists(#id) OR ${LIVE}`;
const ABSENT_OR_LEFT_OVER = "attribute_not_exists(#id) OR #expires_at <= :now";
const LEFT_OVER = "#expires_at <= :now";

/** Adds a bit. Refused, with the shard, where it failed and is counted already. */
export function countWrite({ bit, failed }: Count, now: number): JoinWrite {
  const values = { ":bit": bits(bit), ...(failed && { ":counted": number(bit) }) };
  const uncounted = "attribute_not_exists(#done) OR NOT contains(#done, :counted)";
  return {
    update: itemUpdate(
      failed ? `attribute_not_exists(#id) OR ${LIVE} AND (${uncounted})` : ABSENT_OR_LIVE,
      `SET #expires_at = :expires_at ADD #done :bit${failed ? ", #failed :bit" : ""}`,
      values,
      now,
    ),
    overwrite: itemUpdate(
      LEFT_OVER,
      `SET #expires_at = :expires_at, #done = :bit${failed ? ", #failed = :bit REMOVE #size" : " REMOVE #size, #failed"}`,
      { ":bit": values[":bit"] },
      now,
    ),
  };
}

export function sealWrite({ size }: Seal, now: number): JoinWrite {
  const values = { ":size": number(size) };
  return {
    update: itemUpdate(
      ABSENT_OR_LIVE,
      "SET #expires_at = :expires_at, #size = if_not_exists(#size, :size)",
      values,
      now,
    ),
    overwrite: itemUpdate(LEFT_OVER, "SET #expires_at = :expires_at, #size = :size REMOVE #done, #failed", values, now),
  };
}

/** Refused, with the head, where there is one. A leftover is written over at once. */
export function openWrite({ size, createdAt, publishedAt, published, follows }: JoinHead, now: number): JoinWrite {
  const set = ["#expires_at = :expires_at", "#created_at = :created_at", "#published_at = :published_at"];
  const removed = ["#sealed", "#completed", size === undefined && "#size", follows === undefined && "#follows"].filter(
    (name) => name !== false,
  );
  set.push("#published = :published");
  if (size !== undefined) set.push("#size = :size");
  if (follows !== undefined) set.push("#follows = :follows");
  const values = {
    ":created_at": number(createdAt),
    ":published_at": number(publishedAt),
    ":published": number(published),
    ...(size !== undefined && { ":size": number(size) }),
    ...(follows !== undefined && { ":follows": { S: follows } }),
  };
  return { update: itemUpdate(ABSENT_OR_LEFT_OVER, `SET ${set.join(", ")} REMOVE ${removed.join(", ")}`, values, now) };
}

export function checkpointWrite(published: number, at: number, now: number): JoinWrite {
  return {
    update: itemUpdate(
      `${LIVE} AND #published < :published`,
      "SET #expires_at = :expires_at, #published = :published, #published_at = :published_at",
      { ":published": number(published), ":published_at": number(at) },
      now,
    ),
  };
}

/** Refused, with the head, where its size was known from the start. */
export function sealHeadWrite(size: number, now: number): JoinWrite {
  return {
    update: itemUpdate(
      `${LIVE} AND (attribute_not_exists(#size) OR attribute_exists(#sealed))`,
      "SET #expires_at = :expires_at, #size = if_not_exists(#size, :size), #sealed = :true",
      { ":size": number(size), ":true": { BOOL: true } },
      now,
    ),
  };
}

export function completeWrite(now: number): JoinWrite {
  const update = "SET #expires_at = :expires_at, #completed = :true";
  return { update: itemUpdate(LIVE, update, { ":true": { BOOL: true } }, now) };
}

/** Without a condition: a definition's key says what the text is, so whatever is there is the same; a workflow's is the latest. */
export function partWrite(text: string, now: number): JoinWrite {
  const update = "SET #expires_at = :expires_at, #text = :text";
  return { update: itemUpdate(undefined, update, { ":text": { S: text } }, now) };
}

export function toShard({ done, failed, size }: Item): Shard {
  return { done: numbers(done), failed: numbers(failed), ...(size && { size: Number(size.N) }) };
}

export function toHead(
  id: string,
  { size, sealed, completed, created_at, published_at, published, follows }: Item,
): JoinHead {
  return {
    id,
    createdAt: Number(created_at?.N),
    publishedAt: Number(published_at?.N),
    published: Number(published?.N),
    ...(size && { size: Number(size.N) }),
    ...(sealed && { sealed: true as const }),
    ...(completed && { completed: true as const }),
    ...(follows?.S !== undefined && { follows: follows.S }),
  };
}

export function toText({ text }: Item): string | undefined {
  return text?.S;
}

/** Expired exactly when `expires_at`, in whole seconds, is not after now. */
export function isLive({ [TABLE.ttl]: expiresAt }: Item, now: number): boolean {
  return expiresAt === undefined || Number(expiresAt.N) > Math.floor(now / 1_000);
}

function itemUpdate(
  condition: string | undefined,
  update: string,
  values: Record<string, AttributeValue>,
  now: number,
): ItemUpdate {
  return {
    ...(condition !== undefined && { ConditionExpression: condition }),
    UpdateExpression: update,
    ExpressionAttributeNames: namesIn(`${condition} ${update}`),
    ExpressionAttributeValues: {
      ...values,
      ...(condition !== undefined && { ":now": number(Math.floor(now / 1_000)) }),
      ":expires_at": number(Math.ceil((now + JOINS.lifetimeMs) / 1_000)),
    },
  };
}

/** All names, aliased: many of ours are among DynamoDB's reserved words. */
function namesIn(expression: string): Record<string, string> {
  return Object.fromEntries([...expression.matchAll(/#(\w+)/g)].map(([alias, attribute]) => [alias, attribute ?? ""]));
}

function number(value: number): AttributeValue {
  return { N: String(value) };
}

function bits(bit: number): AttributeValue {
  return { NS: [String(bit)] };
}

function numbers(set: AttributeValue | undefined): ReadonlySet<number> {
  return new Set(set?.NS?.map(Number));
}
