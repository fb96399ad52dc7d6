// Many items of one table, strongly consistent: BatchGetItem takes 100 keys, answers with 16 MB, and leaves over what it had no
// capacity or no room for ("UnprocessedKeys"). What is left over is asked for again.
import { BatchGetItemCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Clock } from "../clock.ts";
import { DYNAMODB } from "../defaults.ts";
import { StoreUnavailable } from "../errors.ts";
import { TABLE } from "../store/table.ts";
import { pauseMs } from "./deadline.ts";
import type { Item } from "./record-item.ts";

export interface BatchGetOptions {
  readonly client: Pick<DynamoDBClient, "send">;
  readonly table: string;
  readonly clock: Clock;
}

/** Requests under way at once. */
const LANES = 4;
/** How long a page may answer with nothing at all, in milliseconds. */
const PATIENCE_MS = 10_000;

/** Items by their keys. A key may be there twice; one without an item is not in the answer. Throws what the SDK throws, and StoreUnavailable. */
export async function batchGet(keys: readonly string[], options: BatchGetOptions): Promise<ReadonlyMap<string, Item>> {
  const found = new Map<string, Item>();
  const pages = pagesOf([...new Set(keys)]);
  const lane = async () => {
    for (let page = pages.shift(); page !== undefined; page = pages.shift()) await readPage(page, found, options);
  };
  await Promise.all(Array.from({ length: Math.min(LANES, pages.length) }, lane));
  return found;
}

function pagesOf(keys: readonly string[]): string[][] {
  const { maxBatchGetItems: most } = DYNAMODB;
  return Array.from({ length: Math.ceil(keys.length / most) }, (_, page) => keys.slice(page * most, (page + 1) * most));
}

async function readPage(
  page: readonly string[],
  found: Map<string, Item>,
  { client, table, clock }: BatchGetOptions,
): Promise<void> {
  let left = page;
  let progressAt = clock.monotonic();
  for (let idle = 0; ; ) {
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetItemCommand({
        RequestItems: { [table]: { Keys: left.map((key) => ({ [TABLE.key]: { S: key } })), ConsistentRead: true } },
      }),
    );
    for (const item of Responses?.[table] ?? []) found.set(item[TABLE.key]?.S ?? "", item);
    const over = (UnprocessedKeys?.[table]?.Keys ?? []).map((key) => key[TABLE.key]?.S ?? "");
    if (over.length === 0) return;
    if (over.length < left.length) {
      idle = 0;
      progressAt = clock.monotonic();
    } else if (clock.monotonic() - progressAt >= PATIENCE_MS) {
      throw new StoreUnavailable(`BatchGetItem on table "${table}" left ${over.length} keys unread again and again`);
    }
    left = over;
    await clock.sleep(pauseMs(idle++, clock.random()));
  }
}
