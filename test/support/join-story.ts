// How the members of a group end: in some order, some of them more than once, some failing; and what is to come of it.
import { expect } from "vitest";
import { childOf, lowestFailed, nodeOf, rootOf } from "../../lib/core/join.ts";
import { seededRandom } from "../../lib/testing/fake-clock.ts";
import type { CountingTree } from "./counting-tree.ts";
import { shuffled } from "./shuffle.ts";

export interface JoinStory {
  readonly size: number;
  /** Members in the order in which they are counted, each at least once. */
  readonly order: readonly number[];
  readonly failed: ReadonlySet<number>;
}

/** `again`: how many come once more, as a part of all. */
export function joinStory(size: number, seed: number, again = 0.2): JoinStory {
  const random = seededRandom(seed);
  const members = Array.from({ length: size }, (_, index) => index);
  const repeated = members.filter(() => random() < again);
  const failing = random() < 0.5 ? 0 : 3 / size;
  return {
    size,
    order: shuffled([...members, ...repeated, ...repeated.filter(() => random() < 0.5)], random),
    failed: new Set(members.filter(() => random() < failing)),
  };
}

/** Index of the first failed member, down the failed bits. */
function firstFailed(tree: CountingTree): number | undefined {
  let place = rootOf(tree.join);
  for (;;) {
    const bit = lowestFailed(tree.join, place, tree.shard(place));
    if (bit === undefined) return undefined;
    if (place.level === 0) return nodeOf(place.shard, bit);
    place = childOf(place, bit);
  }
}

/** The root was made full once, all who found it full found the same, and nothing was written more often than it must. */
export function checkCounted(tree: CountingTree, { size, failed }: JoinStory): void {
  expect(tree.transitions).toBe(1);
  expect(new Set(tree.completions)).toEqual(new Set([failed.size > 0]));
  expect(firstFailed(tree)).toBe(failed.size === 0 ? undefined : Math.min(...failed));
  expect(Math.max(...tree.firstWrites.values())).toBeLessThanOrEqual(64);
  const first = [...tree.firstWrites.values()].reduce((sum, n) => sum + n, 0);
  expect(first).toBe(size + tree.shards - 1); // each member once, and each shard but the root once in the one above
}
