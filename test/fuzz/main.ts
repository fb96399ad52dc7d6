// Exit 1 where anything was found; each finding is printed with its input and how to run it again. The last line is a summary.
import { commandLine } from "../support/command-line.ts";
import type { Found } from "./run.ts";
import { inputsOf, moduleOf, TARGETS, type TargetName } from "./targets.ts";
import { watch } from "./watch.ts";

const USAGE = `npm run fuzz -- [--inputs 100000] [--target decoder,lambda] [--seed 1] [--json]   hostile input (docs/fuzzing.md)
npm run fuzz -- --target NAME --seed S --only N                                   one input again

--seed: any text; the same makes the same inputs. Targets: ${TARGETS.join(", ")}.`;

const { values, count, refuse } = commandLine(USAGE, {
  inputs: { type: "string" },
  target: { type: "string" },
  seed: { type: "string", default: "1" },
  only: { type: "string" },
  json: { type: "boolean", default: false },
});
const { seed } = values;
const inputs = count("inputs", 100_000);
const names = (values.target?.split(",") ?? [...TARGETS]) as TargetName[]; // looked at in the next lines
const unknown = names.find((name) => !TARGETS.includes(name));
if (unknown !== undefined) refuse(`there is no target "${unknown}"`);
const only = values.only === undefined ? undefined : Number(values.only); // inputs are counted from 0
if (only !== undefined && !(/^\d+$/.test(values.only ?? "") && Number.isSafeInteger(only)))
  refuse(`--only is ${JSON.stringify(values.only)}; it takes the number of an input, from 0 on`);
if (only !== undefined && names.length !== 1) refuse("--only goes with one --target: each has inputs of its own");

const work = names.map((name) => {
  const share = names.length === 1 ? inputs : inputsOf(name, inputs);
  return { name, module: moduleOf(name), seed, inputs: share, only };
});
const print = (name: string, { n, oracle, message, input }: Found) => {
  const shown = JSON.stringify(input) ?? "";
  const again = `npm run fuzz -- --target ${name} --seed ${seed} --only ${n}`;
  if (values.json)
    console.log(JSON.stringify({ target: name, n, oracle, message, input: shown.slice(0, 4_000), again }));
  else console.log(`${name} #${n}: ${message}\n  input: ${shown.slice(0, 2_000)}\n  again: ${again}\n`);
};
const reports = await watch(work, {
  onReport: (name, report) => {
    if (!values.json)
      console.log(
        `${name}: ${report.inputs} inputs, ${report.found.length} findings, heap grew by ${report.heapGrowth} bytes`,
      );
    for (const one of report.found) print(name, one);
  },
});
const all = [...reports.values()];
const by = (...oracles: readonly string[]) =>
  all.flatMap(({ found }) => found).filter(({ oracle }) => oracles.includes(oracle)).length;
const total = all.reduce((sum, report) => sum + report.inputs, 0);
const findings = all.reduce((sum, { found }) => sum + found.length, 0);
console.log(
  JSON.stringify({
    inputs: total,
    per_target: Object.fromEntries([...reports].map(([name, report]) => [name, report.inputs])),
    findings,
    crashes: by("crash", "typed errors"),
    hangs: by("hang", "cost"),
    unhandled_rejections: by("unhandled rejection"),
    prototype_pollution: by("prototypes", "plain data"),
    log_injection: by("log injection"),
    memory: by("memory"),
    unregistered_runs: by("registered only"),
    protocol: by("protocol"),
    costliest_times_json_parse: Math.max(0, ...all.map(({ costliest }) => costliest)),
    heap_growth_bytes: Object.fromEntries([...reports].map(([name, report]) => [name, report.heapGrowth])),
    seed,
  }),
);
process.exitCode = findings === 0 ? 0 : 1;
