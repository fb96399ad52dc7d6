// What the network and AWS do on bad days, through the real SDK: answers lost, requests heard twice, throttles, nobody there.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DynamoResultStore, type DynamoResultStoreOptions } from "../../lib/aws/dynamo-result-store.ts";
import { S3PayloadStore } from "../../lib/aws/s3-payload-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { systemClock } from "../../lib/clock.ts";
import * as changes from "../../lib/core/changes.ts";
import {
  AccessDenied,
  BrokerUnavailable,
  NotSerializable,
  PayloadLost,
  PayloadStoreUnavailable,
  StoreUnavailable,
} from "../../lib/errors.ts";
import { fetchPayload } from "../../lib/payloads.ts";
import type { Delivery } from "../../lib/ports/broker.ts";
import { argsPayload } from "../../lib/store/payload.ts";
import { BUCKET, behindProxy, startFaultyStore, startTestStack, TABLE_NAME, type TestStack } from "../support/aws.ts";
import { INTERNAL_ERROR, startFaultProxy, THROTTLED_DYNAMODB, THROTTLED_SQS } from "../support/fault-proxy.ts";

let stack: TestStack;
const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);

beforeAll(async () => {
  process.on("unhandledRejection", note);
  stack = await startTestStack();
});

afterAll(async () => {
  await stack?.stop();
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

/** Nothing listens on port 1 of the loopback interface. */
const NOBODY = "http://127.0.0.1:1";

async function sqs(deadlineMs = 10_000) {
  const { queue } = await stack.newQueue();
  const proxy = await startFaultProxy(stack.sqsEndpoint);
  const broker = new SqsBroker({ endpoint: proxy.endpoint, deadlineMs });
  return {
    broker,
    proxy,
    queue,
    send: (body: string) => broker.send(queue, { body, delaySeconds: 0 }),
    receive: async (waitSeconds = 0) => broker.receive(queue, { max: 10, waitSeconds, visibilitySeconds: 30 }),
    [Symbol.asyncDispose]: async () => {
      await broker.close();
      await proxy.close();
    },
  };
}

const dynamodb = (options: Partial<DynamoResultStoreOptions> = {}) =>
  startFaultyStore(stack, { batchWrites: false, ...options });

let ids = 0;
function claim(token = "mine") {
  const id = `fault-${++ids}`;
  const now = systemClock.now();
  const right = { id, task: "add", workload: "default", attempt: 0, token };
  return {
    id,
    right,
    change: changes.claim(right, now, { owner: "worker-1", until: now + 60_000, lastDelivery: false }),
  };
}

describe("DynamoDB", () => {
  test("a claim whose answer was lost is repeated by the SDK, and refused by its own token", async () => {
    await using harness = await dynamodb();
    const { proxy, store } = harness;
    proxy.on({ operation: "UpdateItem", nth: 1, fault: { kind: "drop after" } });
    const answer = await store.write(claim().change);
    expect(answer).toMatchObject({ applied: false, existing: { state: "STARTED", token: "mine", runs: 1 } });
    expect(proxy.count("UpdateItem")).toBe(2);
  });

  test("a claim that never arrived is repeated, and applied", async () => {
    await using harness = await dynamodb();
    const { proxy, store } = harness;
    proxy.on({ operation: "UpdateItem", nth: 1, fault: { kind: "drop before" } });
    expect(await store.write(claim().change)).toMatchObject({ applied: true, record: { runs: 1 } });
  });

  test("a claim heard twice is made once", async () => {
    await using harness = await dynamodb();
    const { proxy, store } = harness;
    proxy.on({ operation: "UpdateItem", nth: 1, fault: { kind: "duplicate" } });
    const { id, change } = claim();
    expect(await store.write(change)).toMatchObject({ applied: true });
    expect(await store.read(id)).toMatchObject({ token: "mine", runs: 1 });
  });

  test("a finish whose answer was lost leaves one ending, with the writer's token", async () => {
    await using harness = await dynamodb();
    const { proxy, store } = harness;
    const { right, change } = claim();
    await store.write(change);
    proxy.on({ operation: "UpdateItem", nth: 1, fault: { kind: "drop after" } });
    const value = { result: "5", ignored: false, resultExpiresSeconds: 60 };
    const answer = await store.write(changes.succeed({ kind: "claimed", claim: right }, systemClock.now(), value));
    expect(answer).toMatchObject({ applied: false, existing: { state: "SUCCESS", token: "mine", result: "5" } });
  });

  test.each([
    ["throttles", THROTTLED_DYNAMODB],
    ["internal errors", INTERNAL_ERROR],
  ])("%s are tried again", async (_, fault) => {
    await using harness = await dynamodb();
    const { proxy, store } = harness;
    proxy.on({ operation: "UpdateItem", nth: 1, fault });
    proxy.on({ operation: "GetItem", nth: 1, fault });
    const { id, change } = claim();
    expect(await store.write(change)).toMatchObject({ applied: true });
    expect(await store.read(id)).toMatchObject({ state: "STARTED" });
  });

  test("internal errors without end are StoreUnavailable, after the stated number of tries", async () => {
    await using harness = await dynamodb({ maxAttempts: 2 });
    const { proxy, store } = harness;
    proxy.on({ operation: "UpdateItem", fault: INTERNAL_ERROR });
    await expect(store.write(claim().change)).rejects.toThrow(StoreUnavailable);
    expect(proxy.count("UpdateItem")).toBe(2);
  });

  test("a table that does not answer is StoreUnavailable", async () => {
    await using harness = await dynamodb({ requestTimeoutMs: 100, maxAttempts: 2 });
    const { proxy, store } = harness;
    proxy.on({ operation: "GetItem", fault: { kind: "delay", ms: 1_000 } });
    await expect(store.read("x")).rejects.toThrow(StoreUnavailable);
  });

  test("an endpoint where nobody listens is StoreUnavailable, and named", async () => {
    await using store = closing(new DynamoResultStore({ table: TABLE_NAME, endpoint: NOBODY }));
    await expect(store.write(claim().change)).rejects.toThrow(
      expect.objectContaining({
        code: "LOVAGE_STORE_UNAVAILABLE",
        message: expect.stringMatching(
          /UpdateItem on table "conformance" at http:\/\/127\.0\.0\.1:1 failed: .*ECONNREFUSED/,
        ),
      }),
    );
    await expect(store.check()).rejects.toThrow(StoreUnavailable);
  });

  test("missing permission names the action", async () => {
    await using harness = await dynamodb();
    const { proxy, store } = harness;
    proxy.on({ operation: "UpdateItem", fault: { kind: "status", status: 400, code: "AccessDeniedException" } });
    await expect(store.check()).rejects.toThrow(/^dynamodb:UpdateItem on table "conformance" is not allowed; add it/);
  });
});

describe("SQS", () => {
  test("a send whose answer was lost resolves; the message may be there twice", async () => {
    await using harness = await sqs();
    harness.proxy.on({ operation: "SendMessageBatch", nth: 1, fault: { kind: "drop after" } });
    await harness.send("once or twice");
    const bodies = (await harness.receive(1)).map(({ body }) => body);
    expect(bodies).toEqual(["once or twice", "once or twice"]);
  });

  test.each([
    ["throttles", THROTTLED_SQS],
    ["internal errors", INTERNAL_ERROR],
    ["lost connections", { kind: "drop before" } as const],
  ])("%s are tried again", async (_, fault) => {
    await using harness = await sqs();
    for (const operation of ["GetQueueUrl", "SendMessageBatch", "DeleteMessageBatch", "ReceiveMessage"]) {
      harness.proxy.on({ operation, nth: 1, fault });
    }
    await harness.send("through");
    const [delivery] = await harness.receive(5);
    expect(delivery?.body).toBe("through");
    await harness.broker.delete(delivery as Delivery);
    expect(await harness.broker.depth(harness.queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  test("an entry that SQS failed is sent again, the others are not", async () => {
    await using harness = await sqs();
    const failEntry0 = (body: string) => {
      const { Successful } = JSON.parse(body);
      const Failed = [{ Id: "0", SenderFault: false, Code: "InternalError", Message: "made up" }];
      return JSON.stringify({ Successful: Successful.slice(1), Failed });
    };
    harness.proxy.on({ operation: "SendMessageBatch", nth: 1, fault: { kind: "rewrite", body: failEntry0 } });
    await Promise.all([harness.send("a"), harness.send("b"), harness.send("c")]);
    const bodies = (await harness.receive(1)).map(({ body }) => body).sort();
    expect(bodies).toEqual(["a", "a", "b", "c"]); // the made-up failure had been a success
  });

  test("an entry that SQS refuses is its own caller's error, at once", async () => {
    await using harness = await sqs();
    const emoji = "😀"; // the emulator refuses it; the wire format never holds any
    const fates = await Promise.allSettled([harness.send("good"), harness.send(emoji), harness.send("good too")]);
    expect(fates.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(fates[1]).toMatchObject({ reason: expect.any(NotSerializable) });
    expect(harness.proxy.count("SendMessageBatch")).toBe(1);
  });

  test("a request refused as a whole for one entry's sake does not fail the others", async () => {
    await using harness = await sqs();
    harness.proxy.on({
      operation: "SendMessageBatch",
      nth: [1, 3],
      fault: { kind: "status", status: 400, code: "BatchRequestTooLong" },
    });
    const fates = await Promise.allSettled([harness.send("a"), harness.send("b"), harness.send("c")]);
    expect(fates.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(harness.proxy.count("SendMessageBatch")).toBe(4);
  });

  test("an endpoint where nobody listens is BrokerUnavailable within the deadline, and named", async () => {
    await using broker = closing(new SqsBroker({ endpoint: NOBODY, deadlineMs: 400 }));
    const start = systemClock.monotonic();
    const calls = [
      broker.send("q", { body: "x", delaySeconds: 0 }),
      broker.depth("q"),
      broker.check("q"),
      broker.receive("q", { max: 1, waitSeconds: 0, visibilitySeconds: 30 }),
    ];
    for (const fate of await Promise.allSettled(calls)) {
      expect(fate).toMatchObject({
        status: "rejected",
        reason: { code: "LOVAGE_BROKER_UNAVAILABLE", message: expect.stringContaining("http://127.0.0.1:1 failed") },
      });
    }
    expect(systemClock.monotonic() - start).toBeLessThan(5_000); // far from the default deadline and from for ever
  });

  test("an endpoint that never answers is BrokerUnavailable within the deadline, for what waits its turn too", async () => {
    await using harness = await sqs(500);
    await harness.broker.check(harness.queue);
    harness.proxy.on({ operation: "SendMessageBatch", fault: { kind: "delay", ms: 2_000 } });
    const start = systemClock.monotonic();
    const fates = await Promise.allSettled(Array.from({ length: 200 }, (_, index) => harness.send(String(index))));
    for (const fate of fates) expect(fate).toMatchObject({ reason: expect.any(BrokerUnavailable) });
    expect(systemClock.monotonic() - start).toBeLessThan(1_900); // before the first answer
  });

  test("after an outage everything goes on", async () => {
    await using harness = await sqs(300);
    harness.proxy.on({
      operation: "SendMessageBatch",
      nth: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      fault: INTERNAL_ERROR,
    });
    const lost = await Promise.allSettled([harness.send("lost"), harness.send("lost too")]);
    expect(lost.map(({ status }) => status)).toContain("rejected");
    await expect.poll(() => harness.send("found").then(() => "sent", String), { timeout: 10_000 }).toBe("sent");
  });

  test("a call whose promise was dropped takes no process down", async () => {
    await using broker = closing(new SqsBroker({ endpoint: NOBODY, deadlineMs: 100 }));
    const delivery = { queue: "q", messageId: "m", receipt: "r", body: "", receiveCount: 1, sentAt: 0 };
    void broker.send("q", { body: "x", delaySeconds: 0 });
    void broker.send("q", { body: "x", delaySeconds: -1 });
    void broker.delete(delivery);
    void broker.changeVisibility(delivery, 0);
    await broker.flush();
    await systemClock.sleep(0);
    expect(unhandled).toEqual([]);
  });

  test("missing permission names the action, and is not tried again", async () => {
    await using harness = await sqs();
    harness.proxy.on({ operation: "SendMessageBatch", fault: { kind: "status", status: 403, code: "AccessDenied" } });
    await expect(harness.send("x")).rejects.toThrow(AccessDenied);
    await expect(harness.send("x")).rejects.toThrow(`sqs:SendMessage on queue "${harness.queue}" is not allowed`);
    expect(harness.proxy.count("SendMessageBatch")).toBe(2);
  });

  test("long polls take no socket from deletes", async () => {
    await using harness = await sqs();
    await harness.send("one");
    const [delivery] = await harness.receive();
    const polls = Array.from({ length: 80 }, () => harness.receive(2));
    await harness.broker.delete(delivery as Delivery);
    expect(harness.proxy.count("DeleteMessageBatch")).toBe(1);
    await Promise.all(polls);
  });

  test("close waits for a poll, and what it brought is delivered", async () => {
    const harness = await sqs();
    const polled = harness.receive(5);
    await expect.poll(() => harness.proxy.count("ReceiveMessage")).toBe(1);
    const closed = harness[Symbol.asyncDispose]();
    const other = new SqsBroker({ endpoint: stack.sqsEndpoint });
    await other.send(harness.queue, { body: "just in time", delaySeconds: 0 });
    expect((await polled).map(({ body }) => body)).toEqual(["just in time"]);
    await Promise.all([closed, other.close()]);
  });
});

function closing<T extends { close(): Promise<void> }>(adapter: T): T & AsyncDisposable {
  return Object.assign(adapter, { [Symbol.asyncDispose]: () => adapter.close() });
}

describe("S3", () => {
  const payload = argsPayload("fault", '[["x"],{}]', systemClock.now(), systemClock.now());

  const s3 = (tryMs = 5_000) =>
    behindProxy(stack.s3Endpoint, (endpoint) => new S3PayloadStore({ bucket: BUCKET, app: "faults", endpoint, tryMs }));

  test.each([
    ["throttles", { kind: "status", status: 503, code: "SlowDown" }],
    ["internal errors", INTERNAL_ERROR],
    ["lost requests", { kind: "drop before" }],
    ["lost answers", { kind: "drop after" }],
  ] as const)("%s are tried again", async (_, fault) => {
    await using harness = await s3();
    const { proxy, store } = harness;
    for (const operation of ["PutObject", "GetObject", "DeleteObject"]) proxy.on({ operation, nth: 1, fault });
    await store.put(payload);
    expect(await store.get(payload.ref)).toBe(payload.json);
    await store.delete(payload.ref);
    expect(proxy.requests).toHaveLength(6);
  });

  test("one that does not answer is PayloadStoreUnavailable within its deadline", async () => {
    await using harness = await s3(200);
    const { proxy, store } = harness;
    for (const operation of ["PutObject", "GetObject"]) proxy.on({ operation, fault: { kind: "delay", ms: 60_000 } });
    await expect(store.put(payload)).rejects.toThrow(PayloadStoreUnavailable);
    await expect(store.get(payload.ref)).rejects.toThrow(PayloadStoreUnavailable);
  });

  test("nobody there is PayloadStoreUnavailable, with the endpoint", async () => {
    const store = new S3PayloadStore({ bucket: BUCKET, app: "faults", endpoint: NOBODY, tryMs: 200 });
    await expect(store.put(payload)).rejects.toThrow(
      /PutObject in bucket "conformance" at http:\/\/127.0.0.1:1 failed/,
    );
    await store.close();
  });

  test("a denial is AccessDenied at once, and names what to allow", async () => {
    await using harness = await s3();
    const { proxy, store } = harness;
    proxy.on({ operation: "GetObject", fault: { kind: "status", status: 403, code: "AccessDenied" } });
    const error = await store.get(payload.ref).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(AccessDenied);
    expect(error.message).toContain(`s3:GetObject on "faults/*" in bucket "${BUCKET}" is not allowed`);
    expect(proxy.count("GetObject")).toBe(1);
  });

  test("an object that arrives damaged is not taken for what was sent", async () => {
    await using harness = await s3();
    const { proxy, store } = harness;
    await store.put(payload);
    proxy.on({ operation: "GetObject", fault: { kind: "rewrite", body: (body) => body.replace("x", "y") } });
    await expect(fetchPayload(payload.ref, "the arguments", store)).rejects.toThrow(PayloadLost);
  });
});
