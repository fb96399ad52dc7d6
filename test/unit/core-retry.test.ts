import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { delaySeconds } from "../../lib/core/delay.ts";
import { backoff, mayRetry, type RetryPolicy, retryDelay } from "../../lib/core/retry.ts";

const policy: RetryPolicy = {
  maxRetries: 3,
  defaultRetryDelay: 180,
  retryBackoff: 1,
  retryBackoffMax: 600,
  retryJitter: true,
};
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const attempt = fc.nat({ max: 10_000 });

describe("whether a run may be followed by another", () => {
  test.each([
    [3, 0, true],
    [3, 2, true],
    [3, 3, false],
    [3, 4, false],
    [0, 0, false],
    [null, 1_000_000, true],
  ])("maxRetries %s, attempt %i: %s", (maxRetries, attempt, expected) => {
    expect(mayRetry(maxRetries, attempt)).toBe(expected);
  });
});

describe("backoff", () => {
  // celery/utils/time.py, get_exponential_backoff_interval, and t/unit/utils/test_time.py
  test.each([
    [1, 600, 0, 1],
    [1, 600, 1, 2],
    [1, 600, 2, 4],
    [1, 600, 9, 512],
    [1, 600, 10, 600],
    [4, 100, 3, 32],
    [40, 100, 3, 100],
    [5, 60, 2, 20],
    [0.5, 600, 3, 4],
  ])("is Celery's: factor %d, at most %d s, attempt %i gives %d s", (factor, max, attempt, expected) => {
    expect(backoff(factor, max, attempt)).toBe(expected);
  });

  test("never shrinks, never exceeds its maximum, and stays finite", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_600 }),
        fc.integer({ min: 1, max: 86_400 }),
        attempt,
        (factor, max, n) => {
          const [now, next] = [backoff(factor, max, n), backoff(factor, max, n + 1)];
          expect(now).toBeLessThanOrEqual(next);
          expect(next).toBeLessThanOrEqual(max);
          expect(now).toBeGreaterThan(0);
        },
      ),
    );
  });
});

describe("the delay before a retry", () => {
  test("is the default delay where there is no backoff, with or without jitter", () => {
    expect(retryDelay({ ...policy, retryBackoff: false }, 0, 0.5)).toBe(180);
    expect(retryDelay({ ...policy, retryBackoff: false, retryJitter: false }, 7, 0.5)).toBe(180);
  });

  test("is exactly the backoff without jitter", () => {
    expect(retryDelay({ ...policy, retryJitter: false }, 4, 0.123)).toBe(16);
  });

  test("is anywhere from 0 to the backoff with full jitter", () => {
    fc.assert(
      fc.property(attempt, random, (n, draw) => {
        const seconds = retryDelay(policy, n, draw);
        expect(seconds).toBeGreaterThanOrEqual(0);
        expect(seconds).toBeLessThanOrEqual(backoff(1, 600, n));
      }),
    );
  });
});

describe("DelaySeconds", () => {
  const NOW = 1_000_000_000_000;

  test.each([
    ["no time", undefined, 0],
    ["the past", NOW - 1, 0],
    ["now", NOW, 0],
    ["a millisecond", NOW + 1, 1],
    ["a second", NOW + 1_000, 1],
    ["a second and a bit", NOW + 1_001, 2],
    ["15 minutes", NOW + 900_000, 900],
    ["more than 15 minutes", NOW + 900_001, 900],
    ["a year", NOW + 365 * 86_400_000, 900],
  ])("for %s ahead", (_, dueAt, expected) => {
    expect(delaySeconds(dueAt, NOW)).toBe(expected);
  });

  test("is something SQS takes, and never lets a message come early by more than a hop", () => {
    fc.assert(
      fc.property(fc.integer(), (ahead) => {
        const seconds = delaySeconds(NOW + ahead, NOW);
        expect(Number.isInteger(seconds) && seconds >= 0 && seconds <= 900).toBe(true);
        if (seconds < 900) expect(seconds * 1_000).toBeGreaterThanOrEqual(ahead);
      }),
    );
  });
});
