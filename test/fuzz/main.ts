// npm run fuzz -- [--inputs 100000] [--target decoder,lambda] [--seed S] [--only N] [--json]     docs/fuzzing.md
// Exit 1 where anything was found; each finding is printed with its input and how to run it again. The last line is a summary.
import { parseArgs } from "node:util";
import type { Found } from "./run.ts";
import { inputsOf, moduleOf, TARGETS, type TargetName } from "./targets.ts";
import { watch } from "./watch.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "100000" },
    target: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const { seed } = values;
const inputs = Number(values.inputs);
const only = values.only === undefined ? undefined : Number(values.only);
const names = (values.target?.split(",") ?? [...TARGETS]) as TargetName[]; // looked at in the next lines
const unknown = names.find((name) => !TARGETS.includes(name));
if (unknown !== undefined || !(inputs >= 1) || (only !== undefined && names.length !== 1)) {
  const why =
    unknown === undefined ? "--inputs takes a number from 1, --only goes with one --target" : `no target "${unknown}"`;
  console.error(`${why}; targets are ${TARGETS.join(", ")}`);
  process.exit(2);
}

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
      console.log(`${name}: ${report.inputs} inputs, ${report.found.length} findings, heap ${report.heapGrowth} bytes`);
    for (const one of report.found) print(name, one);
  },
});
const all = [...reports.values()];
const count = (...oracles: readonly string[]) =>
  all.flatMap(({ found }) => found).filter(({ oracle }) => oracles.includes(oracle)).length;
const total = all.reduce((sum, report) => sum + report.inputs, 0);
const findings = all.reduce((sum, { found }) => sum + found.length, 0);
console.log(
  JSON.stringify({
    inputs: total,
    per_target: Object.fromEntries([...reports].map(([name, report]) => [name, report.inputs])),
    findings,
    crashes: count("crash", "typed errors"),
    hangs: count("hang", "cost"),
    unhandled_rejections: count("unhandled rejection"),
    prototype_pollution: count("prototypes", "plain data"),
    log_injection: count("log injection"),
    memory: count("memory"),
    unregistered_runs: count("registered only"),
    protocol: count("protocol"),
    costliest_times_json_parse: Math.max(0, ...all.map(({ costliest }) => costliest)),
    heap_growth_bytes: Object.fromEntries([...reports].map(([name, report]) => [name, report.heapGrowth])),
    seed,
  }),
);
process.exitCode = findings === 0 ? 0 : 1;
