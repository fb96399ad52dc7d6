import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { whereIs } from "../../lib/aws/clients.ts";
import { dynamoClients } from "../../lib/aws/dynamo-clients.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { sqsClients } from "../../lib/aws/sqs-clients.ts";
import { InvalidDelay, InvalidOption } from "../../lib/errors.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";

beforeEach(() => {
  for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"])
    vi.stubEnv(name, undefined);
  vi.stubEnv("AWS_CONFIG_FILE", "no-such-file");
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "no-such-file");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "local");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local");
});
afterEach(() => vi.unstubAllEnvs());

test("a client is made at first use, once, and polls have one of their own", () => {
  const clients = sqsClients({ region: "eu-west-1" });
  expect(clients.requests).toBe(clients.requests);
  expect(clients.polls).not.toBe(clients.requests);
  clients.destroy();
});

test("clients say where they send to", async () => {
  const clients = sqsClients({ region: "eu-west-1" });
  expect(await whereIs("SQS", clients.requests)).toBe("SQS in eu-west-1");
  const local = dynamoClients({ region: "eu-west-1", endpoint: "http://127.0.0.1:8000" });
  expect(await whereIs("DynamoDB", local.client)).toBe("http://127.0.0.1:8000");
});

test("a missing region is a clear error", async () => {
  const broker = new SqsBroker({ deadlineMs: 500 });
  await expect(broker.check("q")).rejects.toThrow(InvalidOption);
  await expect(broker.send("q", { body: "x", delaySeconds: 0 })).rejects.toThrow(
    /no AWS region is set; set AWS_REGION/,
  );
  await broker.close();
});

test("AWS_ENDPOINT_URL_SQS is honoured, also for queue URLs whose host does not resolve", async () => {
  await using proxy = await startFaultProxy("http://127.0.0.1:1");
  const url = "http://sqs.eu-west-1.unresolvable.invalid:9/000000000000/q";
  const answer = (body: object) => ({ kind: "answer", body: JSON.stringify(body) }) as const;
  proxy.on({ operation: "GetQueueUrl", fault: answer({ QueueUrl: url }) });
  proxy.on({ operation: "GetQueueAttributes", fault: answer({ Attributes: { ApproximateNumberOfMessages: "7" } }) });
  vi.stubEnv("AWS_ENDPOINT_URL_SQS", proxy.endpoint);
  vi.stubEnv("AWS_REGION", "eu-west-1");
  expect(await whereIs("SQS", sqsClients({}).requests)).toBe(proxy.endpoint);
  const broker = new SqsBroker();
  expect(await broker.depth("q")).toEqual({ visible: 7, inFlight: 0, delayed: 0 });
  expect(await broker.depth("q")).toMatchObject({ visible: 7 });
  expect(proxy.count("GetQueueUrl")).toBe(1);
  await broker.close();
});

test("a visibility SQS cannot keep is refused, not clamped", async () => {
  const broker = new SqsBroker({ region: "eu-west-1" });
  const delivery = { queue: "q", messageId: "m", receipt: "r", body: "", receiveCount: 1, sentAt: 0 };
  for (const seconds of [-1, 0.5, 43_201]) {
    await expect(broker.changeVisibility(delivery, seconds)).rejects.toThrow(InvalidDelay);
  }
  await broker.close();
});
