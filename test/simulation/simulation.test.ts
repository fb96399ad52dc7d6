import { describe, expect, test } from "vitest";
import { BATCH_FAULTS, FAULTS } from "./faults.ts";
import type { Mutant } from "./mutant.ts";
import { BATCH_MUTANTS, MUTANTS, mutantNamed } from "./mutants.ts";
import { runSeeds, type Summary } from "./seeds.ts";
import { shrink } from "./shrink.ts";
import { World } from "./world.ts";

const SEEDS = 600;
/** Until this many worlds have passed a rule is not missed. */
const MUTANT_SEEDS = 150;

/** What is said of a violation: replays with `npm run simulate -- --seed N`. */
const violatedIn = ({ violated }: Summary) => violated.slice(0, 3);

describe("the protocol, simulated", () => {
  let summary: Summary;

  test(`keeps every invariant in ${SEEDS} seeded worlds`, async () => {
    summary = await runSeeds({ from: 1, seeds: SEEDS, batched: false });
    expect(violatedIn(summary)).toEqual([]);
  }, 240_000);

  test("in which every kind of fault happens", () => {
    expect(Object.keys(summary.faults).sort()).toEqual([...FAULTS].sort());
  });

  test("purges what waits, and meets what runs and what has ended", async () => {
    const ends = new Set<string>();
    for (let seed = 2; seed <= 60; seed += 4) {
      const world = new World({ seed });
      await world.run();
      for (const end of world.operators.purges) ends.add(end);
    }
    expect([...ends].sort()).toEqual(expect.arrayContaining(["ended", "purged", "running"]));
  }, 60_000);

  test("redrives what failed, also once more, and meets what did not fail and what was redriven", async () => {
    const became = new Set<string>();
    for (let seed = 3; seed <= 60; seed += 4) {
      const world = new World({ seed });
      await world.run();
      for (const kind of world.operators.redrives) became.add(kind);
    }
    expect([...became].sort()).toEqual(["refused", "sent", "skipped"]);
  }, 60_000);
});

describe("the protocol, simulated with batched claims and endings", () => {
  let summary: Summary;

  test(`keeps the same invariants in ${SEEDS} seeded worlds`, async () => {
    summary = await runSeeds({ from: 1, seeds: SEEDS, batched: true });
    expect(violatedIn(summary)).toEqual([]);
  }, 240_000);

  test("in which every kind of fault happens that a batch can have", () => {
    expect(Object.keys(summary.faults).sort()).toEqual([...FAULTS, ...BATCH_FAULTS].sort());
  });

  test("has batches of several writes, and of one", async () => {
    const sizes = new Set<number>();
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World({ seed, batched: true });
      await world.run();
      for (const size of world.batches) sizes.add(size);
    }
    expect(sizes).toContain(1);
    expect(Math.max(...sizes)).toBeGreaterThan(1);
  });
});

describe("found by a seed, and mended", () => {
  test.each([
    [1_245, "an overdue next attempt that is sent again says nothing of it", "reads LOST, and its message is there"],
    [33, "a dead letter that is sent again says nothing of it", "reads LOST, and its message is there"],
  ])("seed %i: %s", async (seed, rule, violation) => {
    const batched = BATCH_MUTANTS.some(({ name }) => name === rule);
    expect(await new World({ seed, batched }).run()).toEqual([]);
    expect((await new World({ seed, batched, mutant: mutantNamed(rule) }).run())[0]).toContain(violation);
  });
});

describe("a seed", () => {
  test("is the same world whenever it is run, to the last event", async () => {
    const histories: string[] = [];
    for (let i = 0; i < 2; i++) {
      const world = new World({ seed: 4, recorded: true });
      await world.run();
      histories.push(world.history?.print() ?? "");
    }
    expect(histories[0]).toContain("is invoked with"); // a function was there, too
    expect(histories[0]?.split("\n").length).toBeGreaterThan(100);
    expect(histories[1]).toBe(histories[0]);
  });

  test("that breaks an invariant is told by the few events that lead there", async () => {
    const options = { seed: 5, mutant: mutantNamed("a claim takes a live lease") };
    const shrunk = await shrink(options);
    if (shrunk === undefined) throw new Error("the mutant was not noticed");
    expect(shrunk.violations.join()).toContain("took a live lease");
    expect(shrunk.parts.length).toBeLessThan(shrunk.of / 5);
    expect(shrunk.lines).toBeLessThan(80);
    expect(shrunk.history).toMatch(/writes claim of .+ → applied: STARTED/);
    expect((await shrink(options))?.history).toBe(shrunk.history);
  }, 60_000);
});

/** Whether it is noticed within MUTANT_SEEDS worlds: where few have what it takes, from the seed on that it names. */
async function noticed(mutant: Mutant, batched: boolean): Promise<boolean> {
  const { violated } = await runSeeds({ from: mutant.from ?? 1, seeds: MUTANT_SEEDS, batched, mutant, first: true });
  return violated.length > 0;
}

describe("the simulation notices when", () => {
  test.each(MUTANTS)(
    "$name",
    async (mutant) => {
      expect(await noticed(mutant, false)).toBe(true);
    },
    120_000,
  );

  test.each(BATCH_MUTANTS)(
    "batched: $name",
    async (mutant) => {
      expect(await noticed(mutant, true)).toBe(true);
    },
    180_000,
  );
});
