// Reading the index of failures: eight shards a day, page by page, as far as somebody listens.
import { expect, test } from "vitest";
import { mergedFailures, type Page } from "../../lib/aws/failures-index.ts";
import type { Item } from "../../lib/aws/record-item.ts";
import type { FailureQuery, FailureSummary } from "../../lib/store/failures.ts";
import { collect } from "../support/collect.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const DAY = 86_400_000;
const failure = (endedAt: number, task = "add"): FailureSummary => {
  return { id: `${task}-${endedAt}`, task, attempt: 0, errorType: "E", errorMessage: "m", endedAt, redrives: 0 };
};

/** Pages by partition; what was read, in order. */
function index(partitions: Readonly<Record<string, readonly (readonly FailureSummary[])[]>>) {
  const reads: string[] = [];
  const read = async (partition: string, after: Item | undefined): Promise<Page> => {
    const at = Number(after?.at?.N ?? 0);
    reads.push(`${partition}/${at}`);
    const pages = partitions[partition] ?? [];
    return { failures: pages[at] ?? [], ...(at + 1 < pages.length && { next: { at: { N: String(at + 1) } } }) };
  };
  return { reads, list: (query: FailureQuery) => mergedFailures(query, NOW, read) };
}

test("pages of all shards come as one list, newest first, over days", async () => {
  const { list } = index({
    "2026-11-21#0": [[failure(NOW - 1), failure(NOW - 4)], [failure(NOW - 7)]],
    "2026-11-21#5": [[failure(NOW - 2)], [], [failure(NOW - 3), failure(NOW - 9)]],
    "2026-11-20#1": [[failure(NOW - DAY)]],
  });
  const found = await collect(list({ since: NOW - 2 * DAY }));
  expect(found.map(({ endedAt }) => NOW - endedAt)).toEqual([1, 2, 3, 4, 7, 9, DAY]);
});

test("no page is read that nobody waits for", async () => {
  const { list, reads } = index({
    "2026-11-21#0": [[failure(NOW - 1)], [failure(NOW - 5)], [failure(NOW - 6)]],
    "2026-11-21#1": [[failure(NOW - 2), failure(NOW - 3)]],
  });
  expect(reads).toEqual([]);
  expect(await collect(list({ limit: 2 }))).toHaveLength(2);
  expect(reads).toEqual([...Array.from({ length: 8 }, (_, shard) => `2026-11-21#${shard}/0`), "2026-11-21#0/1"]);
});

test("what is not asked for is passed over, and does not count", async () => {
  const { list } = index({ "2026-11-21#3": [[failure(NOW - 1, "other"), failure(NOW - 2), failure(NOW - 3)]] });
  expect(await collect(list({ task: "add", limit: 1 }))).toEqual([failure(NOW - 2)]);
});

test("a worker's clock that is ahead over midnight hides nothing", async () => {
  const midnight = Date.UTC(2026, 10, 22);
  const read = async (partition: string): Promise<Page> => ({
    failures: partition === "2026-11-22#0" ? [failure(midnight + 1_000)] : [],
  });
  expect(await collect(mergedFailures({ since: midnight - 1_000 }, midnight - 1_000, read))).toHaveLength(1);
});

test("an empty range asks for nothing, and a page that cannot be read ends the list", async () => {
  const { list, reads } = index({});
  expect(await collect(list({ since: NOW, until: NOW - 1 }))).toEqual([]);
  expect(reads).toEqual([]);
  const down = mergedFailures({}, NOW, () => Promise.reject(new Error("down")));
  await expect(collect(down)).rejects.toThrow("down");
});

test("a range that reaches far into the future or the past is read as far as there can be failures", async () => {
  const { list, reads } = index({ "2026-11-21#0": [[failure(NOW - 1)]] });
  expect(await collect(list({ since: NOW - 1_000, until: Date.UTC(9999, 11, 31) }))).toHaveLength(1);
  expect(reads).toHaveLength(8);
  const days: string[] = [];
  const read = async (partition: string): Promise<Page> => {
    days.push(partition.slice(0, 10));
    return { failures: [] };
  };
  await collect(mergedFailures({ since: Number.MIN_SAFE_INTEGER }, DAY, read));
  expect([...new Set(days)]).toEqual(["1970-01-02", "1970-01-01"]);
});
