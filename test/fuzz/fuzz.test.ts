// A fixed budget of inputs from a fixed seed, in a thread that is watched: what `npm run fuzz` does at length (docs/fuzzing.md).
import { expect, test } from "vitest";
import { inputsOf, moduleOf, TARGETS } from "./targets.ts";
import { watch } from "./watch.ts";

const INPUTS = 20_000;
const SEED = "ci";

test("nothing that comes from outside breaks what must hold", { timeout: 300_000 }, async () => {
  const work = TARGETS.map((name) => ({ name, module: moduleOf(name), seed: SEED, inputs: inputsOf(name, INPUTS) }));
  const reports = await watch(work);
  const found = [...reports].flatMap(([name, report]) => report.found.map((one) => ({ target: name, ...one })));
  expect(found).toEqual([]);
  const inputs = [...reports.values()].reduce((sum, report) => sum + report.inputs, 0);
  expect([...reports.keys()]).toEqual([...TARGETS]);
  expect(inputs).toBeGreaterThanOrEqual(INPUTS);
});
