// A record that cannot be read, through the whole store: no outage, which would be waited out, and no write that is made again.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { requestRevoke } from "../../lib/core/changes.ts";
import { RecordUnreadable, StoreUnavailable } from "../../lib/errors.ts";

const BROKEN = { id: { S: "t-1" }, state: { S: "DONE" }, attempt: { N: "0" } };

/** A table that answers every request so. */
async function tableThatAnswers(status: number, body: object): Promise<DynamoResultStore> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
    response.end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", `http://127.0.0.1:${(server.address() as AddressInfo).port}`); // it listens to a port
  vi.stubEnv("AWS_REGION", "eu-west-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "none");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "none");
  const store = new DynamoResultStore({ table: "t" });
  closing.push(() => store.close());
  return store;
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  vi.unstubAllEnvs();
});

const why = async (call: Promise<unknown>) => call.catch((error: unknown) => error);

test("it is read", async () => {
  const store = await tableThatAnswers(200, { Item: BROKEN });
  const error = await why(store.read("t-1"));
  expect(error).not.toBeInstanceOf(StoreUnavailable);
  expect(error).toBeInstanceOf(RecordUnreadable);
  expect(error).toMatchObject({ message: expect.stringContaining('its attribute state is "DONE"') });
});

test("a change is applied to it", async () => {
  const store = await tableThatAnswers(200, { Attributes: BROKEN });
  expect(await why(store.write(requestRevoke("t-1", "cooperate")))).toBeInstanceOf(RecordUnreadable);
});

test("it refuses a change", async () => {
  const refusal = { __type: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", Item: BROKEN };
  const store = await tableThatAnswers(400, refusal);
  expect(await why(store.write(requestRevoke("t-1", "cooperate")))).toBeInstanceOf(RecordUnreadable);
});
