import { describe, expect, test } from "vitest";
import { InvalidOption } from "../../lib/errors.ts";
import { check, closest, duration, flag, oneOf, positiveDuration, refused, text, whole } from "../../lib/options.ts";

const RULES = {
  maxRetries: whole(0),
  softTimeLimit: duration,
  retryBackoff: flag,
  workload: text,
  fifo: refused("no delays"),
};
const refusal = (options: object) => {
  try {
    check('task "add"', options, RULES);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOption);
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
};

describe("check", () => {
  test("turns what is given into settings and leaves out the rest", () => {
    expect(check("x", { maxRetries: 2, softTimeLimit: "2m", workload: undefined }, RULES)).toEqual({
      maxRetries: 2,
      softTimeLimit: 120,
    });
    expect(check("x", {}, RULES)).toEqual({});
  });

  test.each([
    ["max_retries", "maxRetries"],
    ["maxRetrys", "maxRetries"],
    ["MAXRETRIES", "maxRetries"],
    ["soft_time_limit", "softTimeLimit"],
    ["softTimelimt", "softTimeLimit"],
    ["workloads", "workload"],
  ])("a mistyped %s: did you mean %s?", (given, meant) => {
    expect(refusal({ [given]: 1 })).toBe(`unknown option "${given}" of task "add"; did you mean ${meant}?`);
  });

  test("an option like no other: these are known", () => {
    expect(refusal({ acksLate: true })).toBe(
      'unknown option "acksLate" of task "add"; known options: maxRetries, softTimeLimit, retryBackoff, workload, fifo',
    );
  });

  test("names that every object has are no options", () => {
    for (const name of ["constructor", "toString", "__proto__"]) {
      expect(refusal(JSON.parse(`{"${name}": 1}`))).toContain(`unknown option "${name}"`);
    }
  });

  test("a misplaced option is refused with the reason", () => {
    expect(refusal({ fifo: true })).toBe('fifo of task "add" is not supported: no delays');
  });
});

describe("rules say what they were given and what they take", () => {
  test.each<[string, () => unknown, string]>([
    ["flag", () => flag("yes", "x"), 'x is "yes"; it takes true or false'],
    ["text", () => text("", "x"), 'x is ""; it takes a string that is not empty'],
    ["text", () => text(5, "x"), "x is 5; it takes a string that is not empty"],
    ["whole", () => whole(0)(1.5, "x"), "x is 1.5; it takes a whole number from 0"],
    ["whole", () => whole(2, 10)(11, "x"), "x is 11; it takes a whole number from 2 to 10"],
    ["whole", () => whole(0)("3", "x"), 'x is "3"; it takes a whole number from 0'],
    ["oneOf", () => oneOf("io", "cpu")("gpu", "x"), 'x is "gpu"; it takes "io" or "cpu"'],
    ["positiveDuration", () => positiveDuration("0s", "x"), "x is 0; it takes more than 0 seconds"],
  ])("%s", (_, apply, message) => {
    expect(apply).toThrow(new InvalidOption(message));
  });

  test("what fits passes", () => {
    expect([
      flag(false, "x"),
      text("a", "x"),
      whole(2, 10)(10, "x"),
      oneOf("io", "cpu")("cpu", "x"),
      positiveDuration("1m", "x"),
    ]).toEqual([false, "a", 10, "cpu", 60]);
  });
});

test("closest() is silent where nothing is near", () => {
  expect(closest("renders", ["default", "mail"])).toBeUndefined();
  expect(closest("defualt", ["default", "mail"])).toBe("default");
  expect(closest("x", [])).toBeUndefined();
});
