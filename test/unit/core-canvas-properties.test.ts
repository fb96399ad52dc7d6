import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalise } from "../../lib/core/canvas-normal.ts";
import { plan } from "../../lib/core/canvas-plan.ts";
import type { Routes } from "../../lib/core/follow-ups.ts";
import { derivedId, idKey } from "../../lib/core/ids.ts";
import { canvases, TASKS } from "../canvas/arbitrary.ts";
import { evaluate } from "../canvas/direct.ts";
import { Interpreter } from "../canvas/interpreter.ts";

const routes: Routes = {
  key: idKey("duckling"),
  now: Date.UTC(2026, 10, 21),
  maxHops: 1_000,
  route: () => ({ workload: "default", ignoreResult: false }),
};
const ROOT = derivedId(routes.key, "somewhere", "root");
const args = [1];

describe("a random canvas", () => {
  test("ends as its direct evaluation does, having run the same calls", () => {
    fc.assert(
      fc.property(canvases(), (sig) => {
        const expected = evaluate(sig, args, TASKS);
        const world = new Interpreter(TASKS, routes);
        const planned = world.call(sig, args, ROOT);
        world.drain();
        expect(world.outcome(planned)).toEqual(expected.value);
        expect(world.calls.toSorted()).toEqual(expected.calls.toSorted());
        expect(world.silent(planned.frozen)).toEqual([]);
      }),
      { numRuns: 150, seed: 6 },
    );
  });

  test("ends the same with every message delivered twice, in any order", () => {
    fc.assert(
      fc.property(canvases(), fc.infiniteStream(fc.nat(1_000)), (sig, order) => {
        const expected = evaluate(sig, args, TASKS);
        const world = new Interpreter(TASKS, routes, 2);
        const planned = world.call(sig, args, ROOT);
        world.drain((n) => (order.next().value as number) % n);
        expect(world.outcome(planned)).toEqual(expected.value);
        expect(world.calls.toSorted()).toEqual(expected.calls.toSorted());
        expect(world.silent(planned.frozen)).toEqual([]);
      }),
      { numRuns: 150, seed: 6 },
    );
  });

  test("is planned the same twice, and again from its JSON", () => {
    fc.assert(
      fc.property(canvases(), (sig) => {
        const call = { args, root: () => ROOT };
        const once = plan(sig, call, routes);
        expect(plan(sig, call, routes)).toEqual(once);
        expect(plan(JSON.parse(JSON.stringify(sig)), call, routes)).toEqual(once);
        expect(plan(JSON.parse(JSON.stringify(once.frozen)), { ...call, args: [1] }, routes)).toEqual(once);
      }),
      { numRuns: 150, seed: 6 },
    );
  });

  test("stays as it is in normal form", () => {
    fc.assert(
      fc.property(canvases(), (sig) => {
        const normal = normalise(sig);
        expect(normalise(normal)).toEqual(normal);
      }),
      { numRuns: 150, seed: 6 },
    );
  });

  test("has another id for every unit", () => {
    fc.assert(
      fc.property(canvases(), (sig) => {
        const ids = [
          ...JSON.stringify(plan(sig, { args, root: () => ROOT }, routes).frozen).matchAll(/"task_id":"([^"]+)"/g),
        ];
        expect(new Set(ids.map(([, id]) => id)).size).toBe(ids.length);
      }),
      { numRuns: 150, seed: 6 },
    );
  });
});
