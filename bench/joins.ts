// node bench/joins.ts [--members N] [--unknown] [--json]      What it costs to count a group's members on the local DynamoDB, in write
// units by its own count, next to plain updates of as large items by hand.
import { parseArgs } from "node:util";
import { type AttributeValue, DynamoDBClient, ScanCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { dynamoClients } from "../lib/aws/dynamo-clients.ts";
import { DynamoJoinStore } from "../lib/aws/dynamo-join-store.ts";
import { itemBytes } from "../lib/aws/record-item.ts";
import { type Join, newHead } from "../lib/core/join.ts";
import { startLocalStack } from "../lib/local/stack.ts";
import { seededRandom } from "../lib/testing/fake-clock.ts";
import { type Completion, countMember, sealJoin } from "../lib/worker/join.ts";

const TABLE = "joins";
/** Members that are counted at once: what some workers have in hand together. */
const IN_HAND = 64;
/** One in so many fails. */
const FAILING = 1_000;
/** Updates by hand, at most. */
const BY_HAND = 10_000;

const { values } = parseArgs({
  options: { members: { type: "string" }, unknown: { type: "boolean" }, json: { type: "boolean" } },
});
const members = Number(values.members ?? 100_000);
const join: Join = values.unknown ? { id: "group" } : { id: "group", size: members };

await using stack = await startLocalStack({ tables: [TABLE] });
Object.assign(process.env, stack.environment);

/** In an order of its own: members end as they like. */
function shuffledMembers(): Uint32Array {
  const random = seededRandom(members);
  const order = Uint32Array.from({ length: members }, (_, index) => index);
  for (let i = members - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] as number, order[i] as number]; // both are below the length
  }
  return order;
}

/** `work` for each of them, so many at once. Answers with how many a second. */
async function perSecond(order: Uint32Array, work: (index: number) => Promise<unknown>): Promise<number> {
  const began = process.hrtime.bigint();
  let next = 0;
  const lane = async () => {
    while (next < order.length) await work(order[next++] as number); // it is below the length
  };
  await Promise.all(Array.from({ length: IN_HAND }, lane));
  return order.length / (Number(process.hrtime.bigint() - began) / 1e9);
}

async function counted(order: Uint32Array) {
  const clients = dynamoClients({ endpoint: stack.dynamodbEndpoint });
  let units = 0;
  clients.client.middlewareStack.add(
    (next) => async (call) => {
      Object.assign(call.input, { ReturnConsumedCapacity: "TOTAL" });
      const { output, ...answer } = await next(call);
      const { ConsumedCapacity: spent } = output as { ConsumedCapacity?: { CapacityUnits: number } }; // an UpdateItem was asked for it
      units += spent?.CapacityUnits ?? 0; // of reads it is a list
      return { output, ...answer };
    },
    { step: "initialize" },
  );
  const store = new DynamoJoinStore({ table: TABLE, clients });
  await store.open(newHead(join, Date.now()));
  const completions: Completion[] = [];
  const speed = await perSecond(order, async (index) => {
    const completion = await countMember(store, join, index, index % FAILING === FAILING - 1);
    if (completion) completions.push(completion);
  });
  const sealed = values.unknown && (await sealJoin(store, join.id, members));
  if (sealed) completions.push(sealed);
  clients.destroy();
  return { units, speed, completions };
}

/** Sets of as many bits, with nothing around them. */
async function byHand(order: Uint32Array): Promise<number> {
  const client = new DynamoDBClient({ endpoint: stack.dynamodbEndpoint });
  const speed = await perSecond(order, async (index) => {
    await client.send(
      new UpdateItemCommand({
        TableName: TABLE,
        Key: { id: { S: `raw·${index >> 6}` } },
        UpdateExpression: "ADD #done :bit",
        ExpressionAttributeNames: { "#done": "done" },
        ExpressionAttributeValues: { ":bit": { NS: [String(index & 63)] } },
        ReturnValues: "ALL_NEW",
      }),
    );
  });
  client.destroy();
  return speed;
}

async function largestItem(): Promise<{ readonly items: number; readonly bytes: number }> {
  const client = new DynamoDBClient({ endpoint: stack.dynamodbEndpoint });
  let [items, bytes] = [0, 0];
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page = await client.send(new ScanCommand({ TableName: TABLE, ...(from && { ExclusiveStartKey: from }) }));
    const mine = (page.Items ?? []).filter(({ id }) => id?.S?.startsWith(join.id));
    items += mine.length;
    bytes = Math.max(bytes, ...mine.map(itemBytes));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  client.destroy();
  return { items, bytes };
}

const order = shuffledMembers();
const { units, speed, completions } = await counted(order);
const raw = await byHand(order.subarray(0, BY_HAND));
const { items, bytes } = await largestItem();
const result = {
  members,
  wcu_per_member: units / members,
  counts_per_s: Math.round(speed),
  raw_updates_per_s: Math.round(raw),
  items,
  largest_item_bytes: bytes,
  completions: completions.length,
  first_failed: completions[0]?.failed,
};
for (const [name, value] of Object.entries(result)) process.stdout.write(`${name.padEnd(24)}${value}\n`);
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
