// How a group's members stand, without their results: from the shards that count them, 64 members to an item, where there are
// any; else from their records.
import { isFinal } from "./core/states.ts";
import { DYNAMODB, JOINS } from "./defaults.ts";
import type { ValueDeps } from "./ending.ts";
import { demandJoins, type MemberIds, pagesOfIndexes, readMembers, stateOf } from "./members.ts";

export interface Standing {
  readonly index: number;
  readonly ended: boolean;
  /** It has ended, and not well. */
  readonly failed: boolean;
}

const { fanOut } = JOINS;

/** Of the first `size` members, a page at a time. */
export async function* standingsOf(ids: MemberIds, size: number, deps: ValueDeps): AsyncGenerator<readonly Standing[]> {
  const joins = await demandJoins(deps);
  const most = DYNAMODB.maxBatchGetItems;
  for (let first = 0; first * fanOut < size; first += most) {
    const places = Array.from({ length: most }, (_, i) => ({ level: 0, shard: first + i }));
    const within = places.filter(({ shard }) => shard * fanOut < size);
    const shards = await joins.shards(ids.group, within);
    if (first === 0 && shards.every((shard) => shard === undefined)) return yield* recorded(ids, size, deps);
    yield within.flatMap(({ shard }, i) => {
      const bits = Array.from({ length: Math.min(fanOut, size - shard * fanOut) }, (_, bit) => bit);
      const { done, failed } = shards[i] ?? {};
      return bits.map((bit) => ({
        index: shard * fanOut + bit,
        ended: done?.has(bit) ?? false,
        failed: failed?.has(bit) ?? false,
      }));
    });
  }
}

/** Nobody counts them, or nothing has been counted yet. */
async function* recorded(ids: MemberIds, size: number, deps: ValueDeps): AsyncGenerator<readonly Standing[]> {
  for (const indexes of pagesOfIndexes(0, size)) {
    const members = await readMembers(indexes, ids, deps);
    yield members.map((member) => {
      const state = stateOf(member, deps);
      const ended = isFinal(state);
      return { index: member.index, ended, failed: ended && state !== "SUCCESS" && state !== "UNTRACKED" };
    });
  }
}
