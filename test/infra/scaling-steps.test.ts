// How many containers a backlog takes: what holds for every workload.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ScalingStep, scalingSteps, slotsOf } from "../../infra/constructs/scaling-steps.ts";
import { CONTAINER_SCALING } from "../../lib/defaults.ts";
import { onFargate } from "../../lib/workload.ts";

/** As Application Auto Scaling reads the steps. */
const workersFor = (backlog: number, steps: readonly ScalingStep[]) =>
  steps.findLast(({ from }) => backlog >= from)?.workers ?? 0;

test.each([
  [{}, 1],
  [{ cpu: 0.25 }, 1],
  [{ cpu: 4 }, 4],
  [{ cpu: 4, concurrency: 2 }, 2],
  [{ work: "io" }, 10],
  [{ work: "io", concurrency: 50 }, 50],
] as const)("%j has %d slots in a container", (options, slots) => {
  expect(slotsOf(onFargate(options))).toBe(slots);
});

test("a worker for every ten messages, where it has ten slots", () => {
  const steps = scalingSteps(10, 3);
  expect([1, 10, 11, 20, 21, 1_000_000].map((backlog) => workersFor(backlog, steps))).toEqual([1, 1, 2, 2, 3, 3]);
});

test("one worker at most is one step", () => {
  expect(scalingSteps(10, 1)).toEqual([{ from: 1, workers: 1 }]);
});

describe("of any workload", () => {
  const settings = { slots: fc.integer({ min: 1, max: 1_000 }), most: fc.integer({ min: 1, max: 5_000 }) };
  const holds = (property: (slots: number, most: number, steps: readonly ScalingStep[]) => void) =>
    fc.assert(
      fc.property(settings.slots, settings.most, (slots, most) => property(slots, most, scalingSteps(slots, most))),
    );

  test("there are no more steps than one policy takes, each above the one before", () => {
    holds((_slots, _most, steps) => {
      expect(steps.length).toBeLessThanOrEqual(CONTAINER_SCALING.maxSteps);
      for (const [i, step] of steps.entries()) {
        expect(Number.isInteger(step.from) && Number.isInteger(step.workers)).toBe(true);
        expect(step.from).toBeGreaterThan(steps[i - 1]?.from ?? 0);
        expect(step.workers).toBeGreaterThan(steps[i - 1]?.workers ?? 0);
      }
    });
  });

  test("one message starts one worker, and enough of them all", () => {
    holds((slots, most, steps) => {
      expect(workersFor(1, steps)).toBe(1);
      expect(workersFor(slots * most, steps)).toBe(most);
      expect(workersFor(0, steps)).toBe(0);
    });
  });

  test("there is a slot for every message, up to the most workers, and not twice as many workers as it takes, and one", () => {
    fc.assert(
      fc.property(settings.slots, settings.most, fc.double({ min: 0, max: 1.2, noNaN: true }), (slots, most, part) => {
        const backlog = Math.max(1, Math.round(part * slots * most));
        const workers = workersFor(backlog, scalingSteps(slots, most));
        const needed = Math.min(most, Math.ceil(backlog / slots));
        expect(workers).toBeGreaterThanOrEqual(needed);
        expect(workers).toBeLessThanOrEqual(2 * needed + 1);
      }),
    );
  });
});
