// Joins in DynamoDB on bad days, through the real SDK, and what they cost by DynamoDB's own count.
import { BatchGetItemCommand, DynamoDBClient, ScanCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dynamoClients } from "../../lib/aws/dynamo-clients.ts";
import { DynamoJoinStore, type DynamoJoinStoreOptions } from "../../lib/aws/dynamo-join-store.ts";
import { countWrite, type JoinWrite, openWrite, partWrite, sealWrite } from "../../lib/aws/join-item.ts";
import { itemBytes } from "../../lib/aws/record-item.ts";
import { systemClock } from "../../lib/clock.ts";
import { recordPending } from "../../lib/core/changes.ts";
import { newHead } from "../../lib/core/join.ts";
import { JOINS } from "../../lib/defaults.ts";
import { AccessDenied, StoreUnavailable } from "../../lib/errors.ts";
import { definition, definitionKeys } from "../../lib/store/definition.ts";
import { headKey, type Place, shardKey } from "../../lib/store/join.ts";
import { tableDefinition } from "../../lib/store/table.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { type Completion, countMember, sealJoin } from "../../lib/worker/join.ts";
import { behindProxy, startFaultyStore, startTestStack, TABLE_NAME, type TestStack } from "../support/aws.ts";
import { INTERNAL_ERROR, THROTTLED_DYNAMODB } from "../support/fault-proxy.ts";

let stack: TestStack;
let client: DynamoDBClient;
beforeAll(async () => {
  stack = await startTestStack();
  client = new DynamoDBClient({ endpoint: stack.dynamodbEndpoint });
});
afterAll(async () => {
  client?.destroy();
  await stack?.stop();
});

const faulty = (options: Partial<DynamoJoinStoreOptions> = {}) =>
  behindProxy(stack.dynamodbEndpoint, (endpoint) => new DynamoJoinStore({ table: TABLE_NAME, endpoint, ...options }));

let ids = 0;
const newId = () => `bad-day-${++ids}`;
const LEAF: Place = { level: 0, shard: 0 };
const ok = (bit: number) => ({ place: LEAF, bit, failed: false });
const failed = (bit: number) => ({ place: LEAF, bit, failed: true });

describe("whatever becomes of a request or its answer, a count is there once, and is answered", () => {
  test.each([
    ["lost on its way", { kind: "drop before" }],
    ["applied, and its answer lost", { kind: "drop after" }],
    ["heard twice", { kind: "duplicate" }],
    ["throttled", THROTTLED_DYNAMODB],
    ["refused by an internal error", INTERNAL_ERROR],
  ] as const)("%s", async (_, fault) => {
    await using harness = await faulty();
    const { proxy, store } = harness;
    proxy.on({ operation: "UpdateItem", nth: [1, 3, 5], fault });
    const id = newId();
    expect((await store.count(id, ok(1))).done).toEqual(new Set([1]));
    expect(await store.count(id, failed(2))).toEqual({ done: new Set([1, 2]), failed: new Set([2]) });
    expect((await store.sealShard(id, { place: LEAF, size: 2 })).size).toBe(2);
    const head = newHead({ id }, 1_000);
    expect(await store.open(head)).toEqual(head);
    expect(await store.sealHead(id, 2)).toEqual({ ...head, size: 2, sealed: true });
  });

  test("a join whose every third answer is lost ends once, with the member that failed first", async () => {
    await using harness = await faulty();
    const { proxy, store } = harness;
    const size = 70;
    proxy.on({
      operation: "UpdateItem",
      nth: Array.from({ length: 100 }, (_, i) => 3 * i),
      fault: { kind: "drop after" },
    });
    const join = { id: newId(), size };
    const count = async (index: number): Promise<Completion | undefined> => {
      try {
        return await countMember(store, join, index, index % 30 === 29);
      } catch (error) {
        expect(error).toBeInstanceOf(StoreUnavailable);
        return await count(index); // its message comes again
      }
    };
    const ends = await Promise.all(Array.from({ length: size }, (_, index) => count(index)));
    const found = ends.filter((end) => end !== undefined);
    expect(found.length).toBeGreaterThan(0);
    for (const end of found) expect(end).toEqual({ join: join.id, size, failed: 29 });
  });
});

test("throttles without end are StoreUnavailable", async () => {
  await using harness = await faulty({ maxAttempts: 1 });
  const { proxy, store } = harness;
  proxy.on({ operation: "UpdateItem", fault: THROTTLED_DYNAMODB });
  proxy.on({ operation: "BatchGetItem", fault: THROTTLED_DYNAMODB });
  await expect(store.count(newId(), ok(1))).rejects.toThrow(StoreUnavailable);
  await expect(store.shards(newId(), [LEAF])).rejects.toThrow(StoreUnavailable);
});

test("missing permission names the action", async () => {
  await using harness = await faulty();
  const { proxy, store } = harness;
  proxy.on({ operation: "BatchGetItem", fault: { kind: "status", status: 400, code: "AccessDeniedException" } });
  const denied = store.records(["a"]);
  await expect(denied).rejects.toThrow(AccessDenied);
  await expect(denied).rejects.toThrow(`dynamodb:BatchGetItem on table "${TABLE_NAME}" is not allowed`);
});

describe("reads of many", () => {
  /** As DynamoDB does when it has room, or capacity, for some of them only. */
  const onlyFirst = (many: number) => (body: string) => {
    const { Responses } = JSON.parse(body);
    const items: { id: unknown }[] = Responses[TABLE_NAME];
    const left = items.slice(many).map(({ id }) => ({ id }));
    return JSON.stringify({
      Responses: { [TABLE_NAME]: items.slice(0, many) },
      UnprocessedKeys: { [TABLE_NAME]: { Keys: left, ConsistentRead: true } },
    });
  };

  test("230 records take three requests of at most 100, and what DynamoDB leaves over is asked for again", async () => {
    await using harness = await faulty();
    await using records = await startFaultyStore(stack);
    const { proxy, store } = harness;
    const members = Array.from({ length: 230 }, newId);
    await Promise.all(members.map((id) => records.store.write(recordPending(id, "add", "default", systemClock.now()))));
    const found = async () => (await store.records(members)).map((record) => record?.id);
    expect(await found()).toEqual(members);
    expect(proxy.count("BatchGetItem")).toBe(3);
    proxy.on({ operation: "BatchGetItem", nth: [1, 4], fault: { kind: "rewrite", body: onlyFirst(10) } });
    expect(await found()).toEqual(members);
    expect(proxy.count("BatchGetItem")).toBe(3 + 3 + 2);
  });

  test("where nothing is ever read it is StoreUnavailable, after a while", async () => {
    const clock = new FakeClock();
    await using harness = await faulty({ clock });
    const { proxy, store } = harness;
    await store.count("all-left-over", ok(1));
    proxy.on({ operation: "BatchGetItem", fault: { kind: "rewrite", body: onlyFirst(0) } });
    const read = store.shards("all-left-over", [LEAF]).catch((error) => error);
    let settled = false;
    void read.then(() => {
      settled = true;
    });
    const later = () => clock.advance(1_000).then(() => settled);
    await expect.poll(later, { timeout: 20_000 }).toBe(true);
    expect(await read).toBeInstanceOf(StoreUnavailable);
    expect((await read).message).toContain('BatchGetItem on table "conformance" left 1 keys unread again and again');
  });
});

test("of several that write over a leftover at once none loses the others' bits", async () => {
  const clock = new FakeClock({ start: systemClock.now() });
  await using harness = await faulty({ clock });
  const { store } = harness;
  const id = newId();
  for (const bit of [1, 2, 3]) await store.count(id, ok(bit));
  await clock.advance(JOINS.lifetimeMs + 1_000);
  const answers = await Promise.all(
    [40, 41, 42, 43, 44].map((bit) => store.count(id, bit === 43 ? failed(bit) : ok(bit))),
  );
  expect(await store.shards(id, [LEAF])).toEqual([{ done: new Set([40, 41, 42, 43, 44]), failed: new Set([43]) }]);
  expect(answers.some(({ done }) => done.size === 5)).toBe(true);
});

test("clients that are shared stay open for whoever closes them", async () => {
  const clients = dynamoClients({ endpoint: stack.dynamodbEndpoint });
  const [one, other] = [1, 2].map(() => new DynamoJoinStore({ table: TABLE_NAME, clients }));
  const id = newId();
  await one?.count(id, ok(1));
  await one?.close();
  expect((await other?.count(id, ok(2)))?.done).toEqual(new Set([1, 2]));
  clients.destroy();
});

describe("what it costs", () => {
  /** In bytes, without what follows and the text. */
  const SIZES = { shard: 332, head: 124, part: 90 };
  const NOW = systemClock.now();
  /** Write units by DynamoDB's own count, of the table and of its index. */
  async function spent(key: string, { update }: JoinWrite): Promise<readonly [number, number]> {
    const { ConsumedCapacity: consumed } = await client.send(
      new UpdateItemCommand({
        TableName: TABLE_NAME,
        Key: { id: { S: key } },
        ...update,
        ReturnConsumedCapacity: "INDEXES",
      }),
    );
    return [consumed?.Table?.CapacityUnits ?? 0, consumed?.GlobalSecondaryIndexes?.failures?.CapacityUnits ?? 0];
  }
  const LONG_ID = "x".repeat(255); // the longest that a user may choose

  test("a count, the last of a shard whose every member failed too, and a seal are one write unit each", async () => {
    const key = shardKey(LONG_ID, { level: 2, shard: 4_095 });
    for (let bit = 0; bit < 64; bit++) expect(await spent(key, countWrite(failed(bit), NOW))).toEqual([1, 0]);
    expect(await spent(key, countWrite(ok(63), NOW))).toEqual([1, 0]);
    expect(await spent(key, sealWrite({ place: LEAF, size: 64 }, NOW))).toEqual([1, 0]);
    expect(await sizeOf(key)).toBeLessThan(1_024);
  });

  test("a head is one unit for each KB of what follows", async () => {
    const small = newHead({ id: newId(), size: 1_000_000 }, NOW, "x".repeat(800));
    expect(await spent(headKey(small.id), openWrite(small, NOW))).toEqual([1, 0]);
    const large = newHead({ id: LONG_ID, size: 1_000_000 }, NOW, "x".repeat(JOINS.partBytes));
    expect(await spent(headKey(large.id), openWrite(large, NOW))).toEqual([8, 0]);
    expect(await sizeOf(headKey(large.id))).toBeLessThan(8_192);
  });

  test("a part of a definition is one unit for each KB, and under 8 KB", async () => {
    const { ref, parts } = definition(LONG_ID, "ä".repeat(10_000));
    const [first = ""] = definitionKeys(ref);
    expect(await spent(first, partWrite(parts[0] ?? "", NOW))).toEqual([8, 0]);
    expect(await sizeOf(first)).toBeLessThan(8_192);
  });

  test("the sizes that docs/table-schema.md states are those of items", async () => {
    const now = 1_790_123_456_789; // trailing zeros of a number are free
    const id = "019aa3f0-0000-7000-8000-000000000000";
    const shard = shardKey(id, { level: 1, shard: 4_095 });
    for (let bit = 0; bit < 64; bit++) await spent(shard, countWrite(failed(bit), now));
    await spent(shard, sealWrite({ place: LEAF, size: 64 }, now));
    expect(await sizeOf(shard)).toBe(SIZES.shard);
    await spent(headKey(id), openWrite(newHead({ id, size: 1_234_567 }, now, "{}"), now));
    expect(await sizeOf(headKey(id))).toBe(SIZES.head + "{}".length);
    const { ref, parts } = definition(id, "{}");
    const [key = ""] = definitionKeys(ref);
    await spent(key, partWrite(parts[0] ?? "", now));
    expect(await sizeOf(key)).toBe(SIZES.part + "{}".length);
  });

  async function sizeOf(key: string): Promise<number> {
    const { Responses } = await client.send(
      new BatchGetItemCommand({ RequestItems: { [TABLE_NAME]: { Keys: [{ id: { S: key } }] } } }),
    );
    const [item] = Responses?.[TABLE_NAME] ?? [];
    if (item === undefined) throw new Error(`nothing is at ${key}`);
    return itemBytes(item);
  }

  test("no item of a join of unknown size, with failures, is over 8 KB", async () => {
    const table = "one-join";
    await stack.createTables([tableDefinition(table).TableName]);
    const store = new DynamoJoinStore({ table, endpoint: stack.dynamodbEndpoint });
    const [id, size] = [LONG_ID, 700];
    await store.open(newHead({ id }, NOW, "x".repeat(JOINS.partBytes)));
    for (let from = 0; from < size; from += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => countMember(store, { id }, from + i, (from + i) % 3 === 2)),
      );
    }
    expect(await sealJoin(store, id, size)).toEqual({ join: id, size, failed: 2 });
    await store.close();
    const { Items = [], LastEvaluatedKey } = await client.send(new ScanCommand({ TableName: table }));
    expect(LastEvaluatedKey).toBeUndefined();
    expect(Items).toHaveLength(1 + 11 + 3); // the head, the leaves, and one shard on each of the levels above
    expect(Math.max(...Items.map(itemBytes))).toBeLessThan(8_192);
  });
});
