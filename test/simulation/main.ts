// npm run simulate -- [--seeds N] [--from S] [--batched] [--jobs J] [--mutant NAME]   many worlds; exit 1 where one breaks an invariant
// npm run simulate -- --seed K [--batched] [--mutant NAME]                            one world, and what of it breaks the invariant
//
// The last line on stdout is JSON: schedules, schedules_per_s, violated, faults by kind. Progress goes to stderr.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { runInThreads } from "./jobs.ts";
import { mutantNamed } from "./mutants.ts";
import { addTo, emptySummary, runSeeds, type Summary, type Violated } from "./seeds.ts";
import { shrink } from "./shrink.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    jobs: { type: "string", default: String(availableParallelism()) },
    batched: { type: "boolean", default: false },
    mutant: { type: "string" },
  },
});

function count(name: "seeds" | "from" | "seed" | "jobs"): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`--${name} is ${JSON.stringify(values[name])}; it takes a whole number from 1 on`);
  return value;
}

const { batched, mutant } = values;
const options = (seed: number) =>
  `--seed ${seed}${batched ? " --batched" : ""}${mutant ? ` --mutant "${mutant}"` : ""}`;

function tell({ seed, violations }: Violated): void {
  console.log(`seed ${seed} (npm run simulate -- ${options(seed)})\n  ${violations.join("\n  ")}`);
}

function summarize({ schedules, violated, faults, latestEnd }: Summary, seconds: number): void {
  const sorted = Object.fromEntries(Object.entries(faults).sort(([a], [b]) => (a < b ? -1 : 1)));
  console.log(
    JSON.stringify({
      schedules,
      schedules_per_s: Number((schedules / seconds).toFixed(1)),
      violated: violated.length,
      latest_end_s: Math.round(latestEnd / 1_000),
      faults: sorted,
    }),
  );
  process.exitCode = violated.length === 0 ? 0 : 1;
}

async function many(): Promise<Summary> {
  const from = count("from");
  const seeds = count("seeds");
  let shown = performance.now();
  return runInThreads({
    ...{ from, seeds, batched, mutant, jobs: count("jobs") },
    onPart: (part, total) => {
      for (const violated of part.violated) tell(violated);
      if (performance.now() - shown < 5_000) return;
      shown = performance.now();
      console.error(`${total.schedules} of ${seeds} schedules, ${total.violated.length} violated`);
    },
  });
}

async function one(seed: number): Promise<Summary> {
  const known = mutant === undefined ? undefined : mutantNamed(mutant);
  const summary = await runSeeds({ from: seed, seeds: 1, batched, mutant: known });
  for (const violated of summary.violated) tell(violated);
  const shrunk = await shrink({ seed, batched, mutant: known });
  if (shrunk === undefined) return summary;
  console.log(`\n${shrunk.parts.length} of its ${shrunk.of} parts are enough (${shrunk.worlds} worlds tried):`);
  console.log(`  ${shrunk.parts.join("\n  ")}\n\n${shrunk.history}\n\n  ${shrunk.violations.join("\n  ")}\n`);
  return summary;
}

if (mutant !== undefined) mutantNamed(mutant);
const began = performance.now();
const total = emptySummary();
addTo(total, values.seed === undefined ? await many() : await one(count("seed")));
summarize(total, (performance.now() - began) / 1_000);
