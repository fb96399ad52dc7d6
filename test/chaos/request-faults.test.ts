// What the proxies do to a request, and what they say of it: the checker's explanations are no better than this.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { type Asked, startFaultProxy } from "../support/fault-proxy.ts";
import type { FaultLine } from "./lines.ts";
import { withoutOne } from "./partial.ts";
import { REQUEST_FAULTS, RequestFaults } from "./request-faults.ts";
import { RequestIds } from "./request-ids.ts";

const ID = "01a1ff5e-5f92-7492-8946-f47910dfcc2e";
const OTHER = "763e48b4-80f8-8631-821a-0b408fccf9fd";
const asked = (operation: string, body: object, path = "/"): Asked => ({
  operation,
  path,
  body: JSON.stringify(body),
});
const message = (id: string) => JSON.stringify({ body: "[[],{},{}]", headers: { task: "io", id, root_id: OTHER } });

it("knows which tasks a request is about", () => {
  const ids = new RequestIds();
  const received = { Messages: [{ ReceiptHandle: "r1", Body: message(ID) }] };

  expect(ids.received(JSON.stringify(received))).toEqual([ID]);
  expect(ids.of(asked("DeleteMessageBatch", { Entries: [{ Id: "0", ReceiptHandle: "r1" }] }))).toEqual([ID]);
  expect(ids.of(asked("ChangeMessageVisibility", { ReceiptHandle: "unknown" }))).toEqual([]);
  expect(ids.of(asked("SendMessageBatch", { Entries: [{ Id: "0", MessageBody: message(ID) }] }))).toEqual([ID]);
  expect(ids.of(asked("UpdateItem", { Key: { id: { S: "chosen-7" } } }))).toEqual(["chosen-7"]);
  const Statements = [{ Parameters: [{ S: "SUCCESS" }, { N: "1" }, { S: ID }, { S: "a token" }] }];
  expect(ids.of(asked("BatchExecuteStatement", { Statements }))).toEqual([ID]);
  expect(ids.of({ operation: "GetObject", path: `/bucket/chaos/16d/args/${ID}.abc`, body: "" })).toEqual([ID]);
});

it("leaves one entry of a batch out, and says so in the answer", () => {
  const Entries = [{ Id: "0" }, { Id: "1" }, { Id: "2" }];
  const fault = withoutOne(asked("DeleteMessageBatch", { Entries }), 0.5);
  if (fault?.kind !== "rewrite") throw new Error("it is no rewrite");

  expect(JSON.parse(fault.ask?.(JSON.stringify({ Entries })) ?? "")).toEqual({ Entries: [{ Id: "0" }, { Id: "2" }] });
  const answer = JSON.parse(fault.body?.(JSON.stringify({ Successful: [{ Id: "0" }, { Id: "2" }] })) ?? "");
  expect(answer).toMatchObject({ Successful: [{ Id: "0" }, { Id: "2" }], Failed: [{ Id: "1", SenderFault: false }] });
});

it("leaves one statement of a batch out, in its place", () => {
  const Statements = [{ Statement: "a" }, { Statement: "b" }];
  const fault = withoutOne(asked("BatchExecuteStatement", { Statements }), 0);
  if (fault?.kind !== "rewrite") throw new Error("it is no rewrite");

  expect(JSON.parse(fault.ask?.(JSON.stringify({ Statements })) ?? "")).toEqual({ Statements: [{ Statement: "b" }] });
  expect(JSON.parse(fault.body?.(JSON.stringify({ Responses: [{}] })) ?? "")).toMatchObject({
    Responses: [{ Error: { Code: "ThrottlingError" } }, {}],
  });
  expect(withoutOne(asked("BatchExecuteStatement", { Statements: [{}] }), 0)).toBeUndefined();
  expect(withoutOne(asked("UpdateItem", {}), 0)).toBeUndefined();
});

async function target(answer: (heard: string) => Promise<string> | string) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
    response.end(await answer(Buffer.concat(chunks).toString()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  return { endpoint: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => void server.close() };
}

const post = (endpoint: string, operation: string, body: object) =>
  fetch(endpoint, {
    method: "POST",
    headers: { "x-amz-target": `X.${operation}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  }).then((response) => response.text());

it("says of every answer that did not reach who asked that it did not", async () => {
  const waiting = Promise.withResolvers<string>();
  await using service = await target(() => waiting.promise);
  const unanswered: string[] = [];
  const heard = Promise.withResolvers<void>();
  await using proxy = await startFaultProxy(service.endpoint, {
    choose: () => void heard.resolve(),
    unanswered: ({ operation }) => unanswered.push(operation),
  });
  const asking = post(proxy.endpoint, "UpdateItem", {}).catch(() => "no answer");
  await heard.promise;
  proxy.cutOff();

  expect(await asking).toBe("no answer");
  expect(unanswered).toEqual([]);
  waiting.resolve("done");
  await expect.poll(() => unanswered).toEqual(["UpdateItem"]);
});

it("does each of the things it can do in turn, and names the task each time", async () => {
  const told: FaultLine[] = [];
  await using service = await target(() => JSON.stringify({ Successful: [] }));
  await using faults = await RequestFaults.start({
    ...{ service: "sqs", target: service.endpoint, seed: 1, rate: 1 },
    tell: (line) => told.push(line),
  });
  const Entries = [
    { Id: "0", MessageBody: message(ID) },
    { Id: "1", MessageBody: message(OTHER) },
  ];
  const asking = REQUEST_FAULTS.map(() => post(faults.endpoint, "SendMessageBatch", { Entries }).catch(() => ""));
  await expect.poll(() => told.length).toBe(REQUEST_FAULTS.length);
  faults.calm();

  expect(told.map(({ kind }) => kind).sort()).toEqual([...REQUEST_FAULTS].sort());
  for (const { ids } of told) expect(ids).toEqual([ID, OTHER]);
  expect(told.length).toBe(REQUEST_FAULTS.length);
  await Promise.race(asking); // one of them has its answer, or has none, by now
});

it("hears nobody during an outage, and tells whom it did not hear", async () => {
  const told: FaultLine[] = [];
  let heard = 0;
  await using service = await target(() => String(++heard));
  await using faults = await RequestFaults.start({
    ...{ service: "dynamodb", target: service.endpoint, seed: 1, rate: 0 },
    tell: (line) => told.push(line),
  });
  faults.outage(60_000);
  await post(faults.endpoint, "UpdateItem", { Key: { id: { S: ID } } }).catch(() => "");

  expect(heard).toBe(0);
  expect(told).toMatchObject([
    { kind: "outage_dynamodb", service: "dynamodb" },
    { kind: "refused", operation: "UpdateItem", ids: [ID] },
  ]);
});
