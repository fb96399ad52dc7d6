// Rates on the command line of `lovage cost`.
import { expect, test } from "vitest";
import { perMonth } from "../../lib/cli/values.ts";

test.each([
  ["10/s", 25_920_000],
  ["1.5/min", 64_800],
  ["20/h", 14_400],
  ["5000/day", 150_000],
  ["1000000/month", 1_000_000],
  ["7", 7],
  ["0", 0],
])("%s is %d a month", (rate, tasks) => {
  expect(perMonth(rate)).toBeCloseTo(tasks, 6);
});

test.each(["", "10/week", "-1", "1e3", "10/", "ten/s", "1,000"])("%j is no rate", (rate) => {
  expect(() => perMonth(rate)).toThrow("it takes tasks a month");
});
