// Exit 1 where a world breaks an invariant. The last line on stdout is JSON: schedules, schedules_per_s, violated, latest_end_s (the latest
// end of a task, in seconds of virtual time after the last fault of its world), faults by kind. Progress goes to stderr.
import { availableParallelism } from "node:os";
import { commandLine, named } from "../support/command-line.ts";
import { CanvasWorld } from "./canvases.ts";
import { runInThreads } from "./jobs.ts";
import { BATCH_MUTANTS, MUTANTS } from "./mutants.ts";
import { addTo, emptySummary, runSeeds, type Summary, type Violated } from "./seeds.ts";
import { shrink } from "./shrink.ts";

const USAGE = `npm run simulate -- [--seeds 1000] [--from 1] [--batched] [--jobs N] [--mutant NAME]   many worlds, on all cores
npm run simulate -- --seed K [--batched] [--mutant NAME]                               one world, and what of it breaks an invariant
npm run simulate -- --canvas [--seeds 1000] [--from 1] [--jobs N]                      random workflows, compared with their direct evaluation
npm run simulate -- --canvas --seed K                                                  one of them

--batched: claims and endings in batches. --mutant: without that rule (test/simulation/mutants.ts).`;

const { values, count, refuse } = commandLine(USAGE, {
  seeds: { type: "string" },
  from: { type: "string" },
  seed: { type: "string" },
  jobs: { type: "string" },
  batched: { type: "boolean", default: false },
  canvas: { type: "boolean", default: false },
  mutant: { type: "string" },
});
const { batched, canvas, mutant } = values;
const options = (seed: number) =>
  `--seed ${seed}${canvas ? " --canvas" : ""}${batched ? " --batched" : ""}${mutant ? ` --mutant "${mutant}"` : ""}`;

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
  const from = count("from", lacking?.from ?? 1);
  const seeds = count("seeds", 1_000);
  let shown = performance.now();
  return runInThreads({
    ...{ from, seeds, batched, canvas, mutant, jobs: count("jobs", availableParallelism()) },
    onPart: (part, total) => {
      for (const violated of part.violated) tell(violated);
      if (performance.now() - shown < 5_000) return;
      shown = performance.now();
      console.error(`${total.schedules} of ${seeds} schedules, ${total.violated.length} violated`);
    },
  });
}

async function one(seed: number): Promise<Summary> {
  const summary = await runSeeds({ from: seed, seeds: 1, batched, canvas, mutant: lacking });
  for (const violated of summary.violated) tell(violated);
  if (canvas) {
    console.log(`\n${JSON.stringify(new CanvasWorld(seed).sig, null, 2)}\n`);
    return summary;
  }
  const shrunk = await shrink({ seed, batched, mutant: lacking });
  if (shrunk === undefined) return summary;
  console.log(`\n${shrunk.parts.length} of its ${shrunk.of} parts are enough (${shrunk.worlds} worlds tried):`);
  console.log(`  ${shrunk.parts.join("\n  ")}\n\n${shrunk.history}\n\n  ${shrunk.violations.join("\n  ")}\n`);
  return summary;
}

const lacking = mutant === undefined ? undefined : named([...MUTANTS, ...BATCH_MUTANTS], mutant, "mutant", refuse);
if (lacking !== undefined && BATCH_MUTANTS.includes(lacking) && !batched)
  refuse(`"${mutant}" is about batches: add --batched`);
if (canvas && (batched || mutant !== undefined)) refuse("--canvas has neither --batched nor --mutant");
if (values.seed !== undefined && (values.seeds ?? values.from ?? values.jobs) !== undefined)
  refuse("--seed is one world: leave --seeds, --from and --jobs out");
const began = performance.now();
const total = emptySummary();
addTo(total, values.seed === undefined ? await many() : await one(count("seed", 1)));
summarize(total, (performance.now() - began) / 1_000);
