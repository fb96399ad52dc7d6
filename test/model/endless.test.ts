// Graphs small enough to see through.
import { expect, test } from "vitest";
import { endless } from "./endless.ts";

const go = (from: number, to: number) => [from, to, 0];
const wait = (from: number, to: number) => [from, to, 1];

test("where every way leads to rest nothing is found", () => {
  expect(endless(3, [2], [...go(0, 1), ...go(1, 2), ...go(0, 2)])).toBeUndefined();
});

test("a state that nothing leads out of", () => {
  expect(endless(3, [2], [...go(0, 1), ...go(0, 2)])).toMatchObject({
    at: 1,
    wrong: expect.stringContaining("by itself"),
  });
});

test("a circle with no way out", () => {
  expect(endless(3, [2], [...go(0, 2), ...go(1, 1)])?.at).toBe(1);
});

test("a circle that could be left, but need not be", () => {
  const found = endless(4, [3], [...go(0, 1), ...go(1, 2), ...go(2, 1), ...go(2, 3)]);
  expect(found).toMatchObject({ at: 0, wrong: expect.stringContaining("circles") });
  expect([found?.goesOn(1, false), found?.goesOn(3, false)]).toEqual([true, false]);
});

test("a circle that waits for time to pass is none", () => {
  expect(endless(4, [3], [...go(0, 1), ...go(1, 2), ...wait(2, 1), ...go(2, 3)])).toBeUndefined();
});
