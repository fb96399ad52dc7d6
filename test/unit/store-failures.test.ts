import fc from "fast-check";
import { expect, test } from "vitest";
import { ATTRIBUTES } from "../../lib/aws/record-item.ts";
import { FAILURES_INDEX, RECORD_LIFETIME_MS } from "../../lib/defaults.ts";
import {
  type FailureSummary,
  failurePartition,
  failurePartitions,
  isAskedFor,
  oldestAsked,
  summaryOf,
} from "../../lib/store/failures.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { PROJECTED } from "../../lib/store/table.ts";

const NOW = Date.UTC(2026, 10, 21, 6);
const DAY = 86_400_000;

test("a failure is listed under its UTC day and a shard of its id", () => {
  expect(failurePartition("t-1", NOW)).toMatch(/^2026-11-21#[0-7]$/);
  expect(failurePartition("t-1", NOW + 18 * 3_600_000 - 1)).toBe(failurePartition("t-1", NOW));
  expect(failurePartition("t-1", NOW + 18 * 3_600_000)).toMatch(/^2026-11-22#/);
});

test("what is listed between two moments is in one of the partitions that are read for them", () => {
  const moment = fc.integer({ min: NOW - 40 * DAY, max: NOW });
  fc.assert(
    fc.property(fc.string(), moment, moment, moment, (id, ...moments) => {
      const [since, endedAt, until] = moments.toSorted((a, b) => a - b) as [number, number, number]; // three are sorted
      const read = [...failurePartitions(since, until)].flat();
      expect(read).toContain(failurePartition(id, endedAt));
      expect(new Set(read).size).toBe(read.length);
      expect(read.length).toBeLessThanOrEqual(((until - since) / DAY + 2) * FAILURES_INDEX.shards);
    }),
  );
});

test("the partitions come day by day, the newest first", () => {
  const days = [...failurePartitions(NOW - DAY, NOW)];
  expect(days.map((day) => day[0])).toEqual(["2026-11-21#0", "2026-11-20#0"]);
  expect(days.map((day) => day.length)).toEqual([8, 8]);
});

test("ids spread over the shards, also those that count up", () => {
  for (const idOf of [(i: number) => `order-${i}`, (i: number) => String(i), (i: number) => `${i}-invoice`]) {
    const shards = new Map<string, number>();
    for (let i = 0; i < 8_000; i++) {
      const partition = failurePartition(idOf(i), NOW);
      shards.set(partition, (shards.get(partition) ?? 0) + 1);
    }
    expect(shards.size).toBe(FAILURES_INDEX.shards);
    expect(Math.max(...shards.values())).toBeLessThan(1_300);
  }
});

const record: TaskRecord = {
  id: "t-1",
  state: "FAILURE",
  attempt: 2,
  task: "add",
  workload: "renders",
  failedOn: "2026-11-21#3",
  errorType: "TypeError",
  errorMessage: "no",
  endedAt: NOW,
};
const summary: FailureSummary = {
  id: "t-1",
  task: "add",
  workload: "renders",
  attempt: 2,
  errorType: "TypeError",
  errorMessage: "no",
  endedAt: NOW,
  redrives: 0,
};

test("a summary is what the index holds of a record", () => {
  expect(summaryOf(record)).toEqual(summary);
  expect(summaryOf({ ...record, redrives: 2 })?.redrives).toBe(2);
  const { task: _task, workload: _workload, errorType: _type, errorMessage: _message, ...bare } = record;
  expect(summaryOf(bare)).toEqual({
    id: "t-1",
    attempt: 2,
    errorType: "",
    errorMessage: "",
    endedAt: NOW,
    redrives: 0,
  });
  const { failedOn: _, ...unlisted } = record;
  expect(summaryOf(unlisted)).toBeUndefined();
  const { endedAt: __, ...endless } = record;
  expect(summaryOf(endless)).toBeUndefined();
  const names: readonly string[] = Object.values(ATTRIBUTES).map(({ name }) => name);
  for (const projected of PROJECTED) expect(names).toContain(projected);
});

test.each([
  ["nothing", {}, true],
  ["since then", { since: NOW }, true],
  ["since later", { since: NOW + 1 }, false],
  ["until then", { until: NOW }, true],
  ["until earlier", { until: NOW - 1 }, false],
  ["its task", { task: "add" }, true],
  ["another task", { task: "ad" }, false],
  ["its error", { errorType: "TypeError" }, true],
  ["another error", { errorType: "Error" }, false],
  ["its workload", { workload: "renders" }, true],
  ["another workload", { workload: "default" }, false],
])("it is asked for where the query says %s", (_, query, expected) => {
  expect(isAskedFor(summary, query, NOW)).toBe(expected);
});

test("without a beginning, as far back as records are kept at least", () => {
  expect(oldestAsked({}, NOW)).toBe(NOW - RECORD_LIFETIME_MS);
  expect(oldestAsked({ since: 5 }, NOW)).toBe(5);
  expect(isAskedFor({ ...summary, endedAt: NOW - RECORD_LIFETIME_MS - 1 }, {}, NOW)).toBe(false);
});
