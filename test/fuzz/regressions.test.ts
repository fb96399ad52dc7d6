// What fuzzing has found, each by a name, so that it stays mended. Messages are in test/unit/wire-decode.test.ts, stored JSON in
// test/unit/store-stored.test.ts, text in test/unit/printable.test.ts.
import { describe, expect, test } from "vitest";
import { failurePage } from "../../lib/aws/failures-index.ts";
import { ATTRIBUTES, type Item, toAttribute, toRecord, toWholeRecord } from "../../lib/aws/record-item.ts";
import { batchCall } from "../../lib/cli/batch-call.ts";
import { failureOf } from "../../lib/cli/failure-outcome.ts";
import { remarkOn } from "../../lib/cli/outcome.ts";
import { Output, table } from "../../lib/cli/output.ts";
import { describe as described } from "../../lib/duration.ts";
import { InvalidEvent, InvalidOption, PayloadLost, RecordUnreadable } from "../../lib/errors.ts";
import { closest } from "../../lib/options.ts";
import { fetchArgs, fetchValue } from "../../lib/payloads.ts";
import { argsPayload } from "../../lib/store/payload.ts";
import { encode } from "../../lib/wire/envelope.ts";
import { createLambdaHandler, type SqsEvent } from "../../lib/worker/lambda.ts";
import { envelopeOf } from "../support/messages.ts";
import { World } from "./world.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const STYLE = { bold: String, dim: String, red: String, green: String };

describe("records that somebody else wrote", () => {
  const whole: Item = { id: { S: "t-1" }, state: { S: "FAILURE" }, attempt: { N: "0" } };

  test.each<[name: string, attribute: Item, problem: string]>([
    ["a failure without a message", { failure: { S: "[]" } }, "attribute failure is not a failure"],
    ["a failure that is no JSON", { failure: { S: "{" } }, "attribute failure is not JSON"],
    ["a failure in another type", { failure: { M: {} } }, "attribute failure is no text"],
    ["a time that no Date holds", { ended_at: { N: "1e300" } }, "attribute ended_at is no time in epoch milliseconds"],
    ["a time that is no number", { started_at: { N: "x" } }, "attribute started_at is no time in epoch milliseconds"],
    ["a time to live that is over all times", { expires_at: { N: "1e300" } }, "expires_at is no time in epoch seconds"],
    ["an empty number", { runs: { N: "" } }, "attribute runs is no whole number from 0"],
    ["a text for a number", { attempt: { S: "0" } }, "attribute attempt is no whole number from 0"],
    ["a text for a flag", { forgotten: { S: "true" } }, "attribute forgotten is neither true nor false"],
    ["a state that does not exist", { state: { S: "DONE\u001b[2J" } }, 'state is "DONE\\u001b[2J", not one of PENDING'],
    ["a revoke nobody knows", { revoke_requested: { S: "now" } }, 'revoke_requested is "now", not one of cooperate'],
    ["a result elsewhere", { result_ref: { S: '{"key":"../x"}' } }, "refers to no results of this app's"],
    ["members of no group", { members: { S: '{"group":7,"size":3}' } }, "attribute members is no group"],
  ])("%s is named", (_name, attribute, problem) => {
    expect(() => toWholeRecord({ ...whole, ...attribute })).toThrow(RecordUnreadable);
    expect(() => toWholeRecord({ ...whole, ...attribute })).toThrow(problem);
  });

  test("one without a state is none, but for the index, which has none", () => {
    expect(() => toWholeRecord({ id: { S: "t-1" } })).toThrow("its attribute state is missing");
    expect(toRecord({ id: { S: "t-1" } })).toMatchObject({ id: "t-1" });
  });

  test("in a list of failures it is listed as unreadable, beside the others", async () => {
    const good = { ...whole, failed_on: { S: "2026-11-21#1" }, ended_at: { N: String(NOW) }, error_type: { S: "E" } };
    const bad = { ...good, id: { S: "t-2" }, redrives: { S: "x" } };
    const client = { send: async () => ({ Items: [good, bad] }) };
    const query = { table: "t", partition: "p", query: {}, now: NOW, after: undefined };
    const { failures } = await failurePage(client as never, query); // a client as far as it is used
    expect(failures.map(({ id, errorType }) => [id, errorType])).toEqual([
      ["t-1", "E"],
      ["t-2", "RecordUnreadable"],
    ]);
  });

  test("a count of redrives is not believed as far as memory goes", async () => {
    const { world, backends } = await opened();
    const body = encode(envelopeOf(), "q");
    world.foreign = () => ({ id: "t-1", state: "FAILURE", attempt: 0, redrives: 2 ** 52, body });
    const { redrivenAs } = await failureOf("t-1", backends, world.app.key);
    expect(redrivenAs).toHaveLength(100);
  });

  test("a result or a report that is no JSON is a typed error", async () => {
    const { world } = await opened();
    world.foreign = () => ({ id: "t-1", state: "SUCCESS", attempt: 0, result: "{", meta: "x" });
    const result = world.app.result("t-1");
    await expect(result.get()).rejects.toThrow(RecordUnreadable);
    await expect(result.info()).rejects.toThrow("its attribute meta is not JSON");
  });

  test.each([
    ["a retry whose eta is before 1970", "retryAt", -1_000, 0],
    ["a result that is to be kept for ever", "resultExpiresAt", NOW + Number.MAX_SAFE_INTEGER * 1_000, 8.64e15],
    ["and its record", "expiresAt", NOW + Number.MAX_SAFE_INTEGER * 1_000, 8.64e15],
  ] as const)("what a task may ask for is written so that it can be read: %s", (_name, field, moment, read) => {
    const item = { ...whole, [ATTRIBUTES[field].name]: toAttribute(field, moment) };
    expect(toWholeRecord(item)[field]).toBe(read);
  });

  test("what toAttribute writes, toWholeRecord reads", () => {
    const failure = { type: "E", message: "m" };
    const item = { ...whole, failure: toAttribute("failure", failure), ended_at: toAttribute("endedAt", NOW) };
    expect(toWholeRecord(item)).toMatchObject({ failure, endedAt: NOW });
  });
});

describe("payloads that are not what a reference promises", () => {
  test.each(["5", "[1]", '{"args":[]}', "["])(
    "arguments that are %s are lost, not a crash of the worker",
    async (json) => {
      const { world } = await opened();
      const payload = argsPayload("t-1", json, NOW, NOW);
      await world.payloads.put(payload);
      await expect(fetchArgs(payload.ref, "the arguments of task t-1", world.payloads)).rejects.toThrow(PayloadLost);
    },
  );

  test("a key __proto__ reaches no task", async () => {
    const { world } = await opened();
    const payload = argsPayload("t-1", '[[{"__proto__":{"admin":true}}],{}]', NOW, NOW);
    await world.payloads.put(payload);
    expect(await fetchValue(payload.ref, "it", world.payloads)).toEqual([[{}], {}]);
  });
});

describe("events that are none of SQS", () => {
  const record = {
    ...{ messageId: "m", receiptHandle: "r", body: "{}", eventSourceARN: "arn:aws:sqs:eu-west-1:1:fuzzed-default" },
    attributes: { ApproximateReceiveCount: "1", SentTimestamp: "0" },
  };

  test.each<[name: string, event: unknown, problem: string]>([
    ["a test event of the console", { key1: "value1" }, "its Records are undefined, not a list"],
    ["null", null, "its Records are undefined"],
    ["Records by inheritance", Object.create({ Records: [] }), "its Records are undefined"],
    ["an event of S3", { Records: [{ eventSource: "aws:s3" }] }, "Records[0] has undefined for messageId"],
    ["a record that is null", { Records: [null] }, "Records[0] has undefined for messageId"],
    ["no id to report", { Records: [{ ...record, messageId: "" }] }, "Records[0] has no messageId"],
    ["a body that is no text", { Records: [{ ...record, body: null }] }, "Records[0] has null for body"],
    ["no attributes", { Records: [{ ...record, attributes: null }] }, "undefined for ApproximateReceiveCount"],
    [
      "a count that is none",
      { Records: [{ ...record, attributes: { ApproximateReceiveCount: "NaN", SentTimestamp: "0" } }] },
      'Records[0] has "NaN" for ApproximateReceiveCount, not a whole number from 1',
    ],
  ])("%s is refused before anything starts", async (_name, event, problem) => {
    const { world } = await opened();
    const handler = createLambdaHandler(world.app);
    const context = { awsRequestId: "r", functionName: "f", getRemainingTimeInMillis: () => 60_000 };
    const refused = handler(event as SqsEvent, context); // anything may come
    await expect(refused).rejects.toThrow(InvalidEvent);
    await expect(refused).rejects.toThrow(problem);
  });
});

describe("names and text from outside", () => {
  test("a name with a line feed is one row of a table", () => {
    const text = table(["task"], [["add\nerror: forged"]], STYLE);
    expect(text.split("\n")).toEqual(["  task", "  add\\x0aerror: forged"]);
  });

  test("a reason that came from a record is shown without its control characters", () => {
    const output = new Output({});
    let said = "";
    output.remark = (text) => {
      said = text(STYLE);
    };
    remarkOn({ info: { id: "t-1", state: "SUCCESS" }, gone: "it lies in \u001b[2J\nerror: x" }, output, undefined);
    expect(said).toBe("note: it lies in \\x1b[2J\n  error: x");
  });

  test("a member called constructor is data", () => {
    expect(described({ constructor: { name: { toString: 1 } } })).toBe("an object");
    expect(() => batchCall('{"args":{"constructor":{"name":{"toString":1}}}}', "add")).toThrow(InvalidOption);
  });

  test("an error does not repeat a megabyte", () => {
    expect(described("x".repeat(1_048_576))).toHaveLength(502 + "… (1048576 characters)".length);
    const line = JSON.stringify({ ["x".repeat(1_048_576)]: 1 });
    expect(() => batchCall(line, "add")).toThrow(/^unknown option "x{500}"… \(1048576 characters\) of a call; known/);
    expect(closest("x".repeat(1_048_576), ["task"])).toBeUndefined();
  });
});

async function opened() {
  const world = new World();
  return { world, backends: await world.app.backends() };
}
