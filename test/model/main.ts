// Exit 1 on a violation, which is printed with the shortest way to it. The last line of an exploration is a summary.
import { commandLine, named } from "../support/command-line.ts";
import { BOUNDS, type Bound, DEEP_BOUNDS, mutated, said } from "./bounds.ts";
import { explore, type Violation } from "./explore.ts";
import { MUTANTS } from "./mutants.ts";
import { RULES } from "./rules.ts";

const USAGE = `npm run model                        every world within the bounds of docs/model.md
npm run model -- --deep              farther, for minutes
npm run model -- --bound NAME        one of them, of the deep ones with --deep
npm run model -- --mutant NAME       the shortest history that goes wrong without that rule`;

const { values, refuse } = commandLine(USAGE, {
  deep: { type: "boolean", default: false },
  bound: { type: "string" },
  mutant: { type: "string" },
});

function found({ invariant, wrong, trace }: Violation): string {
  return [`${invariant}: ${wrong}`, ...trace.map((line, i) => `${`${i + 1}`.padStart(4)}  ${line}`)].join("\n");
}

function check(bounds: readonly Bound[]): void {
  const sum = { bounds: bounds.length, states: 0, transitions: 0, depth: 0, violated: 0 };
  const began = performance.now();
  for (const bound of bounds) {
    const from = performance.now();
    const { states, transitions, depth, violation } = explore(bound);
    const seconds = ((performance.now() - from) / 1_000).toFixed(1);
    console.log(`${bound.name}: ${said(bound)}`);
    console.log(`  ${states} states, ${transitions} transitions, ${depth} deep, ${seconds} s`);
    if (violation) console.log(found(violation));
    sum.states += states;
    sum.transitions += transitions;
    sum.depth = Math.max(sum.depth, depth);
    sum.violated += violation ? 1 : 0;
  }
  const seconds = Number(((performance.now() - began) / 1_000).toFixed(1));
  console.log(JSON.stringify({ ...sum, seconds }));
  process.exitCode = sum.violated === 0 ? 0 : 1;
}

if (values.mutant === undefined) {
  const all = values.deep ? DEEP_BOUNDS : BOUNDS;
  check(values.bound === undefined ? all : [named(all, values.bound, "bound", refuse)]);
} else {
  if (values.deep || values.bound !== undefined)
    refuse("--mutant has a bound of its own: leave --deep and --bound out");
  const mutant = named(MUTANTS, values.mutant, "mutant", refuse);
  const { violation, states } = explore(mutated(mutant), { ...RULES, ...mutant.edit });
  console.log(`${mutant.name} (row ${mutant.rows.replaceAll(" ", ", ")}), ${said(mutated(mutant))}`);
  console.log(violation ? found(violation) : `not noticed in ${states} states`);
  process.exitCode = violation ? 1 : 0;
}
