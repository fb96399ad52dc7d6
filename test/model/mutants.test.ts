// A rule whose absence the checker does not notice is a rule that it does not check.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { mutated } from "./bounds.ts";
import { explore } from "./explore.ts";
import { MUTANTS } from "./mutants.ts";
import { RULES } from "./rules.ts";

describe("the checker notices when", () => {
  test.each(MUTANTS)("$name", (mutant) => {
    const { violation } = explore(mutated(mutant), { ...RULES, ...mutant.edit });
    expect(violation?.invariant ?? "nothing").toMatch(new RegExp(`^${mutant.breaks}`));
    expect(violation?.trace.length).toBeGreaterThan(0);
  });

  test("each mutant has a name of its own", () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });
});

test("what it prints is a shortest way there, step by step, as docs/model.md shows", () => {
  const mutant = MUTANTS.find(({ name }) => name === "a finish needs no token");
  const { violation } = explore(mutated(mutant ?? {}), { ...RULES, ...mutant?.edit });
  const shown = readFileSync(new URL("../../docs/model.md", import.meta.url), "utf8").match(/^ +\d+ {2}.+$/gm);
  expect(violation?.trace.map((line, i) => `   ${i + 1}  ${line}`)).toEqual(shown);
});
