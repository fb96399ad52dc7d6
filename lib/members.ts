// Results of a group's members, read where their records are: a hundred at a time, by ids that follow from the group's. A member that
// was replaced has the ending of whatever ended in its place; one that is a group has the list of its members' results.

import { memberId } from "./core/canvas-freeze.ts";
import { certify } from "./core/ids.ts";
import { conclude, type State } from "./core/states.ts";
import { DYNAMODB, PAYLOADS } from "./defaults.ts";
import { recordedValue, type ValueDeps } from "./ending.ts";
import { ResultExpired } from "./errors.ts";
import { joinsOf } from "./joins.ts";
import type { JoinStore } from "./ports/join-store.ts";
import type { TaskRecord } from "./store/record.ts";
import type { GroupRef } from "./wire/envelope.ts";
import type { JsonValue } from "./wire/serializer.ts";

export interface MemberIds {
  readonly group: string;
  /** The group was sent with `ignoreResult`, and its members' ids say so. @default false */
  readonly untracked?: boolean;
}

/** A member, and what is recorded of whatever ended in its place. */
export interface Member {
  readonly index: number;
  readonly id: string;
  /** Its own, or that of what it was replaced with. */
  readonly endId: string;
  readonly record: TaskRecord | undefined;
}

/** How whatever ended in its place stands. */
export function stateOf({ endId, record }: Member, { key, clock }: Pick<ValueDeps, "key" | "clock">): State {
  return conclude(record, certify(endId, key), clock.now());
}

/** Members by their indexes, 100 at most. One read, and one more for each time that some of them were replaced. */
export async function readMembers(
  indexes: readonly number[],
  { group, untracked = false }: MemberIds,
  deps: ValueDeps,
): Promise<readonly Member[]> {
  const joins = await demandJoins(deps);
  const ids = indexes.map((index) => memberId(deps.key, group, index, untracked));
  const records = await joins.records(ids);
  const members = indexes.map((index, i) => ({ index, id: ids[i] ?? "", endId: ids[i] ?? "", record: records[i] }));
  return await followed(members, joins);
}

/** All members from `from` on, in their order, 100 at a time. */
export async function* pagesOf(group: GroupRef, deps: ValueDeps, from = 0): AsyncGenerator<readonly Member[]> {
  for (const indexes of pagesOfIndexes(from, group.size)) yield await readMembers(indexes, group, deps);
}

export function* pagesOfIndexes(
  from: number,
  to: number,
  most: number = DYNAMODB.maxBatchGetItems,
): Generator<readonly number[]> {
  for (let start = from; start < to; start += most)
    yield Array.from({ length: Math.min(most, to - start) }, (_, i) => start + i);
}

/** A hundred at a time. */
export function* sliced<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += DYNAMODB.maxBatchGetItems)
    yield all.slice(start, start + DYNAMODB.maxBatchGetItems);
}

async function followed(members: readonly Member[], joins: JoinStore): Promise<readonly Member[]> {
  const seen = new Set<string>();
  let now = members;
  for (;;) {
    const to = now.map(({ record }) => record?.replacement).map((id) => (id && !seen.has(id) ? id : undefined));
    const ids = to.filter((id) => id !== undefined);
    if (ids.length === 0) return now;
    const records = await joins.records(ids);
    for (const id of ids) seen.add(id); // what somebody else wrote into the table must not lead us in circles
    const found = new Map(ids.map((id, i) => [id, records[i]]));
    now = now.map((member, i) => {
      const endId = to[i];
      return endId === undefined ? member : { ...member, endId, record: found.get(endId) };
    });
  }
}

/** What may be held at once. Both count down. */
export interface Room {
  take(members: number, bytes: number): void;
}

const ENDLESS: Room = { take: () => {} };

/**
 * The results of a group whose members have all succeeded, in their order; null for those without one. `room` is asked before anything
 * is held. How long a result is shown (`resultExpires`) does not matter here: a workflow's own may wait for longer.
 * @throws ResultExpired where one is gone, what `room` throws, and as fetchValue
 */
export async function resultsOf(group: GroupRef, deps: ValueDeps, room: Room = ENDLESS): Promise<JsonValue[]> {
  room.take(group.size, 0);
  const results: JsonValue[] = [];
  for await (const page of pagesOf(group, deps)) {
    for (const part of parts(page)) {
      for (const { record } of part) room.take(0, bytesOf(record));
      results.push(...(await Promise.all(part.map((member) => resultOf(member, deps, room)))));
    }
  }
  return results;
}

/** As `resultsOf`, one by one from `from` on: no more than a page of records, and 32 MB of results, are held. `roomFor` one that is a group. */
export async function* eachResult(
  group: GroupRef,
  deps: ValueDeps,
  from: number,
  roomFor: () => Room,
): AsyncGenerator<JsonValue> {
  for await (const page of pagesOf(group, deps, from))
    for (const part of parts(page)) yield* await Promise.all(part.map((member) => resultOf(member, deps, roomFor())));
}

/** Nobody knows how large the list of a member is that is a group: eight of them at once. */
const LIST_BYTES = PAYLOADS.maxBytes / 8;

/** As many at a time as the largest of payloads has bytes. */
export function* parts(page: readonly Member[]): Generator<readonly Member[]> {
  let part: Member[] = [];
  let bytes = 0;
  for (const member of page) {
    const more = member.record?.members ? LIST_BYTES : bytesOf(member.record);
    if (part.length > 0 && bytes + more > PAYLOADS.maxBytes) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(member);
    bytes += more;
  }
  yield part;
}

function bytesOf(record: TaskRecord | undefined): number {
  return (record?.resultRef?.bytes ?? record?.result?.length ?? NULL_BYTES) + 1;
}

const NULL_BYTES = 4;

async function resultOf({ id, record }: Member, deps: ValueDeps, room: Room): Promise<JsonValue> {
  if (record === undefined) throw new ResultExpired(id, "its record is not in the table any more");
  if (record.forgotten) throw new ResultExpired(id, "it was forgotten");
  if (record.state !== "SUCCESS") throw new ResultExpired(id, `it is ${record.state}, and its group had succeeded`);
  return (await recordedValue(record, { ...deps, resultsOf: (group) => resultsOf(group, deps, room) })) ?? null;
}

/** Throws NotSupported. */
export async function demandJoins(deps: Pick<ValueDeps, "open">): Promise<JoinStore> {
  return await joinsOf(await deps.open());
}
