import { describe, expect, test } from "vitest";
import { BATCH_MUTANTS, MUTANTS } from "./mutants.ts";
import { type Mutant, World } from "./world.ts";

/** Replays with `npm run simulate -- --seed N`. */
async function firstViolation(seeds: number, { mutant, batched = false }: { mutant?: Mutant; batched?: boolean } = {}) {
  for (let seed = 1; seed <= seeds; seed++) {
    const violations = await new World({ seed, batched, ...(mutant ? { mutant } : {}) }).run();
    if (violations.length > 0) return { seed, violations };
  }
  return undefined;
}

describe("the protocol, simulated", () => {
  test("keeps invariants 1-5 and 8 in every one of 1,000 seeded worlds", async () => {
    expect(await firstViolation(1_000)).toBeUndefined();
  }, 120_000);

  test("injects every kind of fault it claims to", async () => {
    const kinds = new Set<string>();
    for (let seed = 1; seed <= 50; seed++) {
      const world = new World({ seed });
      await world.run();
      for (const kind of Object.keys(world.faults)) kinds.add(kind);
    }
    expect([...kinds].sort()).toEqual([
      "call failed",
      "crash after a call",
      "crash before a call",
      "duplicate",
      "late answer",
      "lost answer",
      "pause",
      "sdk retry",
      "throttled delivery",
    ]);
  }, 60_000);

  test("purges what waits, and meets what runs and what has ended", async () => {
    const ends = new Set<string>();
    for (let seed = 2; seed <= 200; seed += 4) {
      const world = new World({ seed });
      await world.run();
      for (const end of world.purges) ends.add(end);
    }
    expect([...ends].sort()).toEqual(expect.arrayContaining(["ended", "purged", "running"]));
  }, 60_000);

  test("redrives what failed, also once more, and meets what did not fail and what was redriven", async () => {
    const became = new Set<string>();
    for (let seed = 3; seed <= 100; seed += 4) {
      const world = new World({ seed });
      await world.run();
      for (const kind of world.redrives) became.add(kind);
    }
    expect([...became].sort()).toEqual(["refused", "sent", "skipped"]);
  }, 60_000);

  test("the same seed is the same world", async () => {
    const worlds = [new World({ seed: 7 }), new World({ seed: 7 })];
    for (const world of worlds) await world.run();
    expect([...(worlds[0]?.store.records ?? [])]).toEqual([...(worlds[1]?.store.records ?? [])]);
  });
});

describe("the protocol, simulated with batched claims and endings", () => {
  test("keeps the same invariants in every one of 1,000 seeded worlds", async () => {
    expect(await firstViolation(1_000, { batched: true })).toBeUndefined();
  }, 180_000);

  test("injects every kind of fault a batch can have, and has batches of several writes", async () => {
    const faults: Record<string, number> = {};
    for (let seed = 1; seed <= 50; seed++) {
      const world = new World({ seed, batched: true });
      await world.run();
      for (const [kind, n] of Object.entries(world.faults)) faults[kind] = (faults[kind] ?? 0) + n;
    }
    const kinds = Object.keys(faults).filter((kind) => /batch|statement/.test(kind));
    expect(kinds.sort()).toEqual([
      "batch answer lost",
      "batch applied in part",
      "batch failed",
      "batch heard twice",
      "batch late",
      "batch of one",
      "batch of several",
      "statement refused",
    ]);
  }, 60_000);

  test.each(BATCH_MUTANTS)(
    "it notices when $name",
    async (mutant) => {
      expect(await firstViolation(600, { mutant, batched: true })).toBeDefined();
    },
    180_000,
  );
});

describe("the simulation notices when", () => {
  test.each(MUTANTS)(
    "$name",
    async (mutant) => {
      expect(await firstViolation(600, { mutant })).toBeDefined();
    },
    120_000,
  );
});
