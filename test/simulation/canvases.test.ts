import { describe, expect, test } from "vitest";
import type { Decision } from "../../lib/core/decision.ts";
import type { Workflow } from "../../lib/core/follow-ups.ts";
import { type Protocol, protocol } from "../../lib/worker/execution.ts";
import { CanvasWorld } from "./canvases.ts";
import { MINUTE } from "./names.ts";
import { runSeeds } from "./seeds.ts";

const SEEDS = 200;

test(`${SEEDS} random workflows give, and call, what their direct evaluation does, under faults`, async () => {
  const summary = await runSeeds({ from: 1, seeds: SEEDS, batched: false, canvas: true });
  expect(summary.violated.slice(0, 3)).toEqual([]);
  expect(summary.faults["killed after a call"]).toBeGreaterThan(0);
  expect(summary.faults.duplicate).toBeGreaterThan(0);
  expect(summary.faults.spoilt ?? 0).toBeLessThan(SEEDS / 20);
}, 120_000);

test("a seed is the same workflow whenever it is run", () => {
  expect(new CanvasWorld(7).sig).toEqual(new CanvasWorld(7).sig);
});

test("what nobody counts the watchdog counts, a quarter of an hour later", async () => {
  const lacking = inWorkflow((workflow) => ({ ...workflow, counts: [] }));
  let latestEnd = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const world = new CanvasWorld(seed, lacking);
    expect(await world.run()).toEqual([]);
    latestEnd = Math.max(latestEnd, world.latestEnd);
  }
  expect(latestEnd).toBeGreaterThan(10 * MINUTE);
});

type Edit = (decision: Decision) => Decision;

/** Whatever is carried out is carried out otherwise. */
function applying(edit: Edit): Partial<Protocol> {
  return {
    apply: (decision, delivery, workload, refused, deps, steps) =>
      protocol.apply(edit(decision), delivery, workload, (existing) => edit(refused(existing)), deps, steps),
  };
}

function inWorkflow(edit: (workflow: Workflow) => Workflow): Partial<Protocol> {
  return applying(({ workflow, ...decision }) => ({ ...decision, ...(workflow && { workflow: edit(workflow) }) }));
}

const REFUSED: Partial<Protocol> = {
  decideRefused: (...of) => {
    const { publish: _, workflow: __, ...decision } = protocol.decideRefused(...of);
    return { ...decision, publish: [] };
  },
};

describe("the simulation notices when", () => {
  test.each<[rule: string, lacking: Partial<Protocol>]>([
    ["a member that failed counts as one that did not", inWorkflow(counting(false))],
    ["a member that did not fail counts as one that did", inWorkflow(counting(true))],
    ["the steps that a failure leaves out have no ending", inWorkflow((workflow) => ({ ...workflow, ended: [] }))],
    ["what an ending brings about is not done again", REFUSED],
  ])(
    "%s",
    async (_, lacking) => {
      let noticed = 0;
      for (let seed = 1; seed <= SEEDS && noticed === 0; seed++)
        noticed = (await new CanvasWorld(seed, lacking).run()).length;
      expect(noticed).toBeGreaterThan(0);
    },
    120_000,
  );
});

function counting(failed: boolean) {
  return (workflow: Workflow): Workflow => ({
    ...workflow,
    counts: workflow.counts.map((count) => ({ ...count, failed })),
  });
}
