// What the index of failures costs, by DynamoDB's own count, and what a table without it answers.
import { CreateTableCommand, DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toUpdate } from "../../lib/aws/conditions.ts";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import type { Change, Right } from "../../lib/core/changes.ts";
import * as changes from "../../lib/core/changes.ts";
import { IndexNotFound } from "../../lib/errors.ts";
import { tableDefinition } from "../../lib/store/table.ts";
import { startTestStack, TABLE_NAME, type TestStack } from "../support/aws.ts";
import { collect } from "../support/collect.ts";

const WITHOUT = "without-index";
const NOW = Date.now();
const FAILURE = { type: "TypeError", message: "x is not a function", stack: "at add (tasks.ts:1:1)" };
let stack: TestStack;
let client: DynamoDBClient;

beforeAll(async () => {
  stack = await startTestStack();
  client = new DynamoDBClient({ endpoint: stack.dynamodbEndpoint });
  const { TableName, KeySchema, BillingMode, AttributeDefinitions } = tableDefinition(WITHOUT);
  const [key] = AttributeDefinitions;
  await client.send(
    new CreateTableCommand({ TableName, KeySchema, BillingMode, AttributeDefinitions: key ? [key] : [] }),
  );
});

afterAll(async () => {
  client?.destroy();
  await stack?.stop();
});

let ids = 0;
const claimOf = (): changes.Claim => {
  return { id: `cost-${++ids}`, task: "add", workload: "default", attempt: 0, token: "mine" };
};
const held = (claim: changes.Claim): Right => ({ kind: "claimed", claim });
const start = (claim: changes.Claim) => changes.claim(claim, NOW, { owner: "w", until: NOW, lastDelivery: false });

/** Write units of the table, and of the index. */
async function spent(table: string, change: Change): Promise<readonly [number, number]> {
  const { ConsumedCapacity: consumed } = await client.send(
    new UpdateItemCommand({
      TableName: table,
      Key: { id: { S: change.id } },
      ...toUpdate(change, NOW),
      ReturnConsumedCapacity: "INDEXES",
    }),
  );
  return [consumed?.Table?.CapacityUnits ?? 0, consumed?.GlobalSecondaryIndexes?.failures?.CapacityUnits ?? 0];
}

/** Each change in turn, of one task. */
async function costs(table: string, ...steps: readonly ((claim: changes.Claim) => Change)[]) {
  const claim = claimOf();
  const units: (readonly [number, number])[] = [];
  for (const step of steps) units.push(await spent(table, step(claim)));
  return units;
}

describe("write units of the table, and of the index", () => {
  const failing = (body: string) => (claim: changes.Claim) => changes.fail(held(claim), NOW, FAILURE, 60, body);

  test("what does not fail costs what it would without the index", async () => {
    const value = { result: "5", ignored: false, resultExpiresSeconds: 60 };
    const next = { attempt: 1, retryAt: NOW, args: undefined, failure: FAILURE };
    const paths = [
      [start, (claim: changes.Claim) => changes.succeed(held(claim), NOW, value)],
      [
        start,
        (claim: changes.Claim) => changes.heartbeat(claim, NOW),
        (c: changes.Claim) => changes.retry(held(c), next),
      ],
      [(claim: changes.Claim) => changes.recordPending(claim.id, "add", "default", NOW), start],
      [(claim: changes.Claim) => changes.revokeUnstarted(claim.id, NOW, FAILURE, 60)],
    ];
    for (const path of paths) {
      const units = await costs(TABLE_NAME, ...path);
      expect(units).toEqual(path.map(() => [1, 0]));
      expect(units).toEqual(await costs(WITHOUT, ...path));
    }
  });

  test("a failure costs one more for the index, and one for each KB of its message", async () => {
    expect(await costs(TABLE_NAME, start, failing("x".repeat(300)))).toEqual([
      [1, 0],
      [1, 1],
    ]);
    expect(await costs(TABLE_NAME, start, failing("x".repeat(300 + 2 * 1_024)))).toEqual([
      [1, 0],
      [3, 1],
    ]);
  });

  test("a redrive that is counted, and a failure that is forgotten, write both once more", async () => {
    const units = await costs(
      TABLE_NAME,
      start,
      failing("m"),
      ({ id }) => changes.countRedrive(id, 0),
      ({ id }) => changes.forget(id),
    );
    expect(units.slice(2)).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });
});

test("a table that an older version made says what to deploy, and takes failures all the same", async () => {
  const store = new DynamoResultStore({ table: WITHOUT, endpoint: stack.dynamodbEndpoint });
  const claim = claimOf();
  expect(await store.write(changes.failUnheld(claim, NOW, FAILURE, 60, "m"))).toMatchObject({ applied: true });
  const listed = collect(store.failures({ limit: 1 }));
  await expect(listed).rejects.toThrow(IndexNotFound);
  await expect(listed).rejects.toThrow(`table "${WITHOUT}" at ${stack.dynamodbEndpoint} has no index "failures"`);
  expect((await store.read(claim.id))?.body).toBe("m");
  await store.close();
});

test("the local stack gives such a table its index when it starts again", async () => {
  const store = new DynamoResultStore({ table: WITHOUT, endpoint: stack.dynamodbEndpoint });
  const claim = claimOf();
  await store.write(changes.failUnheld(claim, NOW, FAILURE, 60, "m"));
  await stack.createTables([WITHOUT]);
  const listed = await collect(store.failures({}));
  expect(listed.map(({ id }) => id)).toContain(claim.id);
  await store.close();
});
