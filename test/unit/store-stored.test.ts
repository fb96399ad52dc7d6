// What a record holds as JSON, where somebody else than Lovage may have written it.
import { describe, expect, test } from "vitest";
import { FAILURE_LIMITS, PAYLOADS } from "../../lib/defaults.ts";
import { RecordUnreadable } from "../../lib/errors.ts";
import {
  argsAndKwargs,
  isMoment,
  isWhole,
  momentNear,
  storedFailure,
  storedGroup,
  storedJson,
  storedRef,
} from "../../lib/store/stored.ts";
import type { JsonValue } from "../../lib/wire/serializer.ts";

const NOW = Date.UTC(2026, 10, 21);

test("JSON that is none is named by its attribute, and not repeated", () => {
  const read = () => storedJson("t-1", "result", "{secret");
  expect(read).toThrow(RecordUnreadable);
  expect(read).toThrow(
    /^the record of task t-1 cannot be read: its attribute result is not JSON: Expected property name/,
  );
  expect(storedJson("t-1", "result", '{"a":[1]}')).toEqual({ a: [1] });
});

test("a key that would replace a prototype is left out, and what is nested too deeply is refused", () => {
  expect(Object.keys(storedJson("t-1", "meta", '{"__proto__":{"admin":true},"a":1}') as object)).toEqual(["a"]);
  expect(() => storedJson("t-1", "meta", "[".repeat(100_000) + "]".repeat(100_000))).toThrow(/nested deeper than/);
});

describe("a failure", () => {
  const read = (value: JsonValue) => storedFailure("t-1", "failure", JSON.stringify(value));

  test("is read as it was written", () => {
    const failure = {
      type: "E",
      message: "m",
      stack: "E: m",
      code: "ENOENT",
      cause: { type: "C", message: "c", code: 7 },
    };
    expect(read(failure)).toEqual(failure);
  });

  test("parts of another type are left out", () => {
    expect(read({ type: "E", message: "m", stack: 7, code: {}, extra: 1 })).toEqual({ type: "E", message: "m" });
  });

  test.each([
    [null],
    [7],
    ["x"],
    [[]],
    [{}],
    [{ type: 1, message: "m" }],
    [{ type: "E" }],
    [{ type: "E", message: "m", cause: 1 }],
  ])("%j is none", (value) => {
    expect(() => read(value)).toThrow("its attribute failure is not a failure, which has a type and a message");
  });

  test("has no more causes than are ever written", () => {
    let failure: JsonValue = { type: "E", message: "the first cause" };
    for (let n = 0; n < 50; n++) failure = { type: "E", message: "m", cause: failure };
    let causes = 0;
    for (let cause = read(failure).cause; cause !== undefined; cause = cause.cause) causes++;
    expect(causes).toBe(FAILURE_LIMITS.causes);
  });
});

describe("a reference", () => {
  const ref = { key: "16d/results/t-1.abc", bytes: 3, sha256: "x", keptUntil: NOW };
  const read = (value: JsonValue) => storedRef("t-1", "result_ref", value, "results");

  test("is read as it was written", () => {
    expect(read(ref)).toEqual(ref);
  });

  test.each([
    "../other-app/16d/results/t-1.abc",
    "16d/args/t-1.abc",
    "17d/results/t-1.abc",
    "999999d/results/t-1.abc",
    "16d/results/a/b",
    "16d/results/..",
    "16d/results/",
    "16d/results/a\nb",
    "/16d/results/a",
    "",
    7,
  ])("one to %j leads elsewhere", (key) => {
    expect(() => read({ ...ref, key })).toThrow("refers to no results of this app's in the payload store");
  });

  test.each([
    { bytes: -1 },
    { bytes: "3" },
    { bytes: PAYLOADS.maxBytes + 1 },
    { sha256: 7 },
    { keptUntil: 1e300 },
    { keptUntil: "x" },
  ])("one with %j is none", (part) => {
    expect(() => read({ ...ref, ...part })).toThrow("is not a reference, which has key, bytes, sha256 and keptUntil");
  });

  test("something else is none", () => {
    expect(() => read([])).toThrow("refers to no results");
  });
});

test.each<[JsonValue, boolean]>([
  [[[1], {}], true],
  [[[], { k: 1 }], true],
  [[[1], {}, {}], false],
  [[{}, []], false],
  [[[1]], false],
  [7, false],
  [null, false],
])("%j is a call's arguments: %s", (value, isCall) => {
  expect(argsAndKwargs(value) !== undefined).toBe(isCall);
});

test("whole numbers and moments", () => {
  expect([0, 7, Number.MAX_SAFE_INTEGER].every(isWhole)).toBe(true);
  expect([-1, 0.5, Number.NaN, 2 ** 53, "7", undefined].some(isWhole)).toBe(false);
  expect([0, NOW, 8.64e15].every(isMoment)).toBe(true);
  expect([-1, 8.64e15 + 2, Number.NaN, Number.POSITIVE_INFINITY, "7"].some(isMoment)).toBe(false);
});

test("a time that no Date holds is written as the nearest that one does", () => {
  expect([-1, 0, NOW, 8.64e15 + 2, Number.POSITIVE_INFINITY].map(momentNear)).toEqual([0, 0, NOW, 8.64e15, 8.64e15]);
});

describe("a group", () => {
  const read = (value: JsonValue) => storedGroup("t-1", "members", value);

  test("is read as it was written, without what else is there", () => {
    expect(read({ group: "g-1", size: 0, more: 1 })).toEqual({ group: "g-1", size: 0 });
  });

  test.each([[[]], [null], [{ group: "g-1" }], [{ size: 3 }], [{ group: "", size: 3 }], [{ group: 7, size: 3 }]])(
    "%j is none",
    (value) => {
      expect(() => read(value)).toThrow("its attribute members is no group, which has an id and a size");
    },
  );

  test.each([-1, 1.5, "3", 2 ** 53])("one of %j members is none", (size) => {
    expect(() => read({ group: "g-1", size })).toThrow("is no group");
  });
});
