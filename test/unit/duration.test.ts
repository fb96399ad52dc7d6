import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seconds, describe as shown } from "../../lib/duration.ts";
import { InvalidOption } from "../../lib/errors.ts";

describe("a duration", () => {
  test.each([
    ["250ms", 0.25],
    ["30s", 30],
    ["1.5s", 1.5],
    ["15m", 900],
    ["2h", 7_200],
    ["1d", 86_400],
    ["0s", 0],
    [0, 0],
    [0.5, 0.5],
    [900, 900],
    [9_999, 9_999],
    [86_400, 86_400],
    [10_001, 10_001],
  ])("%s is %d seconds", (given, expected) => {
    expect(seconds(given, "x")).toBe(expected);
  });

  test.each([10_000, 30_000, 60_000, 900_000])("the bare number %i looks like milliseconds", (given) => {
    expect(() => seconds(given, "countdown")).toThrow(
      new InvalidOption(
        `countdown is ${given}, which looks like milliseconds; numbers are seconds, so write "${given / 1_000}s" or, if you mean it, "${given}s"`,
      ),
    );
  });

  test("what the message proposes is taken", () => {
    expect([seconds("30s", "x"), seconds("30000s", "x")]).toEqual([30, 30_000]);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("%d is no duration", (given) => {
    expect(() => seconds(given, "x")).toThrow(`x is ${given}; it takes seconds from 0, or a string such as "30s"`);
  });

  test.each([
    ["30", '"30"'],
    ["30 s", '"30 s"'],
    ["-30s", '"-30s"'],
    ["1w", '"1w"'],
    ["", '""'],
    ["s", '"s"'],
    ["1e3s", '"1e3s"'],
    [null, "null"],
    [true, "true"],
    [new Date(0), "a Date object"],
    [["30s"], "an array"],
    [Object.create(null), "an object"],
    [function later() {}, "the function later"],
    [() => {}, "the function (anonymous)"],
  ])("%j is refused, as it is", (given, description) => {
    expect(() => seconds(given, "x")).toThrow(
      new InvalidOption(`x is ${description}; it takes seconds, or a string such as "250ms", "30s", "15m", "2h", "1d"`),
    );
    expect(shown(given)).toBe(description);
  });

  test("of any unit is as many seconds as the unit says", () => {
    const unit = fc.constantFrom(["ms", 0.001], ["s", 1], ["m", 60], ["h", 3_600], ["d", 86_400]) as fc.Arbitrary<
      [string, number]
    >;
    fc.assert(
      fc.property(fc.nat(), unit, (count, [name, factor]) => {
        expect(seconds(`${count}${name}`, "x")).toBe(count * factor);
      }),
    );
  });
});
