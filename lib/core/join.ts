// The members of a group are counted in a tree, so that no item is written by all of them, and none is counted twice: a count
// puts a bit into a set, and doing it again changes nothing.
//
//   member 4,242  ─ bit 18 ─▶  level 0, shard 66  ─ full: bit 2 ─▶  level 1, shard 1  ─ full: bit 1 ─▶  level 2, shard 0: the root
//
// 1. Whoever brings a member to its end adds its bit to its shard, and is told what the shard is after it.
// 2. A shard that is full is a bit of the shard above it, failed where any of its own is. Who finds the root full goes on with
//    what follows the group; so does everybody who finds it full once more: what follows has derived ids and guarded writes.
// 3. Where nobody knows how many come, the tree has four levels; at the end its publisher says how many bits the shards of its
//    right edge have, and goes up from those that are full by then.
// 4. The first count of a member says how it ended: a full shard never changes, so all who find it full find the same.
import { JOINS } from "../defaults.ts";
import { InvalidOption } from "../errors.ts";
import type { JoinHead, Place, Shard } from "../store/join.ts";

/** A group whose members are counted. */
export interface Join {
  /** Id of the group. */
  readonly id: string;
  /** Members. @default - its publisher says so at the end */
  readonly size?: number | undefined;
}

/** One write: a bit for a shard. */
export interface Count {
  readonly place: Place;
  readonly bit: number;
  readonly failed: boolean;
}

/** How many bits a shard of the right edge has. */
export interface Seal {
  readonly place: Place;
  readonly size: number;
}

/** What a shard that was just written means. */
export type Climb =
  /** Others are to come. */
  | { readonly kind: "open" }
  | { readonly kind: "count"; readonly count: Count }
  /** All members have ended. */
  | { readonly kind: "complete"; readonly failed: boolean };

const { fanOut, levels: MOST_LEVELS, maxMembers } = JOINS;

/** Levels of a tree for so many members. */
export function levelsOf(size: number | undefined): number {
  if (size === undefined) return MOST_LEVELS;
  let levels = 1;
  for (let room = fanOut; room < size; room *= fanOut) levels++;
  return levels;
}

/** The count of one member. Throws InvalidOption for an index that the join does not have. */
export function countOf({ id, size }: Join, index: number, failed: boolean): Count {
  const members = size === undefined ? maxMembers : checkSize(id, size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= members) {
    throw new InvalidOption(
      `group ${id} has no member ${index}; its members are 0 to ${members - 1}, and its message says which one it is`,
    );
  }
  return { ...bitOf(index), place: { level: 0, shard: Math.floor(index / fanOut) }, failed };
}

/** Throws InvalidOption for a group of no size, or of one that is too large. */
export function checkSize(id: string, size: number): number {
  if (Number.isSafeInteger(size) && size >= 0 && size <= maxMembers) return size;
  throw new InvalidOption(
    `group ${id} has ${size} members, and something waits for them; that takes 0 to ${maxMembers}; make several groups, or chunks`,
  );
}

/** What follows from a shard after it was written. */
export function climb(join: Join, place: Place, shard: Shard): Climb {
  const expected = expectedBits(join, place, shard);
  for (let bit = 0; bit < expected; bit++) if (!shard.done.has(bit)) return { kind: "open" };
  const failed = lowestFailed(join, place, shard) !== undefined;
  if (isRoot(join, place)) return { kind: "complete", failed };
  return { kind: "count", count: { place: parentOf(place), ...bitOf(place.shard), failed } };
}

/** Bits that a shard is full with. */
export function expectedBits({ size }: Join, { level, shard }: Place, { size: sealed }: Shard): number {
  if (size === undefined) return sealed ?? fanOut;
  return Math.max(0, Math.min(fanOut, nodesOf(size, level) - fanOut * shard));
}

/** Its bits that are not counted yet, in order. */
export function missingBits(join: Join, place: Place, shard: Shard): readonly number[] {
  const bits = Array.from({ length: expectedBits(join, place, shard) }, (_, bit) => bit);
  return bits.filter((bit) => !shard.done.has(bit));
}

/** The first of its bits that failed. */
export function lowestFailed(join: Join, place: Place, shard: Shard): number | undefined {
  const expected = expectedBits(join, place, shard);
  for (let bit = 0; bit < expected; bit++) if (shard.failed.has(bit)) return bit;
  return undefined;
}

/**
 * What the publisher of a join says when it knows how many members it has: one for each shard of the right edge that is not
 * whole, and one for the root, at which it may be the last to come.
 */
export function sealsOf(size: number): readonly Seal[] {
  const seals: Seal[] = [];
  for (let level = 0; size > 0 && level < MOST_LEVELS; level++) {
    const nodes = nodesOf(size, level);
    const shard = Math.floor((nodes - 1) / fanOut);
    const bits = nodes - fanOut * shard;
    if (bits < fanOut || level === MOST_LEVELS - 1) seals.push({ place: { level, shard }, size: bits });
  }
  return seals;
}

/** A head for a join that begins. Throws InvalidOption for what it cannot hold. */
export function newHead({ id, size }: Join, now: number, follows?: string): JoinHead {
  const bytes = follows === undefined ? 0 : Buffer.byteLength(follows);
  if (bytes > JOINS.partBytes) {
    throw new InvalidOption(
      `what follows group ${id} takes ${bytes} bytes in its head, which holds ${JOINS.partBytes}; store it as a definition`,
    );
  }
  return {
    id,
    ...(size !== undefined && { size: checkSize(id, size) }),
    createdAt: now,
    publishedAt: now,
    published: 0,
    ...(follows !== undefined && { follows }),
  };
}

/** How the members of a head's group are counted. */
export function joinOf({ id, size, sealed }: JoinHead): Join {
  return sealed ? { id } : { id, size };
}

export function rootOf({ size }: Join): Place {
  return { level: levelsOf(size) - 1, shard: 0 };
}

/** The shard below that a bit stands for. */
export function childOf({ level, shard }: Place, bit: number): Place {
  return { level: level - 1, shard: nodeOf(shard, bit) };
}

/** The member, or the shard below, that a bit stands for. */
export function nodeOf(shard: number, bit: number): number {
  return shard * fanOut + bit;
}

/** Members (level 0) or shards below that all shards of a level have together. */
function nodesOf(size: number, level: number): number {
  return Math.ceil(size / fanOut ** level);
}

function isRoot({ size }: Join, { level }: Place): boolean {
  return level === levelsOf(size) - 1;
}

function parentOf({ level, shard }: Place): Place {
  return { level: level + 1, shard: Math.floor(shard / fanOut) };
}

function bitOf(node: number): { readonly bit: number } {
  return { bit: node % fanOut };
}
