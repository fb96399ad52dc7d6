import { expect, test } from "vitest";
import { JOIN_MUTANTS, type JoinMutant, JoinWorld } from "./joins.ts";

/** Replays with `npm run simulate:joins -- --seed N`. */
async function firstViolation(seeds: number, mutant?: JoinMutant) {
  for (let seed = 1; seed <= seeds; seed++) {
    const violations = await new JoinWorld({ seed, ...(mutant && { mutant }) }).run();
    if (violations.length > 0) return { seed, violations };
  }
  return undefined;
}

test("in every one of 200 seeded worlds all have ended once they have, and everybody is told the same", async () => {
  expect(await firstViolation(200)).toBeUndefined();
}, 60_000);

test("it does what it claims to do to them", async () => {
  const faults = new Set<string>();
  const sizes: number[] = [];
  for (let seed = 1; seed <= 40; seed++) {
    const world = new JoinWorld({ seed });
    await world.run();
    for (const fault of Object.keys(world.faults)) faults.add(fault);
    sizes.push(world.size);
  }
  expect([...faults].sort()).toEqual(["died after a call", "died before a call", "duplicate", "heard twice"]);
  expect(Math.max(...sizes)).toBeGreaterThan(64);
}, 60_000);

test.each(JOIN_MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
  "it notices where %s",
  async (_, mutant) => {
    expect(await firstViolation(100, mutant)).toBeDefined();
  },
  60_000,
);
