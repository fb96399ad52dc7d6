// Apart from the tests of lib/core/join.ts: those run again for each mutant of it, and should be small.
import { expect, test } from "vitest";
import { CountingTree } from "../support/counting-tree.ts";
import { checkCounted, joinStory } from "../support/join-story.ts";

test.each([65, 66, 4_097, 20_001, 300_000])(
  "%i members counted once take at most 1.05 writes each",
  (size) => {
    const story = joinStory(size, size, 0);
    const tree = new CountingTree({ id: "g", size });
    for (const index of story.order) tree.countMember(index, story.failed.has(index));
    checkCounted(tree, story);
    expect(tree.writes).toBe(size + tree.shards - 1);
    expect(tree.writes / size).toBeLessThanOrEqual(1.05);
  },
  60_000,
);
