// Which members have not been seen to end: against a set of numbers, whatever is asked in whatever order.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Unended } from "../../lib/unended.ts";

const step = fc.oneof(
  fc.record({ grow: fc.nat(60) }),
  fc.record({ end: fc.nat(59) }),
  fc.record({ next: fc.integer({ min: 1, max: 20 }) }),
);

test("it has those that were not ended, and gives them in turn", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const unended = new Unended();
      const left = new Set<number>();
      let members = 0;
      for (const one of steps) {
        if ("grow" in one) {
          unended.grow(one.grow);
          for (; members < one.grow; members++) left.add(members);
        } else if ("end" in one && one.end < members) {
          unended.end(one.end);
          left.delete(one.end);
        } else if ("next" in one) {
          const next = unended.next(one.next);
          expect(next).toHaveLength(Math.min(one.next, left.size));
          expect(next.filter((index) => !left.has(index))).toEqual([]);
          expect(new Set(next).size).toBe(next.length);
        }
        expect(unended.count).toBe(left.size);
      }
    }),
    { seed: 20_261_121 },
  );
});

test("whoever asks again and again is given all of them, the first ones again after the last", () => {
  const unended = new Unended();
  unended.grow(5);
  unended.end(1);
  expect([unended.next(3), unended.next(3), unended.next(9)]).toEqual([
    [0, 2, 3],
    [4, 0, 2],
    [3, 4, 0, 2],
  ]);
});
