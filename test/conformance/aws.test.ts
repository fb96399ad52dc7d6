// The adapters on fauxqs and dynoxide, through the real SDK.
import { afterAll, beforeAll } from "vitest";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { systemClock } from "../../lib/clock.ts";
import { MAX_RECEIVE_COUNT, startTestStack, TABLE_NAME, type TestStack } from "../support/aws.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { testBroker } from "./broker.ts";
import { testResultStore } from "./result-store.ts";

let stack: TestStack;
let store: DynamoResultStore;

beforeAll(async () => {
  stack = await startTestStack();
  store = new DynamoResultStore({ table: TABLE_NAME, endpoint: stack.dynamodbEndpoint });
});

afterAll(async () => {
  await store?.close();
  await stack?.stop();
});

testBroker("SqsBroker", async () => {
  const names = await stack.newQueue();
  const proxy = await startFaultProxy(stack.sqsEndpoint);
  const broker = new SqsBroker({ endpoint: proxy.endpoint });
  return {
    ...names,
    broker,
    maxReceiveCount: MAX_RECEIVE_COUNT,
    advance: (ms) => systemClock.sleep(ms),
    sendRequests: () => proxy.count("SendMessageBatch"),
    [Symbol.asyncDispose]: async () => {
      await broker.close();
      await proxy.close();
    },
  };
});

testResultStore("DynamoResultStore", async () => ({
  store,
  now: () => systemClock.now(),
  withoutTable: () => new DynamoResultStore({ table: "no-such-table", endpoint: stack.dynamodbEndpoint }),
  [Symbol.asyncDispose]: async () => {},
}));
