import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { claimable, holds } from "../../lib/core/changes.ts";
import {
  heartbeatEveryMs,
  hiccupDelay,
  leaseUntil,
  MIN_VISIBILITY_SECONDS,
  outageDelay,
  untilTakeover,
} from "../../lib/core/visibility.ts";
import { CLOCK_SKEW_MS, SQS } from "../../lib/defaults.ts";

const T = Date.UTC(2026, 0, 1);
const visibility = fc.integer({ min: MIN_VISIBILITY_SECONDS, max: SQS.maxVisibilitySeconds });
/** How far a reader's clock is ahead of the holder's. */
const skew = fc.integer({ min: -CLOCK_SKEW_MS, max: CLOCK_SKEW_MS });

const mayTakeOver = (leaseEnd: number, readersNow: number) =>
  holds(claimable(0, readersNow), { id: "x", state: "STARTED", attempt: 0, leaseUntil: leaseEnd });

describe("a lease", () => {
  test("ends before the visibility timeout by the skew on both sides", () => {
    expect(leaseUntil(T, 30)).toBe(T + 30_000 - 10_000);
    expect(leaseUntil(T, MIN_VISIBILITY_SECONDS)).toBe(T + 5_000);
  });

  test("is over for any clock within 5 s when SQS delivers the message again", () => {
    fc.assert(
      fc.property(visibility, skew, (seconds, ahead) => {
        expect(mayTakeOver(leaseUntil(T, seconds), T + seconds * 1_000 + ahead)).toBe(true);
      }),
    );
  });

  test("is never over for any clock within 5 s while its holder takes it to be live", () => {
    fc.assert(
      fc.property(
        visibility,
        skew,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (seconds, ahead, part) => {
          const end = leaseUntil(T, seconds);
          const holdersNow = T + Math.min(Math.floor(part * (end - T)), end - T - 1); // a part just below 1 rounds up
          expect(mayTakeOver(end, holdersNow + ahead)).toBe(false);
        },
      ),
    );
  });

  test("has room for three heartbeats, so two may fail", () => {
    fc.assert(
      fc.property(visibility, (seconds) => {
        const every = heartbeatEveryMs(seconds);
        expect(every).toBeGreaterThanOrEqual(1_000);
        expect(3 * every).toBeLessThanOrEqual(leaseUntil(T, seconds) - T);
      }),
    );
  });
});

describe("a message refused by a live lease", () => {
  test.each([
    ["comes back when the lease may be taken over", 20_000, 1, 25],
    ["waits twice as long at its second receive", 20_000, 2, 50],
    ["four times as long at its third", 20_000, 3, 100],
    ["5 minutes at most", 20_000, 5, 300],
    ["but never before the lease may be taken over", 600_000, 1, 605],
    ["nor earlier with more receives", 600_000, 9, 605],
    ["a second at least, where the lease has just ended", -60_000, 1, 1],
    ["and copes with a count below one", 0, 0, 5],
    ["and with a huge count", 1_000, 100_000, 300],
  ])("%s", (_, leaseLeft, receives, expected) => {
    expect(untilTakeover(T + leaseLeft, T, receives)).toBe(expected);
  });

  test("finds the lease over when it comes back", () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 600_000 }), fc.integer({ min: 1, max: 12 }), (left, receives) => {
        const end = T + left;
        expect(mayTakeOver(end, T + untilTakeover(end, T, receives) * 1_000)).toBe(true);
      }),
    );
  });
});

test("a hiccup gives a message back after 1, 2, 4 … 60 seconds", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 1_000].map(hiccupDelay)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  expect(hiccupDelay(0)).toBe(1);
});

test("a payload store that is down lets a task wait 10, 20, 40 … 900 seconds", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 1_000].map(outageDelay)).toEqual([10, 20, 40, 80, 160, 320, 640, 900, 900]);
  expect(outageDelay(0)).toBe(10);
});
