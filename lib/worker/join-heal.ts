// What the watchdog of a join does from time to time: counts members that have ended and that nobody counted, and goes up from
// shards that are full and whose bit is missing above. Whole parts of the tree are not looked into.
import { childOf, type Join, joinOf, missingBits, nodeOf, rootOf } from "../core/join.ts";
import { healed } from "../core/join-watch.ts";
import { JOINS } from "../defaults.ts";
import type { JoinStore } from "../ports/join-store.ts";
import { followAll } from "../replacement.ts";
import { EMPTY_SHARD, type JoinHead, type Place, type Shard } from "../store/join.ts";
import { type Completion, countMember, goUp, sealJoin } from "./join.ts";

export interface HealOptions {
  /** Id of a member, by its index. */
  readonly memberId: (index: number) => string;
  /** No message of a member can be left: what has not ended counts as failed. */
  readonly overdue: boolean;
  /** Members before this one have been looked at. @default 0 */
  readonly from?: number;
  /** Members to look at, and at most 63 more. @default - all */
  readonly most?: number;
}

export interface Healed {
  /** All members have ended. */
  readonly completion?: Completion;
  /** Where to go on. @default - nothing is left to look at */
  readonly next?: number;
}

/** Throws what the store throws. To be done again where it was stopped. */
export async function heal(store: JoinStore, head: JoinHead, options: HealOptions): Promise<Healed> {
  const { from = 0, most = Number.POSITIVE_INFINITY } = options;
  if (head.sealed && head.size !== undefined && from === 0) {
    const completion = await sealJoin(store, head.id, head.size); // its publisher may have been stopped at it
    if (completion) return { completion };
  }
  const join = joinOf(head);
  const root = rootOf(join);
  const [shard = EMPTY_SHARD] = await store.shards(head.id, [root]);
  const walk: Walk = { store, join, options, from, members: head.size ?? head.published, left: most };
  const completion = await mend(walk, root, shard);
  if (completion) return { completion };
  return walk.next === undefined ? {} : { next: walk.next };
}

interface Walk {
  readonly store: JoinStore;
  readonly join: Join;
  readonly options: HealOptions;
  readonly from: number;
  /** Those that were surely sent. */
  readonly members: number;
  /** Members that may still be looked at. */
  left: number;
  next?: number;
}

async function mend(walk: Walk, place: Place, shard: Shard): Promise<Completion | undefined> {
  const { store, join } = walk;
  const missing = missingBits(join, place, shard);
  if (missing.length === 0) return await goUp(store, join, place, shard);
  if (place.level === 0) return await mendMembers(walk, place, missing);
  const children = missing.map((bit) => childOf(place, bit)).filter((child) => isAhead(walk, child));
  const shards = await store.shards(join.id, children);
  for (const [index, child] of children.entries()) {
    if (walk.left <= 0) {
      walk.next = firstMember(child);
      return undefined;
    }
    const completion = await mend(walk, child, shards[index] ?? EMPTY_SHARD);
    if (completion || walk.next !== undefined) return completion;
  }
  return undefined;
}

async function mendMembers(walk: Walk, place: Place, missing: readonly number[]): Promise<Completion | undefined> {
  const { store, join, options, members } = walk;
  const indexes = missing.map((bit) => nodeOf(place.shard, bit)).filter((index) => index < members);
  walk.left -= indexes.length;
  const records = await followAll(indexes.map(options.memberId), (ids) => store.records(ids));
  for (const [i, index] of indexes.entries()) {
    const ending = healed(records[i]?.record, options.overdue);
    const completion = ending && (await countMember(store, join, index, ending.failed));
    if (completion) return completion;
  }
  return undefined;
}

/** It has members that were sent and were not looked at. */
function isAhead({ from, members }: Walk, place: Place): boolean {
  const first = firstMember(place);
  return first < members && first + JOINS.fanOut ** (place.level + 1) > from;
}

function firstMember({ level, shard }: Place): number {
  return shard * JOINS.fanOut ** (level + 1);
}
