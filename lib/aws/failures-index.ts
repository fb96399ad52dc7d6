// The index of failures, read newest first. The failures of a day are spread over its shards: a page of each is read, and
// they are merged by time.
import { type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { CLOCK_SKEW_MS, FAILURES_INDEX } from "../defaults.ts";
import { RecordUnreadable } from "../errors.ts";
import {
  type FailureQuery,
  type FailureSummary,
  failurePartitions,
  isAskedFor,
  oldestAsked,
  summaryOf,
} from "../store/failures.ts";
import { TABLE } from "../store/table.ts";
import { type Item, toRecord } from "./record-item.ts";

export interface Page {
  readonly failures: readonly FailureSummary[];
  /** Where the next page begins. @default - there is none */
  readonly next?: Item;
}

export interface PageQuery {
  readonly table: string;
  readonly partition: string;
  readonly query: FailureQuery;
  readonly now: number;
  /** @default - the first page */
  readonly after: Item | undefined;
}

/** One Query. What has passed its time to live is left out: DynamoDB removes it some days later. */
export async function failurePage(
  client: Pick<DynamoDBClient, "send">,
  { table, partition, query, now, after }: PageQuery,
): Promise<Page> {
  const { index, key, sort } = TABLE.failures;
  const { Items = [], LastEvaluatedKey } = await client.send(
    new QueryCommand({
      TableName: table,
      IndexName: index,
      KeyConditionExpression: "#key = :key AND #sort BETWEEN :since AND :until",
      ExpressionAttributeNames: { "#key": key, "#sort": sort },
      ExpressionAttributeValues: {
        ":key": { S: partition },
        ":since": { N: String(oldestAsked(query, now)) },
        ":until": { N: String(query.until ?? Number.MAX_SAFE_INTEGER) },
      },
      ScanIndexForward: false,
      Limit: pageSize(query),
      ...(after && { ExclusiveStartKey: after }),
    }),
  );
  const failures = Items.map((item) => listed(item, now)).filter((summary) => summary !== undefined);
  return { failures, ...(LastEvaluatedKey && { next: LastEvaluatedKey }) };
}

/** One that cannot be read is listed as what it is: it must not hide the others. */
function listed(item: Item, now: number): FailureSummary | undefined {
  try {
    const record = toRecord(item);
    return record.expiresAt !== undefined && record.expiresAt <= now ? undefined : summaryOf(record);
  } catch (error) {
    if (!(error instanceof RecordUnreadable)) throw error;
    const id = item[TABLE.key]?.S ?? "";
    return { id, attempt: 0, errorType: error.name, errorMessage: error.message, endedAt: now, redrives: 0 };
  }
}

/** A few are wanted: then each shard has about its part of them. Where some are left out, nobody knows how many it takes. */
function pageSize({ limit, task, errorType, workload }: FailureQuery): number {
  const { pageSize: most, shards } = FAILURES_INDEX;
  if (limit === undefined || task !== undefined || errorType !== undefined || workload !== undefined) return most;
  return Math.min(most, Math.ceil((2 * limit) / shards));
}

/** What is read of one shard and not passed on yet. */
interface Cursor {
  readonly partition: string;
  page: Page;
  at: number;
}

/** Newest first, as many as asked for. `read` answers with one page of a partition. */
export async function* mergedFailures(
  query: FailureQuery,
  now: number,
  read: (partition: string, after: Item | undefined) => Promise<Page>,
): AsyncGenerator<FailureSummary> {
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  const since = Math.max(0, oldestAsked(query, now));
  // Workers write by their own clocks, one of which may be ahead of this one over midnight. Every day costs requests.
  const until = Math.min(query.until ?? Number.POSITIVE_INFINITY, now + CLOCK_SKEW_MS);
  if (until < since) return; // DynamoDB refuses such a range
  for (const partitions of failurePartitions(since, until)) {
    const cursors = await Promise.all(
      partitions.map(
        async (partition): Promise<Cursor> => ({ partition, page: await read(partition, undefined), at: 0 }),
      ),
    );
    for (;;) {
      await Promise.all(cursors.map((cursor) => advance(cursor, read)));
      const newest = newestOf(cursors);
      if (newest === undefined) break;
      const summary = newest.page.failures[newest.at++];
      if (summary === undefined || !isAskedFor(summary, query, now)) continue;
      yield summary;
      left--;
      if (left <= 0) return;
    }
  }
}

/** Reads on where a page is used up; one that holds nothing live may have more behind it. */
async function advance(
  cursor: Cursor,
  read: (partition: string, after: Item | undefined) => Promise<Page>,
): Promise<void> {
  while (cursor.at >= cursor.page.failures.length && cursor.page.next !== undefined) {
    cursor.page = await read(cursor.partition, cursor.page.next);
    cursor.at = 0;
  }
}

function newestOf(cursors: readonly Cursor[]): Cursor | undefined {
  const endedAt = ({ page, at }: Cursor) => page.failures[at]?.endedAt ?? Number.NEGATIVE_INFINITY;
  let newest: Cursor | undefined;
  for (const cursor of cursors) {
    if (cursor.at >= cursor.page.failures.length) continue;
    if (newest === undefined || endedAt(cursor) > endedAt(newest)) newest = cursor;
  }
  return newest;
}
