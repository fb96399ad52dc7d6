import fc from "fast-check";
import { expect, test } from "vitest";
import { JOINS } from "../../lib/defaults.ts";
import { definition, definitionKeys, textOf } from "../../lib/store/definition.ts";
import { headKey, shardKey } from "../../lib/store/join.ts";

/** Of one to four bytes each. */
const characters = fc.array(fc.constantFrom("a", "ä", "€", "😀"), { maxLength: 40 }).map((all) => all.join(""));

test("a text is stored in parts of at most 7 KB, and comes back whole", () => {
  fc.assert(
    fc.property(characters, fc.nat({ max: 700 }), (text, times) => {
      const whole = text.repeat(times);
      const { ref, parts } = definition("root", whole);
      for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(JOINS.partBytes);
      expect(ref.parts).toBe(parts.length);
      expect(textOf(ref, parts)).toBe(whole);
    }),
    { numRuns: 40 },
  );
});

test("no part is shorter than it has to be, and no character is cut", () => {
  const { parts } = definition("root", "😀".repeat(2_000));
  expect(parts.map((part) => Buffer.byteLength(part))).toEqual([JOINS.partBytes, 8_000 - JOINS.partBytes]);
  expect(definition("root", "x".repeat(JOINS.partBytes)).parts).toHaveLength(1);
  expect(definition("root", "x".repeat(JOINS.partBytes + 1)).parts).toHaveLength(2);
  expect(definition("root", "").parts).toEqual([""]);
});

test("a missing part, and one that was changed, is no text", () => {
  const { ref, parts } = definition("root", "x".repeat(20_000));
  expect(parts).toHaveLength(3);
  expect(textOf(ref, [parts[0], undefined, parts[2]])).toBeUndefined();
  expect(textOf(definition("root", "").ref, [undefined])).toBeUndefined();
  expect(textOf(ref, [parts[0], `y${parts[1]?.slice(1)}`, parts[2]])).toBeUndefined();
});

test("keys tell texts, roots and parts apart, and are no task ids", () => {
  const [a, b, other] = [definition("r", "a"), definition("r", "b"), definition("s", "a")];
  expect(a.ref).toEqual({ root: "r", digest: "ypeBEsobvcr6wjGzmiPcTQ", parts: 1 });
  expect(definitionKeys(a.ref)).toEqual(["r·def·ypeBEsobvcr6wjGzmiPcTQ·0"]);
  expect(definitionKeys({ ...a.ref, parts: 2 })[1]).toBe("r·def·ypeBEsobvcr6wjGzmiPcTQ·1");
  expect(definitionKeys(b.ref)).not.toEqual(definitionKeys(a.ref));
  expect(definitionKeys(other.ref)).not.toEqual(definitionKeys(a.ref));
  expect(headKey("g")).toBe("g·join");
  expect(shardKey("g", { level: 1, shard: 42 })).toBe("g·1.42");
});
