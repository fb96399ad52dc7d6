// What /healthz and /readyz answer, and since when. Served for real in test/cli/health.test.ts.
import { describe, expect, test } from "vitest";
import { answer, type HealthReport } from "../../lib/worker/health.ts";

const LIMITS = { app: "duckling", stallMs: 60_000 };
const fine: HealthReport = { phase: "running", inHand: 2, standstill: { ms: 1_000, why: "silence" }, failing: [] };
const ask = (path: string, facts: Partial<HealthReport> = {}, ageMs = 500) =>
  answer("GET", path, { ...fine, ...facts }, ageMs, LIMITS);
const causes = (path: string, facts: Partial<HealthReport> = {}, ageMs = 500) => {
  const { status, body } = ask(path, facts, ageMs);
  const found = (body as { causes: readonly string[] }).causes; // of a known path
  expect(status).toBe(found.length === 0 ? 200 : 503);
  return found;
};

test("a worker that works is healthy and ready", () => {
  const body = { causes: [], app: "duckling", phase: "running", in_hand: 2, seconds_without_progress: 2 };
  expect(ask("/healthz")).toEqual({ status: 200, body: { status: "ok", ...body } });
  expect(ask("/readyz")).toEqual({ status: 200, body: { status: "ok", ...body } });
});

describe("without progress for half of what it may stall, it is unhealthy", () => {
  const still = (ms: number) => ({ standstill: { ms, why: "SQS answered no poll" } });
  test.each([
    [29_499, []],
    [29_500, ["no progress for 30 s: SQS answered no poll"]], // and the 0.5 s since the report
  ])("after %i ms: %j", (ms, expected) => {
    expect(causes("/healthz", still(ms))).toEqual(expected);
    expect(causes("/readyz", still(ms))).toEqual(expected);
  });
});

describe("a main thread that says nothing is blocked: not ready at first, then unhealthy", () => {
  const blocked = (seconds: number) => `the main thread has been blocked for ${seconds} s by code that never yields`;
  test.each([
    [9_999, [], []],
    [10_000, [], [blocked(10)]],
    [30_000, [blocked(30)], [blocked(30)]], // one cause: that nothing moves follows from it
  ])("after %i ms", (ageMs, healthz, readyz) => {
    expect(causes("/healthz", {}, ageMs)).toEqual(healthz);
    expect(causes("/readyz", {}, ageMs)).toEqual(readyz);
  });
});

test.each<[string, Partial<HealthReport>, string]>([
  ["starts", { phase: "starting" }, "it is starting: table and queues are being checked"],
  ["drains", { phase: "draining" }, "it is stopping: nothing more is received"],
  ["cannot poll", { failing: [{ queue: "q", error: "gone" }] }, "queue q cannot be polled: gone"],
])("a worker that %s is healthy, and not ready", (_, facts, cause) => {
  expect(causes("/healthz", facts)).toEqual([]);
  expect(causes("/readyz", facts)).toEqual([cause]);
});

test("other paths and methods are refused", () => {
  expect(ask("/health").status).toBe(404);
  expect(answer("POST", "/healthz", fine, 0, LIMITS).status).toBe(405);
  expect(answer("HEAD", "/healthz", fine, 0, LIMITS).status).toBe(200);
});
