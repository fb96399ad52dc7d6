// Queue URLs by configuration (LOVAGE_QUEUE_URL_BASE), in requests: SQS is not asked for them. They are names and no addresses, so
// the endpoint is whatever the SDK was told.
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { createApp } from "../../lib/app.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { InvalidOption, QueueNotFound } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { behindProxy, startTestStack, type TestStack } from "../support/aws.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";

const BASE = "https://sqs.us-east-1.amazonaws.com/000000000000";

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack.stop());
afterEach(() => vi.unstubAllEnvs());

const brokers = (queueUrlBase?: string) =>
  behindProxy(
    stack.sqsEndpoint,
    (endpoint) => new SqsBroker({ endpoint, ...(queueUrlBase !== undefined && { queueUrlBase }) }),
  );

test.each([
  ["without a base SQS is asked, once for each queue", undefined, 1],
  ["with one it is not", BASE, 0],
])("%s", async (_, base, asked) => {
  const { queue } = await stack.newQueue();
  await using it = await brokers(base);
  const { proxy, store: broker } = it;
  await broker.send(queue, { body: "hello", delaySeconds: 0 });
  const [delivery] = await broker.receive(queue, { max: 1, waitSeconds: 1, visibilitySeconds: 30 });
  expect(delivery?.body).toBe("hello");
  if (delivery) await broker.delete(delivery);
  expect(await broker.depth(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  const operations = ["GetQueueUrl", "SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "GetQueueAttributes"];
  expect(operations.map((operation) => proxy.count(operation))).toEqual([asked, 1, 1, 1, 1]);
});

test("a queue that does not exist is named all the same", async () => {
  await using it = await brokers(BASE);
  await expect(it.store.send("nowhere", { body: "x", delaySeconds: 0 })).rejects.toThrow(QueueNotFound);
  await expect(it.store.check("nowhere")).rejects.toThrow('queue "nowhere" does not exist');
});

test.each([undefined, BASE])(
  "nothing is kept for queues that do not exist: messages may name any (base %s)",
  async (base) => {
    await using it = await brokers(base);
    const { queue } = await stack.newQueue();
    for (const name of ["nowhere-1", "nowhere-2", queue])
      await it.store.send(name, { body: "x", delaySeconds: 0 }).catch(() => {});
    expect(it.store.known).toEqual([queue]);
  },
);

test("an app takes it from the environment: a call is one request", async () => {
  await using proxy = await startFaultProxy(stack.sqsEndpoint);
  await stack.createQueues([
    { name: "by-url-default", deadLetter: "by-url-default-dead", visibilitySeconds: 30, maxReceiveCount: 3 },
  ]);
  vi.stubEnv("LOVAGE_QUEUE_URL_BASE", BASE);
  vi.stubEnv("AWS_ENDPOINT_URL_SQS", proxy.endpoint);
  await using app = createApp("by-url", { logger: silentLogger });
  await app.task("add", (x: number, y: number) => x + y).delay(1, 2);
  expect(proxy.requests.map(({ target }) => target)).toEqual(["SendMessageBatch"]);
});

test("a local stack is not led astray by the one of a deployment", async () => {
  vi.stubEnv("LOVAGE_QUEUE_URL_BASE", "https://sqs.eu-west-1.amazonaws.com/123456789012");
  for (const [name, value] of Object.entries(stack.environment)) vi.stubEnv(name, value);
  await stack.createQueues([
    { name: "local-default", deadLetter: "local-default-dead", visibilitySeconds: 30, maxReceiveCount: 3 },
  ]);
  await using app = createApp("local", { logger: silentLogger });
  await app.task("add", (x: number, y: number) => x + y).delay(1, 2);
  expect((await (await app.backends()).broker.depth("local-default")).visible).toBe(1);
});

test("a value that cannot be one is refused by every call, and named", async () => {
  vi.stubEnv("LOVAGE_QUEUE_URL_BASE", "https://sqs.eu-west-1.amazonaws.com");
  await using app = createApp("by-url", { logger: silentLogger });
  const refused = app.task("add", () => {}).delay();
  await expect(refused).rejects.toThrow(InvalidOption);
  await expect(refused).rejects.toThrow('LOVAGE_QUEUE_URL_BASE is "https://sqs.eu-west-1.amazonaws.com"');
});
