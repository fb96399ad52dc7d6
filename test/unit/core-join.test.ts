// The tree that counts the members of a group: any number of them, in any order, any number of times.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkSize,
  childOf,
  climb,
  countOf,
  expectedBits,
  joinOf,
  levelsOf,
  lowestFailed,
  missingBits,
  newHead,
  nodeOf,
  rootOf,
  sealsOf,
} from "../../lib/core/join.ts";
import { JOINS } from "../../lib/defaults.ts";
import { InvalidOption } from "../../lib/errors.ts";
import type { Place, Shard } from "../../lib/store/join.ts";
import { seededRandom } from "../../lib/testing/fake-clock.ts";
import { CountingTree } from "../support/counting-tree.ts";
import { checkCounted, joinStory } from "../support/join-story.ts";

const shardOf = (done: readonly number[], failed: readonly number[] = [], size?: number): Shard => ({
  done: new Set(done),
  failed: new Set(failed),
  ...(size !== undefined && { size }),
});
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("the shape of the tree", () => {
  test.each([
    [0, 1],
    [1, 1],
    [64, 1],
    [65, 2],
    [4_096, 2],
    [4_097, 3],
    [262_144, 3],
    [262_145, 4],
    [16_777_216, 4],
    [undefined, 4],
  ])("%s members take %i levels", (size, levels) => {
    expect(levelsOf(size)).toBe(levels);
    expect(rootOf({ id: "g", size })).toEqual({ level: levels - 1, shard: 0 });
  });

  test("a member's bit is in its shard, and a full shard's bit in the one above", () => {
    const join = { id: "g", size: 10_000 };
    expect(countOf(join, 4_242, true)).toEqual({ place: { level: 0, shard: 66 }, bit: 18, failed: true });
    const full = shardOf(upTo(64));
    expect(climb(join, { level: 0, shard: 66 }, full)).toEqual({
      kind: "count",
      count: { place: { level: 1, shard: 1 }, bit: 2, failed: false },
    });
    expect(climb(join, { level: 1, shard: 1 }, full)).toEqual({
      kind: "count",
      count: { place: { level: 2, shard: 0 }, bit: 1, failed: false },
    });
    expect(childOf({ level: 2, shard: 0 }, 1)).toEqual({ level: 1, shard: 1 });
    expect(childOf({ level: 1, shard: 1 }, 2)).toEqual({ level: 0, shard: 66 });
    expect(nodeOf(66, 18)).toBe(4_242);
  });

  test.each<[number | undefined, Place, number | undefined, number]>([
    [130, { level: 0, shard: 0 }, undefined, 64],
    [130, { level: 0, shard: 2 }, undefined, 2],
    [130, { level: 0, shard: 3 }, undefined, 0],
    [130, { level: 1, shard: 0 }, undefined, 3],
    [130, { level: 1, shard: 0 }, 1, 3],
    [undefined, { level: 0, shard: 2 }, undefined, 64],
    [undefined, { level: 0, shard: 2 }, 2, 2],
  ])("of %s members, %o has (sealed: %s) %i bits", (size, place, sealed, bits) => {
    expect(expectedBits({ id: "g", size }, place, shardOf([], [], sealed))).toBe(bits);
  });

  test("what is missing, and what failed, is told in order and within the shard's size", () => {
    const join = { id: "g", size: 5 };
    const place = { level: 0, shard: 0 };
    expect(missingBits(join, place, shardOf([3, 1]))).toEqual([0, 2, 4]);
    expect(lowestFailed(join, place, shardOf(upTo(5), [4, 2]))).toBe(2);
    expect(lowestFailed(join, place, shardOf(upTo(7), [6, 5]))).toBeUndefined();
    expect(climb(join, place, shardOf(upTo(5)))).toEqual({ kind: "complete", failed: false });
    expect(climb(join, place, shardOf(upTo(5), [4]))).toEqual({ kind: "complete", failed: true });
    expect(climb(join, place, shardOf([0, 1, 2, 3, 5, 6, 7]))).toEqual({ kind: "open" });
  });

  test("what is sealed is the right edge, and always the root", () => {
    expect(sealsOf(1_000)).toEqual([
      { place: { level: 0, shard: 15 }, size: 40 },
      { place: { level: 1, shard: 0 }, size: 16 },
      { place: { level: 2, shard: 0 }, size: 1 },
      { place: { level: 3, shard: 0 }, size: 1 },
    ]);
    expect(sealsOf(64 ** 3)).toEqual([{ place: { level: 3, shard: 0 }, size: 1 }]);
    expect(sealsOf(64 ** 4)).toEqual([{ place: { level: 3, shard: 0 }, size: 64 }]);
    expect(sealsOf(0)).toEqual([]);
  });
});

/** Sizes at which the tree changes its shape, and any other. */
const edges = [1, 2, 63, 64, 65, 66, 127, 128, 129, 4_096, 4_097, 4_161];
const sizes = fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 1, max: 700 }));
const seeds = fc.integer({ min: 1, max: 1_000_000 });

describe("any number of members, in any order, each any number of times", () => {
  test("exactly one count makes the root full, it is the last member's, and all that find it full find the same", () => {
    fc.assert(
      fc.property(sizes, seeds, (size, seed) => {
        const told = joinStory(size, seed);
        const tree = new CountingTree({ id: "g", size });
        const seen = new Set<number>();
        for (const index of told.order) {
          tree.countMember(index, told.failed.has(index));
          seen.add(index);
          expect(tree.transitions).toBe(seen.size === size ? 1 : 0);
        }
        checkCounted(tree, told);
      }),
      { numRuns: 40 },
    );
  });

  test("a size that is said at the end, whenever and however often, comes to the same", () => {
    fc.assert(
      fc.property(sizes, seeds, (size, seed) => {
        const told = joinStory(size, seed);
        const random = seededRandom(seed + 1);
        const steps: (number | ReturnType<typeof sealsOf>[number])[] = [...told.order];
        for (const seal of [...sealsOf(size), ...sealsOf(size)]) {
          steps.splice(Math.floor(random() * (steps.length + 1)), 0, seal);
        }
        const tree = new CountingTree({ id: "g" });
        for (const step of steps) {
          if (typeof step === "number") tree.countMember(step, told.failed.has(step));
          else tree.seal(step);
        }
        checkCounted(tree, told);
      }),
      { numRuns: 40 },
    );
  });

  test("the first count of a member says how it ended", () => {
    const tree = new CountingTree({ id: "g", size: 2 });
    tree.countMember(0, false);
    tree.countMember(0, true);
    tree.countMember(1, false);
    expect(tree.completions).toEqual([false]);
  });
});

describe("what a join cannot be", () => {
  test.each([-1, 3, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("member %s of three", (index) => {
    expect(() => countOf({ id: "g", size: 3 }, index, false)).toThrow(InvalidOption);
    expect(() => countOf({ id: "g", size: 3 }, index, false)).toThrow(
      `group g has no member ${index}; its members are 0 to 2`,
    );
  });

  test("a member beyond the most there can be, where nobody knows how many there are", () => {
    expect(countOf({ id: "g" }, JOINS.maxMembers - 1, false).bit).toBe(63);
    expect(() => countOf({ id: "g" }, JOINS.maxMembers, false)).toThrow("0 to 16777215");
  });

  test.each([-1, 0.5, Number.NaN, JOINS.maxMembers + 1])("a group of %s", (size) => {
    expect(() => checkSize("g", size)).toThrow(`group g has ${size} members, and something waits for them`);
    expect(() => countOf({ id: "g", size }, 0, false)).toThrow(InvalidOption);
    expect(() => newHead({ id: "g", size }, 0)).toThrow(InvalidOption);
  });

  test("but nobody, and as many as there can be, it can", () => {
    for (const size of [0, JOINS.maxMembers]) expect(newHead({ id: "g", size }, 0).size).toBe(size);
  });

  test("a head that holds too much", () => {
    const fits = "ä".repeat(JOINS.partBytes / 2);
    expect(newHead({ id: "g" }, 7, fits)).toEqual({
      id: "g",
      createdAt: 7,
      publishedAt: 7,
      published: 0,
      follows: fits,
    });
    expect(() => newHead({ id: "g" }, 7, `${fits}.`)).toThrow(
      "what follows group g takes 7169 bytes in its head, which holds 7168; store it as a definition",
    );
  });
});

test("a head tells how its members are counted: by its size only where that was known from the start", () => {
  const known = newHead({ id: "g", size: 3 }, 7);
  expect(known).toStrictEqual({ id: "g", size: 3, createdAt: 7, publishedAt: 7, published: 0 });
  expect(joinOf(known)).toEqual({ id: "g", size: 3 });
  expect(joinOf(newHead({ id: "g" }, 7))).toEqual({ id: "g" });
  expect(joinOf({ ...known, sealed: true })).toEqual({ id: "g" });
});
