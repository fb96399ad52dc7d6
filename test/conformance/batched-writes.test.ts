// Batched claims and endings on bad days, through the real SDK. What a batch does not say, a single write tells.
import { afterAll, beforeAll, expect, test } from "vitest";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { systemClock } from "../../lib/clock.ts";
import * as changes from "../../lib/core/changes.ts";
import { StoreUnavailable } from "../../lib/errors.ts";
import { startFaultyStore, startTestStack, TABLE_NAME, type TestStack } from "../support/aws.ts";
import { INTERNAL_ERROR, THROTTLED_DYNAMODB } from "../support/fault-proxy.ts";

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const dynamodb = () => startFaultyStore(stack);

let ids = 0;
function task(token = "mine", attempt = 0, id = `batched-${++ids}`) {
  const now = systemClock.now();
  const claim = { id, task: "add", workload: "default", attempt, token };
  const right = { kind: "claimed", claim } as const;
  const value = { result: "5", ignored: false, resultExpiresSeconds: 60 };
  return {
    id,
    claim: changes.claim(claim, now, { owner: "worker-1", until: now + 60_000, lastDelivery: false }),
    succeed: changes.succeed(right, now, value),
    retry: changes.retry(right, { attempt: attempt + 1, retryAt: now, args: undefined, failure: undefined }),
  };
}

const BATCH = "BatchExecuteStatement";

test("25 claims made together are one request, and so are their endings", async () => {
  await using harness = await dynamodb();
  const { proxy, store } = harness;
  const tasks = Array.from({ length: 25 }, () => task());
  const claimed = await Promise.all(tasks.map(({ claim }) => store.write(claim)));
  const ended = await Promise.all(tasks.map(({ succeed }) => store.write(succeed)));
  expect([...claimed, ...ended].every(({ applied }) => applied)).toBe(true);
  expect(proxy.count(BATCH)).toBe(2);
  expect(proxy.count("UpdateItem")).toBe(0);
  for (const { id } of tasks) expect(await store.read(id)).toMatchObject({ state: "SUCCESS", result: "5", runs: 1 });
});

test("a claim that a record refuses answers with that record", async () => {
  await using harness = await dynamodb();
  const { proxy, store } = harness;
  const first = task("theirs");
  await store.write(first.claim);
  const answer = await store.write(task("mine", 0, first.id).claim);
  expect(answer).toMatchObject({ applied: false, existing: { token: "theirs", state: "STARTED" } });
  expect(proxy.count("UpdateItem")).toBe(1);
});

test("one refused entry does not hold up its neighbours", async () => {
  await using harness = await dynamodb();
  const { store } = harness;
  const taken = task("theirs");
  await store.write(taken.claim);
  const [refused, ...others] = await Promise.all([
    store.write(task("mine", 0, taken.id).claim),
    ...Array.from({ length: 5 }, () => store.write(task().claim)),
  ]);
  expect(refused?.applied).toBe(false);
  expect(others.every(({ applied }) => applied)).toBe(true);
});

test("two writes of one id never share a batch: one of them is made, the other is told", async () => {
  await using harness = await dynamodb();
  const { store } = harness;
  const { id } = task();
  const answers = await Promise.all(["a", "b", "c"].map((token) => store.write(task(token, 0, id).claim)));
  const winners = answers.filter(({ applied }) => applied);
  expect(winners).toHaveLength(1);
  const token = (await store.read(id))?.token;
  for (const answer of answers) if (!answer.applied) expect(answer.existing?.token).toBe(token);
});

test("a batch whose answer was lost: the claims are known by their tokens", async () => {
  await using harness = await dynamodb();
  const { proxy, store } = harness;
  proxy.on({ operation: BATCH, fault: { kind: "drop after" } });
  const answers = await Promise.all(Array.from({ length: 10 }, () => store.write(task().claim)));
  for (const answer of answers) expect(answer).toMatchObject({ applied: false, existing: { token: "mine", runs: 1 } });
});

test("a batch of endings whose answer was lost leaves one ending each, with the writer's token", async () => {
  await using harness = await dynamodb();
  const { proxy, store } = harness;
  const tasks = Array.from({ length: 10 }, () => task());
  await Promise.all(tasks.map(({ claim }) => store.write(claim)));
  proxy.on({ operation: BATCH, fault: { kind: "drop after" } });
  const answers = await Promise.all(tasks.map(({ succeed }) => store.write(succeed)));
  for (const answer of answers) {
    expect(answer).toMatchObject({ applied: false, existing: { state: "SUCCESS", token: "mine" } });
  }
});

test("a batch heard twice is made once", async () => {
  await using harness = await dynamodb();
  const { proxy, store } = harness;
  proxy.on({ operation: BATCH, fault: { kind: "duplicate" } });
  const { id, claim, succeed } = task();
  await store.write(claim);
  await store.write(succeed);
  expect(await store.read(id)).toMatchObject({ state: "SUCCESS", token: "mine", runs: 1 });
});

test.each([
  ["throttled", THROTTLED_DYNAMODB],
  ["refused by internal errors", INTERNAL_ERROR],
  ["never heard", { kind: "drop before" } as const],
])("batches %s without end: single writes do it", async (_, fault) => {
  await using harness = await dynamodb();
  const { proxy, store } = harness;
  proxy.on({ operation: BATCH, fault });
  expect(await store.write(task().claim)).toMatchObject({ applied: true, record: { runs: 1 } });
});

test("a statement DynamoDB does not understand is not sent again", async () => {
  await using harness = await dynamodb();
  const { proxy, store } = harness;
  const refusal = JSON.stringify({ Responses: [{ Error: { Code: "ValidationError", Message: "made up" } }] });
  proxy.on({ operation: BATCH, nth: 1, fault: { kind: "answer", body: refusal } });
  expect((await store.write(task().claim)).applied).toBe(true);
  expect((await store.write(task().claim)).applied).toBe(true);
  expect(proxy.count(BATCH)).toBe(1);
});

test("without the permission for it no second batch is tried", async () => {
  await using harness = await dynamodb();
  const { proxy, store } = harness;
  proxy.on({ operation: BATCH, fault: { kind: "status", status: 400, code: "AccessDeniedException" } });
  expect((await store.write(task().claim)).applied).toBe(true);
  expect((await store.write(task().claim)).applied).toBe(true);
  expect(proxy.count(BATCH)).toBe(1);
});

test("a retry is refused where a revoke was requested, and says so", async () => {
  await using harness = await dynamodb();
  const { store } = harness;
  const { id, claim, retry } = task();
  await store.write(claim);
  await store.write(changes.requestRevoke(id, "cooperate"));
  expect(await store.write(retry)).toMatchObject({ applied: false, existing: { revokeRequested: "cooperate" } });
});

test("nobody there is StoreUnavailable, as with single writes", async () => {
  const store = new DynamoResultStore({ table: TABLE_NAME, endpoint: "http://127.0.0.1:1" });
  await expect(store.write(task().claim)).rejects.toThrow(StoreUnavailable);
  await store.close();
});
