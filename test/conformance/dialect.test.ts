// What the batched writes rest on, measured on the local stack: which statements DynamoDB's dialect of PartiQL takes, and what its
// batch says and does not say. A DynamoDB that answers otherwise is one on which lib/aws/statements.ts would be wrong.
import {
  type AttributeValue,
  BatchExecuteStatementCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  GetItemCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startTestStack, TABLE_NAME, type TestStack } from "../support/aws.ts";
import { INTERNAL_ERROR, startFaultProxy } from "../support/fault-proxy.ts";

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

type Parameters = AttributeValue[];

const insert = (...Parameters: Parameters) => ({
  Statement: `INSERT INTO "${TABLE_NAME}" VALUE {'id': ?, 'state': ?, 'attempt': ?}`,
  Parameters,
});
const update = (rest: string, ...Parameters: Parameters) => ({
  Statement: `UPDATE "${TABLE_NAME}" ${rest}`,
  Parameters,
});
const batch = async (...Statements: ReturnType<typeof insert>[]) => {
  const { Responses = [] } = await client.send(new BatchExecuteStatementCommand({ Statements }));
  return Responses.map(({ Error: error, Item }) => ({ code: error?.Code, item: Item ?? error?.Item }));
};
const item = async (of: AttributeValue) => {
  const key = { TableName: TABLE_NAME, Key: { id: of }, ConsistentRead: true };
  return (await client.send(new GetItemCommand(key))).Item;
};

const DONE = { code: undefined, item: undefined };
const STARTED = { S: "STARTED" };
let ids = 0;
let id: AttributeValue;
beforeEach(async () => {
  id = { S: `dialect-${++ids}` };
  await client.send(new ExecuteStatementCommand(insert(id, STARTED, { N: "1" })));
});

describe("a statement of a batch", () => {
  test("INSERT of an item that is there answers DuplicateItem, and never with the item", async () => {
    expect(await batch(insert(id, { S: "OTHER" }, { N: "0" }))).toEqual([{ code: "DuplicateItem", item: undefined }]);
    expect(await item(id)).toMatchObject({ state: STARTED });
  });

  test("UPDATE of an item that does not fit, or is not there, is refused, and answers with no item", async () => {
    const refused = [{ code: "ConditionalCheckFailed", item: undefined }];
    expect(await batch(update('SET "a"=? WHERE "id"=? AND "state"=?', { S: "1" }, id, { S: "RETRY" }))).toEqual(
      refused,
    );
    const nobody = { S: "dialect-nobody" };
    expect(await batch(update('SET "a"=? WHERE "id"=? AND "state"=?', { S: "1" }, nobody, STARTED))).toEqual(refused);
    expect(await item(nobody)).toBeUndefined(); // an UPDATE creates nothing, unlike UpdateItem
  });

  test("is applied or refused by itself, whatever becomes of its neighbours", async () => {
    const fresh = { S: `dialect-${++ids}` };
    const answers = await batch(insert(id, STARTED, { N: "0" }), insert(fresh, STARTED, { N: "0" }));
    expect(answers).toEqual([{ code: "DuplicateItem", item: undefined }, DONE]);
    expect(await item(fresh)).toMatchObject({ state: STARTED });
  });
});

describe("the dialect has", () => {
  test.each<[string, string, Parameters]>([
    ["SET a=?, b=?", 'SET "a"=?, "b"=? WHERE "id"=?', [{ S: "1" }, { N: "2" }]],
    ["REMOVE after SET", 'SET "a"=? REMOVE "attempt" WHERE "id"=?', [{ S: "1" }]],
  ])("%s", async (_, rest, values) => {
    expect(await batch(update(rest, ...values, id))).toEqual([DONE]);
    expect(await item(id)).toMatchObject({ a: { S: "1" } });
    expect("attempt" in ((await item(id)) ?? {})).toBe(!rest.includes("REMOVE"));
  });

  test.each<[string, string, Parameters, Parameters]>([
    ["AND", '"state"=? AND "attempt"=?', [STARTED, { N: "1" }], [STARTED, { N: "2" }]],
    ["OR in parentheses", '("state"=? OR "attempt"=?)', [{ S: "X" }, { N: "1" }], [{ S: "X" }, { N: "2" }]],
    ["IN", '"state" IN [?, ?]', [{ S: "X" }, STARTED], [{ S: "X" }, { S: "Y" }]],
    ["<", '"attempt" < ?', [{ N: "2" }], [{ N: "1" }]],
    ["<=", '"attempt" <= ?', [{ N: "1" }], [{ N: "0" }]],
    ["<>", '"state" <> ?', [{ S: "X" }], [STARTED]],
  ])("%s, which holds or refuses", async (_, condition, holds, refuses) => {
    const statement = (values: Parameters) =>
      update(`SET "a"=? WHERE "id"=? AND ${condition}`, { S: "1" }, id, ...values);
    expect(await batch(statement(refuses))).toEqual([{ code: "ConditionalCheckFailed", item: undefined }]);
    expect(await item(id)).not.toHaveProperty("a");
    expect(await batch(statement(holds))).toEqual([DONE]);
    expect(await item(id)).toHaveProperty("a");
  });

  test("IS MISSING, which holds until the attribute is there", async () => {
    const once = update('SET "a"=? WHERE "id"=? AND "a" IS MISSING', { S: "1" }, id);
    expect(await batch(once)).toEqual([DONE]);
    expect(await batch(once)).toEqual([{ code: "ConditionalCheckFailed", item: undefined }]);
  });
});

describe("a batch as a whole", () => {
  test("throws where it holds one id twice, which ours never does", async () => {
    const twice = batch(
      update('SET "a"=? WHERE "id"=?', { S: "1" }, id),
      update('SET "b"=? WHERE "id"=?', { S: "2" }, id),
    );
    await expect(twice).rejects.toMatchObject({ name: "ValidationException", message: /duplicates/ });
  });

  test("that threw may have been applied: its answer can be lost, or its request", async () => {
    for (const [fault, arrived] of [
      [{ kind: "drop after" } as const, true],
      [{ kind: "drop before" } as const, false],
      [INTERNAL_ERROR, false],
    ] as const) {
      await using proxy = await startFaultProxy(stack.dynamodbEndpoint);
      proxy.on({ operation: "BatchExecuteStatement", fault });
      const faulty = new DynamoDBClient({ endpoint: proxy.endpoint, maxAttempts: 1 });
      const fresh = { S: `dialect-${++ids}` };
      const sent = faulty.send(new BatchExecuteStatementCommand({ Statements: [insert(fresh, STARTED, { N: "0" })] }));
      await expect(sent).rejects.toThrow();
      expect((await item(fresh)) !== undefined).toBe(arrived);
      faulty.destroy();
    }
  });
});
