// npm run simulate:joins -- [--seeds N] [--from S] | --seed K      Exit 1 on a violation, which is printed with its seed.
import { parseArgs } from "node:util";
import { JoinWorld } from "./joins.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string" }, from: { type: "string" }, seed: { type: "string" } },
});
const from = Number(values.seed ?? values.from ?? 1);
const seeds = values.seed === undefined ? Number(values.seeds ?? 1_000) : 1;
const faults: Record<string, number> = {};
const began = performance.now();
let [violated, members] = [0, 0];
for (let seed = from; seed < from + seeds; seed++) {
  const world = new JoinWorld({ seed });
  const violations = await world.run();
  members += world.size;
  for (const [kind, n] of Object.entries(world.faults)) faults[kind] = (faults[kind] ?? 0) + n;
  if (violations.length === 0) continue;
  violated++;
  console.log(`seed ${seed}\n  ${violations.join("\n  ")}`);
}
const perSecond = Math.round(seeds / ((performance.now() - began) / 1_000));
console.log(JSON.stringify({ joins: seeds, members, joins_per_s: perSecond, violated, faults }));
process.exitCode = violated === 0 ? 0 : 1;
