import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SQS } from "../../lib/defaults.ts";
import { InvalidOption, MessageTooLarge } from "../../lib/errors.ts";
import { decode, encode, RESERVED_HEADERS } from "../../lib/wire/envelope.ts";
import { isTaskName } from "../../lib/wire/fields.ts";
import type { JsonObject, JsonValue } from "../../lib/wire/serializer.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";
import { envelopeOf } from "../support/messages.ts";

/** The least an envelope can be. */
const plain = envelopeOf({ id: "0197a3c2-1111-7333-8444-555555555555" });

const onError: WireSignature = {
  task: "on_error",
  args: [],
  kwargs: {},
  options: { task_id: "e-1" },
  subtask_type: null,
  immutable: true,
};

describe("encode", () => {
  test("writes Celery's protocol v2 in plain JSON", () => {
    const message = JSON.parse(encode(plain, "duckling-renders"));
    expect(message).toEqual({
      body: "[[2,3],{},{}]",
      "content-encoding": "utf-8",
      "content-type": "application/json",
      headers: {
        lang: "js",
        task: "add",
        id: plain.id,
        root_id: plain.id,
        parent_id: null,
        group: null,
        retries: 0,
        ignore_result: false,
      },
      properties: {
        correlation_id: plain.id,
        delivery_info: { exchange: "", routing_key: "duckling-renders" },
        delivery_tag: plain.id,
      },
    });
  });

  test("writes the optional fields where Celery keeps them", () => {
    const message = JSON.parse(
      encode(
        {
          ...plain,
          retries: 1,
          parentId: "p-1",
          eta: 1_795_233_555_056,
          timeLimit: 30,
          softTimeLimit: 20,
          linkError: [onError],
          group: "g-1",
          groupIndex: 3,
          headers: { "x-tenant": "acme" },
          resends: 2,
          hops: 7,
        },
        "default",
      ),
    );
    expect(message.headers).toMatchObject({
      eta: "2026-11-21T03:59:15.056000+00:00",
      timelimit: [30, 20],
      group: "g-1",
      group_index: 3,
      retries: 1,
      parent_id: "p-1",
      "x-tenant": "acme",
      lovage_resends: 2,
      lovage_hops: 7,
    });
    expect(JSON.parse(message.body)[2].errbacks).toEqual([onError]);
  });

  test("has the headers that Celery's protocol document requires, and no name that Celery does not write", () => {
    const [{ envelope }] = fixtures.sqs["add(2,3)"] as [Captured];
    const names = Object.keys(JSON.parse(encode(plain, "default")).headers);
    expect(names).toEqual(expect.arrayContaining(["lang", "task", "id", "root_id", "parent_id", "group"]));
    expect(Object.keys(envelope.headers)).toEqual(expect.arrayContaining(names));
  });

  test("says nothing of the line of descent where it begins one", () => {
    expect(encode({ ...plain, hops: 0 }, "default")).toBe(encode(plain, "default"));
    expect(decode(encode({ ...plain, hops: 0 }, "default"))).toEqual(plain);
  });

  test("a plain call is short: its message is escaped, hashed, sent and received", () => {
    expect(encode(plain, "default").length).toBeLessThan(500);
  });

  test("stays ASCII whatever the arguments are", () => {
    const body = encode({ ...plain, args: ["Grüße", "日本", "😀", "\u007f", "\ud800"] }, "default");
    expect(body).toMatch(/^[\x20-\x7e]*$/);
    expect(decode(body).args).toEqual(["Grüße", "日本", "😀", "\u007f", "\ud800"]);
  });

  test("takes exactly 1 MiB and refuses one byte more, with the numbers", () => {
    const room = SQS.maxMessageBytes - encode({ ...plain, args: [""] }, "default").length;
    expect(encode({ ...plain, args: ["x".repeat(room)] }, "default")).toHaveLength(SQS.maxMessageBytes);
    const encodeMore = () => encode({ ...plain, args: ["x".repeat(room + 1)] }, "default");
    expect(encodeMore).toThrow(MessageTooLarge);
    expect(encodeMore).toThrow('the message of task "add" is 1048577 bytes, the limit is 1048576');
  });

  test("counts characters as the bytes they become", () => {
    expect(() => encode({ ...plain, args: ["日".repeat(200_000)] }, "default")).toThrow(MessageTooLarge);
  });

  test("keeps for itself the names of the protocol, and those of what a Celery worker makes of it", () => {
    const protocol = ["lang", "task", "id", "root_id", "parent_id", "group", "group_index", "shadow", "eta", "expires"];
    protocol.push("retries", "timelimit", "argsrepr", "kwargsrepr", "origin", "ignore_result", "replaced_task_nesting");
    protocol.push("stamped_headers", "stamps", "compression");
    // celery/app/task.py, Context: the worker fills it with the headers, and then sets these.
    const context = ["args", "kwargs", "callbacks", "errbacks", "chain", "chord", "properties", "reply_to"];
    context.push("correlation_id", "hostname", "delivery_info", "headers", "is_eager", "called_directly", "children");
    context.push("taskset", "utc", "loglevel", "logfile");
    const ours = ["lovage_hops", "lovage_redriven_from", "lovage_resends", "lovage_args_changed", "lovage_args_ref"];
    ours.push("lovage_results");
    expect([...RESERVED_HEADERS].sort()).toEqual([...protocol, ...context, ...ours].sort());
  });

  test.each([...RESERVED_HEADERS, "lovage_next"])("refuses a header of the caller's named %s", (name) => {
    const refused = () => encode({ ...plain, headers: { [name]: 1 } }, "default");
    expect(refused).toThrow(InvalidOption);
    expect(refused).toThrow(`header "${name}" is reserved by the message format`);
  });

  test("refuses times that no Python worker could read", () => {
    expect(() => encode({ ...plain, eta: Number.NaN }, "default")).toThrow("eta is NaN, not epoch milliseconds");
    expect(() => encode({ ...plain, expires: 1e16 }, "default")).toThrow(InvalidOption);
    expect(() => encode({ ...plain, expires: 1e16 }, "default")).toThrow("expires is 10000000000000000, not epoch");
  });
});

test("the example in docs/wire-format.md is what encode writes", () => {
  const docs = readFileSync(new URL("../../docs/wire-format.md", import.meta.url), "utf8");
  const example = /```json\n([^`]+)```/.exec(docs)?.[1] ?? "";
  const envelope = decode(example);
  expect(JSON.parse(encode(envelope, "duckling-default"))).toEqual(JSON.parse(example));
  expect(envelope).toMatchObject({ task: "tweet", args: ["hello", { to: "Zoë" }], headers: { "x-tenant": "acme" } });
});

describe("decode of encode is the same envelope", () => {
  const id = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 255 });
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 100 }).filter(isTaskName);
  const json = fc.jsonValue({ noUnicodeString: false, maxDepth: 4 }).map(tidy);
  const object = fc.dictionary(fc.string().filter(isSafeKey), json).map((value) => ({ ...value }) as JsonObject);
  const ownHeaders = object.map(
    (value) => Object.fromEntries(Object.entries(value).filter(([key]) => !RESERVED_HEADERS.has(key))) as JsonObject,
  );
  const moment = fc.integer({ min: 0, max: 253_402_300_799_999 });
  const seconds = fc.oneof(fc.integer({ min: 1, max: 40_000 }), fc.constantFrom(0.5, 1.25));
  const signature: fc.Arbitrary<WireSignature> = fc.record(
    {
      task: name,
      args: fc.array(json, { maxLength: 3 }),
      kwargs: object,
      options: object,
      subtask_type: fc.constantFrom(null, "chain", "group", "chord"),
      immutable: fc.boolean(),
    },
    { noNullPrototype: true },
  );
  const signatures = fc.array(signature, { maxLength: 3 });
  const anyEnvelope = fc.record(
    {
      id,
      task: name,
      args: fc.array(json),
      kwargs: object,
      rootId: id,
      retries: fc.nat(),
      ignoreResult: fc.boolean(),
      lang: fc.constantFrom("js", "py"),
      headers: ownHeaders,
      link: signatures,
      linkError: signatures,
      chain: signatures,
      parentId: id,
      eta: moment,
      expires: moment,
      timeLimit: seconds,
      softTimeLimit: seconds,
      origin: fc.string(),
      chord: signature.map((value) => value as unknown as JsonObject),
      group: id,
      groupIndex: fc.nat(),
      shadow: fc.string(),
      stamps: object.filter((value) => Object.keys(value).length > 0),
      stampedHeaders: fc.array(fc.string()),
      resends: fc.nat(),
      hops: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1 }),
      results: fc.tuple(fc.uuid(), fc.nat()).map(([group, size]) => ({ group, size })),
      argsChanged: fc.constant(true),
    },
    {
      noNullPrototype: true,
      requiredKeys: [
        ...(["id", "task", "args", "kwargs", "rootId", "retries", "ignoreResult"] as const),
        ...(["lang", "headers", "link", "linkError", "chain"] as const),
      ],
    },
  );

  test("for every envelope, as plain text and in base64", () => {
    fc.assert(
      fc.property(anyEnvelope, (envelope) => {
        const body = encode(envelope, "default");
        expect(Buffer.byteLength(body)).toBe(body.length);
        expect(decode(body)).toStrictEqual(envelope);
        expect(decode(Buffer.from(body).toString("base64"))).toStrictEqual(envelope);
        expect(encode(decode(body), "default")).toBe(body);
      }),
    );
  });
});

function isSafeKey(key: string): boolean {
  return key !== "__proto__" && !key.startsWith("lovage_");
}

/** JSON without -0, without __proto__ keys, of ordinary objects. */
function tidy(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value), function (this: object, key, inner) {
    return key === "__proto__" ? undefined : inner;
  });
}

interface Captured {
  readonly MessageBody: string;
  readonly envelope: { readonly headers: JsonObject; readonly properties: JsonObject };
  readonly body: readonly [JsonValue[], JsonObject, Readonly<Record<string, WireSignature[] & JsonObject>>] | string;
}
const fixtures: { readonly sqs: Readonly<Record<string, readonly Captured[]>> } = JSON.parse(
  readFileSync(new URL("../fixtures/celery_wire_fixtures.json", import.meta.url), "utf8"),
);
const captured = Object.entries(fixtures.sqs).flatMap(([name, messages]) =>
  messages.map((message, i) => ({ name: `${name}, message ${i}`, ...message })),
);

describe("decode reads what Celery 5.6 sent through SQS", () => {
  test("all captured messages are here", () => {
    expect(captured).toHaveLength(15);
  });

  test.each(captured)("$name", ({ MessageBody, envelope: { headers }, body }) => {
    const envelope = decode(MessageBody);
    // The compressed message was captured from add(2, 3).
    const [args, kwargs, embed] = typeof body === "string" ? [[2, 3], {}, {} as Record<string, undefined>] : body;
    expect(envelope.args).toEqual(args);
    expect(envelope.kwargs).toEqual(kwargs);
    expect(envelope.link).toEqual(embed.callbacks ?? []);
    expect(envelope.linkError).toEqual(embed.errbacks ?? []);
    expect(envelope.chain).toEqual(embed.chain ?? []);
    expect(envelope.chord ?? null).toEqual(embed.chord ?? null);
    const [timeLimit, softTimeLimit] = headers.timelimit as (number | null)[];
    expect({
      lang: envelope.lang,
      task: envelope.task,
      id: envelope.id,
      root_id: envelope.rootId,
      parent_id: envelope.parentId ?? null,
      group: envelope.group ?? null,
      group_index: envelope.groupIndex ?? null,
      retries: envelope.retries,
      origin: envelope.origin,
      ignore_result: envelope.ignoreResult,
      shadow: envelope.shadow ?? null,
      stamped_headers: envelope.stampedHeaders ?? null,
      stamps: envelope.stamps ?? {},
    }).toEqual(Object.fromEntries(Object.entries(headers).filter(([name]) => COMPARED.has(name))));
    expect([envelope.timeLimit ?? null, envelope.softTimeLimit ?? null]).toEqual([timeLimit, softTimeLimit]);
    for (const name of ["eta", "expires"] as const) {
      const text = headers[name] as string | null;
      expect(envelope[name] ?? null).toBe(text === null ? null : Date.parse(text));
    }
    expect(envelope.headers).toEqual("x-foo" in headers ? { "x-foo": "bar" } : {});
    expect(envelope).not.toHaveProperty("resends");
  });

  test.each(captured)("$name, sent on by us, is the same", ({ MessageBody }) => {
    const envelope = decode(MessageBody);
    expect(decode(encode(envelope, "default"))).toStrictEqual(envelope);
  });
});

const COMPARED = new Set([
  ...["lang", "task", "id", "root_id", "parent_id", "group", "group_index", "retries", "origin", "ignore_result"],
  ...["shadow", "stamped_headers", "stamps"],
]);
