// Every test of Celery's has a case under its name and in its row, or a reason why not.
import { describe, expect, test } from "vitest";
import { CASES } from "./all.ts";
import { GAPS, KNOWN_WRONG, OTHERS, ROWS } from "./upstream.ts";

const rows = Object.entries(ROWS).map(([row, names]) => [Number(row), names] as const);
const named = (row: number | undefined) => CASES.filter((one) => one.row === row).map(({ name }) => name);
const without = (names: readonly string[]) => names.filter((name) => GAPS[name] === undefined);

test("rows 23 to 62 and 67 are there", () => {
  expect(rows.map(([row]) => row)).toEqual([...Array.from({ length: 40 }, (_, i) => 23 + i), 67]);
});

describe.each(rows)("row %i", (row, names) => {
  test("has a case for each of its tests, or the reason why not", () => {
    expect(named(row).toSorted()).toEqual(without(names).toSorted());
  });
});

test("so have the tests that Celery knows to fail, and those in no row", () => {
  expect(named(undefined).toSorted()).toEqual(without([...KNOWN_WRONG, ...OTHERS]).toSorted());
  expect(KNOWN_WRONG.filter((name) => GAPS[name] !== undefined)).toEqual([]);
});

test("no name is there twice, and no gap is of a test that is not", () => {
  const all = [...rows.flatMap(([, names]) => names), ...KNOWN_WRONG, ...OTHERS];
  expect(all).toHaveLength(new Set(all).size);
  expect(Object.keys(GAPS).filter((name) => !all.includes(name))).toEqual([]);
});
