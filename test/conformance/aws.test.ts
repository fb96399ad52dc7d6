// The adapters on fauxqs and dynoxide, through the real SDK.
import { afterAll, beforeAll } from "vitest";
import { DynamoJoinStore } from "../../lib/aws/dynamo-join-store.ts";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { S3PayloadStore } from "../../lib/aws/s3-payload-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { systemClock } from "../../lib/clock.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { BUCKET, MAX_RECEIVE_COUNT, startTestStack, TABLE_NAME, type TestStack } from "../support/aws.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { testBroker } from "./broker.ts";
import { testJoinStore } from "./join-store.ts";
import { testPayloadStore } from "./payload-store.ts";
import { testResultStore } from "./result-store.ts";

let stack: TestStack;

beforeAll(async () => {
  stack = await startTestStack();
});

afterAll(async () => {
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

for (const [name, batchWrites] of [
  ["DynamoResultStore, batched writes", true],
  ["DynamoResultStore, single writes", false],
] as const) {
  testResultStore(name, async () => {
    const options = { endpoint: stack.dynamodbEndpoint, batchWrites };
    const store = new DynamoResultStore({ table: TABLE_NAME, ...options });
    return {
      store,
      now: () => systemClock.now(),
      withoutTable: () => new DynamoResultStore({ table: "no-such-table", ...options }),
      [Symbol.asyncDispose]: () => store.close(),
    };
  });
}

testJoinStore("DynamoJoinStore", async () => {
  const clock = new FakeClock({ start: systemClock.now() }); // the emulator's own clock removes what is over
  const options = { endpoint: stack.dynamodbEndpoint, clock };
  const store = new DynamoJoinStore({ table: TABLE_NAME, ...options });
  const records = new DynamoResultStore({ table: TABLE_NAME, ...options });
  return {
    store,
    records,
    now: () => clock.now(),
    advance: (ms) => clock.advance(ms),
    withoutTable: () => new DynamoJoinStore({ table: "no-such-table", ...options }),
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await records.close();
    },
  };
});

testPayloadStore("S3PayloadStore", async () => {
  const open = (app: string, bucket = BUCKET) => new S3PayloadStore({ bucket, app, endpoint: stack.s3Endpoint });
  const store = open("duckling");
  const other = open("other");
  return {
    store,
    other,
    now: () => systemClock.now(),
    advance: () => Promise.reject(new Error("no clock of S3's can be set")),
    withoutBucket: () => open("duckling", "no-such-bucket"),
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await other.close();
    },
  };
}, [
  {
    test: "an object is kept for as long as its key says, from its latest put, and then expires",
    reason: "days pass, and fauxqs keeps no lifecycle; test/infra asserts the bucket's rules",
  },
]);
