import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError } from "../../lib/errors.ts";
import { decode } from "../../lib/wire/envelope.ts";
import { MAX_INFLATED_BYTES } from "../../lib/wire/payload.ts";

const EMBED = { callbacks: null, errbacks: null, chain: null, chord: null };
/** A name that somebody made up, and what a message says of it. */
const LONG = "l".repeat(100_000);
const SHORTENED = "l".repeat(80);
const base64 = (data: string | Uint8Array) => Buffer.from(data as string).toString("base64");

interface Parts {
  readonly headers?: object;
  readonly content?: unknown;
  readonly message?: object;
  readonly properties?: unknown;
}

/** A message a Python worker would run, with parts of it replaced. */
function message({ headers = {}, content = [[2, 3], {}, EMBED], message = {}, properties = {} }: Parts = {}): string {
  return JSON.stringify({
    body: typeof content === "string" ? content : JSON.stringify(content),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: { task: "add", id: "id-1", ...headers },
    properties,
    ...message,
  });
}

function refusal(body: string): DecodeError {
  try {
    decode(body);
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("decode accepts", () => {
  test("the least that a Python worker runs", () => {
    const body = { body: "[[],{},null]", "content-type": "application/json", headers: { task: "add", id: "id-1" } };
    expect(decode(JSON.stringify(body))).toStrictEqual({
      id: "id-1",
      task: "add",
      args: [],
      kwargs: {},
      rootId: "id-1",
      retries: 0,
      ignoreResult: false,
      lang: "py",
      headers: {},
      link: [],
      linkError: [],
      chain: [],
    });
  });

  test.each<[what: string, body: string]>([
    ["plain JSON", message()],
    ["white space around it", `\n ${message()} \n`],
    ["base64 of the whole", base64(message())],
    ["white space around base64", `\n ${base64(message())} \n`],
    [
      "base64 inside plain",
      message({ content: base64(JSON.stringify([[2, 3], {}, EMBED])), properties: { body_encoding: "base64" } }),
    ],
    ["body_encoding utf-8", message({ properties: { body_encoding: "UTF-8" } })],
    ["no properties", message({ properties: null })],
    ["no content-encoding", message({ message: { "content-encoding": null } })],
    ["a zlib body", compressed(deflateSync(JSON.stringify([[2, 3], {}, EMBED])))],
    ["a body that says zlib", compressed(deflateSync(JSON.stringify([[2, 3], {}, EMBED])), "zlib")],
    ...["utf-8", "UTF-8", "utf8", "us-ascii", "ascii", "binary"].map((name): [string, string] => [
      `content-encoding ${name}`,
      message({ message: { "content-encoding": name } }),
    ]),
    ["a gzip body", compressed(gzipSync(JSON.stringify([[2, 3], {}, EMBED])), "gzip")],
  ])("%s", (_, body) => {
    expect(decode(body)).toMatchObject({ id: "id-1", task: "add", args: [2, 3] });
  });

  test("a task's name and an id of 255 characters", () => {
    const headers = { task: "t".repeat(255), id: "i".repeat(255) };
    expect(decode(message({ headers }))).toMatchObject(headers);
  });

  test("no stamps where Celery writes none", () => {
    expect(decode(message({ headers: { stamps: { tenant: "a" } } })).stamps).toEqual({ tenant: "a" });
    for (const stamps of [{}, null]) expect(decode(message({ headers: { stamps } }))).not.toHaveProperty("stamps");
  });

  test("that a retry had changed the arguments, where it says true", () => {
    expect(decode(message({ headers: { lovage_args_changed: true } })).argsChanged).toBe(true);
    for (const said of [false, 1, "true", null]) {
      expect(decode(message({ headers: { lovage_args_changed: said } }))).not.toHaveProperty("argsChanged");
    }
  });

  test("time limits: [hard, soft], where 0 and null are none", () => {
    expect(decode(message({ headers: { timelimit: [30, 20.5] } }))).toMatchObject({
      timeLimit: 30,
      softTimeLimit: 20.5,
    });
    for (const timelimit of [null, [], [null, null], [0, 0]]) {
      expect(Object.keys(decode(message({ headers: { timelimit } })))).not.toContain("timeLimit");
    }
  });

  test("a single signature, and signatures that name only a task", () => {
    const { link, chain } = decode(
      message({
        content: [[], {}, { callbacks: { task: "a" }, chain: [{ task: "b", chord_size: 2, immutable: true }] }],
      }),
    );
    const defaults = { args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
    expect(link).toEqual([{ task: "a", ...defaults }]);
    expect(chain).toEqual([{ task: "b", ...defaults, chord_size: 2, immutable: true }]);
  });

  test("Celery's typed values, as they are", () => {
    const when = { __type__: "datetime", __value__: "2026-11-21T04:13:11" };
    expect(decode(message({ content: [[when], {}, EMBED] })).args).toEqual([when]);
  });

  test("headers of the caller's own, but none of the protocol's or of a later Lovage", () => {
    const { headers } = decode(
      message({
        headers: { "x-a": { b: [1] }, constructor: "c", replaced_task_nesting: 1, hostname: "h", lovage_next: 1 },
      }),
    );
    expect(headers).toEqual({ "x-a": { b: [1] }, constructor: "c" });
  });
});

function compressed(bytes: Uint8Array, compression = "application/x-gzip"): string {
  return message({ content: base64(bytes), headers: { compression }, properties: { body_encoding: "base64" } });
}

test("no message before it is as good as no such header", () => {
  const decoded = decode(message({ headers: { lovage_hops: 0 } }));
  expect(decoded).not.toHaveProperty("hops");
  expect(decoded).toStrictEqual(decode(message({})));
});

describe("decode refuses, saying why, with id and task", () => {
  test.each<[body: string, problem: string]>([
    [message({ message: { body: null } }), "its body is missing"],
    [message({ message: { body: [1] } }), "its body is an array, not a string"],
    [message({ content: "[[]" }), "its body is not JSON"],
    [message({ content: "[[NaN],{},{}]" }), "its body is not JSON: it holds a bare NaN"],
    [message({ content: {} }), "its body is not an array of args, kwargs and embed"],
    [message({ content: [[], {}] }), "its body is not an array of args, kwargs and embed"],
    [message({ content: [{}, {}, {}] }), "args is an object, not an array"],
    [message({ content: [null, {}, {}] }), "args is null, not an array"],
    [message({ content: [[], [], {}] }), "kwargs is an array, not an object"],
    [message({ content: [[], null, {}] }), "kwargs is null, not an object"],
    [message({ content: [[], {}, 1] }), "embed is a number, not an object"],
    [message({ content: [[], {}, { callbacks: "x" }] }), "callbacks is a string, not an array"],
    [message({ content: [[], {}, { chain: [{ task: "a" }, null] }] }), "chain[1] is null, not a signature"],
    [message({ content: [[], {}, { errbacks: [{}] }] }), "errbacks[0] names no task"],
    [message({ content: [[], {}, { chain: [{ task: "a", args: {} }] }] }), "chain[0].args is an object, not an array"],
    [message({ content: [[], {}, { chain: [{ task: 5 }] }] }), "chain[0].task is a number, not a string"],
    [message({ content: [[], {}, { chain: [{ task: "a", kwargs: [] }] }] }), "chain[0].kwargs is an array, not an"],
    [message({ content: [[], {}, { chain: [{ task: "a", options: 5 }] }] }), "chain[0].options is a number, not an"],
    [message({ content: [[], {}, { chain: [{ task: "a", subtask_type: 5 }] }] }), "chain[0].subtask_type is a number"],
    [message({ content: [[], {}, { chain: [{ task: "a", immutable: 5 }] }] }), "chain[0].immutable is a number"],
    [message({ content: [[], {}, { callbacks: [{ task: "" }] }] }), "callbacks[0].task is not a name of 1 to 255"],
    [message({ content: [[], {}, { callbacks: [{ task: "a\nb" }] }] }), "callbacks[0].task is not a name of 1 to 255"],
    [
      message({ content: [[], {}, { errbacks: [{ task: "a", options: { task_id: "a\nb" } }] }] }),
      "errbacks[0].options.task_id is not a string of 1 to 255 printable ASCII characters",
    ],
    [
      message({ content: [[], {}, { callbacks: [{ task: "a", options: { task_id: 5 } }] }] }),
      "callbacks[0].options.task_id is a number, not a string",
    ],
    [
      message({ content: [[], {}, { callbacks: [{ task: "a", options: { queue: "\ud800" } }] }] }),
      "callbacks[0].options.queue is not a name of 1 to 255",
    ],
    [message({ content: [[], {}, { chord: [] }] }), "chord is an array, not a signature"],
    [message({ content: [[], {}, { chord: {} }] }), "chord names no task"],
    [
      message({ content: [[], {}, { chord: { task: "b", chord_size: 2 } }], headers: { group_index: 2 } }),
      "header group_index is 2, and its group has 2 members",
    ],
    [message({ message: { "content-type": "application/x-python-serialize" } }), 'set task_serializer = "json"'],
    [message({ message: { "content-type": LONG } }), `content-type is "${SHORTENED}"; Lovage takes "application/json"`],
    [message({ message: { "content-type": null } }), "content-type is missing"],
    [message({ message: { "content-type": 5 } }), "content-type is a number, not a string"],
    [message({ message: { "content-encoding": 5 } }), "content-encoding is a number, not a string"],
    [message({ message: { "content-encoding": LONG } }), `content-encoding is "${SHORTENED}", not "utf-8"`],
    [message({ properties: { body_encoding: 5 } }), "properties.body_encoding is a number, not a string"],
    [message({ properties: { body_encoding: LONG } }), `properties.body_encoding is "${SHORTENED}", not "base64"`],
    [message({ headers: { compression: 5 } }), "header compression is a number, not a string"],
    [compressed(new Uint8Array(9), LONG), `compressed with "${SHORTENED}"; Lovage reads zlib only`],
    [message({ message: { "content-encoding": "utf-16" } }), 'content-encoding is "utf-16", not "utf-8"'],
    [message({ properties: [] }), "properties is an array, not an object"],
    [message({ properties: { body_encoding: "rot13" } }), 'properties.body_encoding is "rot13"'],
    [
      message({ content: base64(new Uint8Array([255])), properties: { body_encoding: "base64" } }),
      "its body is not UTF-8",
    ],
    [message({ headers: { compression: "gzip" } }), "its body is compressed, but not base64"],
    [compressed(new Uint8Array(9), "application/x-bz2"), 'compressed with "application/x-bz2"; Lovage reads zlib only'],
    [compressed(new Uint8Array(9)), "its compressed body is damaged (Z_DATA_ERROR)"],
    [compressed(deflateSync("[]").subarray(0, 5)), "its compressed body is damaged (Z_BUF_ERROR)"],
    [
      compressed(deflateSync(Buffer.alloc(MAX_INFLATED_BYTES + 1))),
      `inflates to more than ${MAX_INFLATED_BYTES} bytes`,
    ],
    [message({ headers: { retries: "1" } }), "header retries is a string, not a number"],
    [message({ headers: { retries: -1 } }), "header retries is -1, not a whole number from 0 up"],
    [message({ headers: { retries: 1.5 } }), "header retries is 1.5"],
    [message({ headers: { group_index: 1.5 } }), "header group_index is 1.5"],
    [message({ headers: { lovage_results: 7 } }), "header lovage_results is a number, not an object"],
    [message({ headers: { lovage_results: { size: 1 } } }), "header lovage_results is not a group's id and size"],
    [message({ headers: { lovage_results: { group: "g" } } }), "header lovage_results is not a group's id and size"],
    [message({ headers: { lovage_hops: "1" } }), "header lovage_hops is a string, not a number"],
    [message({ headers: { lovage_hops: -1 } }), "header lovage_hops is -1, not a whole number from 0 up"],
    [message({ headers: { lovage_hops: 0.5 } }), "header lovage_hops is 0.5, not a whole number from 0 up"],
    [message({ headers: { lovage_hops: 2 ** 53 } }), "header lovage_hops is 9007199254740992, not a whole number"],
    [message({ headers: { retries: 2 ** 53 - 1 } }), "header retries is 9007199254740991, not a whole number"],
    [message({ headers: { lovage_resends: "x" } }), "header lovage_resends is a string"],
    [message({ headers: { lovage_resends: 1.5 } }), "header lovage_resends is 1.5, not a whole number from 0 up"],
    [message({ headers: { shadow: 5 } }), "header shadow is a number, not a string"],
    [message({ headers: { eta: 5 } }), "header eta is a number, not a string"],
    [message({ headers: { expires: "tomorrow" } }), "header expires is not a time in ISO 8601"],
    [message({ headers: { timelimit: 5 } }), "header timelimit is a number, not an array"],
    [message({ headers: { timelimit: [5, -1] } }), "header timelimit[1] is -1, not a number from 0 up"],
    [message({ headers: { timelimit: ["5"] } }), "header timelimit[0] is a string, not a number"],
    [message({ headers: { root_id: 5 } }), "header root_id is not a string of 1 to 255 printable ASCII characters"],
    [message({ headers: { parent_id: "é" } }), "header parent_id is not a string"],
    [message({ headers: { group: "" } }), "header group is not a string"],
    [message({ headers: { lang: 1 } }), "header lang is a number, not a string"],
    [message({ headers: { origin: {} } }), "header origin is an object, not a string"],
    [message({ headers: { ignore_result: 1 } }), "header ignore_result is a number, not true or false"],
    [message({ headers: { stamps: [] } }), "header stamps is an array, not an object"],
    [message({ headers: { stamped_headers: "tenant" } }), "header stamped_headers is a string, not an array"],
    [message({ headers: { stamped_headers: [1] } }), "a name in header stamped_headers is a number"],
    [message({ headers: { stamped_headers: [null] } }), "header stamped_headers holds null"],
  ])("%#: %.60s", (body, problem) => {
    const error = refusal(body);
    expect(error.message).toContain(`cannot read the message: `);
    expect(error.message).toContain(problem);
    expect(error).toMatchObject({ code: "LOVAGE_DECODE_ERROR", id: "id-1", task: "add", body });
  });

  test("a body nested too deep", () => {
    const deep = `[[${"[".repeat(100_000)}${"]".repeat(100_000)}],{},{}]`;
    expect(refusal(message({ content: deep })).message).toContain("its body is nested deeper than 512 levels");
  });
});

describe("decode refuses what is no task, with what is known of it", () => {
  test.each<[body: string, problem: string, known?: { id?: string; task?: string }]>([
    ["", "it is not JSON"],
    ["hello there", "it is not JSON"],
    ["null", "it is neither JSON nor base64 of JSON"],
    [base64("hello there"), "it is not JSON"],
    ["[1]", "it is an array, not an object"],
    ['"x"', "it is a string, not an object"],
    ["{}", "it is not a task: it has no header task"],
    ['{"headers":[]}', "headers is an array, not an object"],
    ['{"body":"x","headers":{}}', "it has no header task"],
    ['{"body":"[1]"}', "it has no header task"],
    ['{"Records":[{"eventSource":"aws:s3"}]}', "it has no header task"],
    [message({ headers: { task: 5 } }), "header task is not a string of 1 to 255 characters", { id: "id-1" }],
    [message({ headers: { task: "t".repeat(256) } }), "header task is not a string", { id: "id-1" }],
    [message({ headers: { task: "" } }), "header task is not a string", { id: "id-1" }],
    [message({ headers: { task: "add\nerror: forged" } }), "header task is not a string", { id: "id-1" }],
    [message({ headers: { task: "half \ud800" } }), "header task is not a string", { id: "id-1" }],
    [message({ headers: { task: null } }), "header task is not a string", { id: "id-1" }],
    [message({ headers: { task: ["add"] } }), "header task is not a string", { id: "id-1" }],
    [message({ headers: { id: null } }), "header id is not a string of 1 to 255 printable ASCII", { task: "add" }],
    [message({ headers: { id: "a\nb" } }), "header id is not a string", { task: "add" }],
    [message({ headers: { id: "i".repeat(256) } }), "header id is not a string", { task: "add" }],
    ['{"task":"add","id":"id-1","args":[2,3],"kwargs":{}}', "protocol version 1", { id: "id-1", task: "add" }],
    [version1(), "set task_protocol = 2 in Celery's configuration", { id: "id-1", task: "add" }],
  ])("%#: %.60s", (body, problem, known = {}) => {
    const error = refusal(body);
    expect(error.message).toContain(problem);
    expect(error.id).toBe(known.id);
    expect(error.task).toBe(known.task);
  });
});

function version1(): string {
  const content = base64(JSON.stringify({ task: "add", id: "id-1", args: [2, 3], kwargs: {} }));
  return base64(message({ content, properties: { body_encoding: "base64" }, message: { headers: {} } }));
}

describe("decode of hostile input", () => {
  const unharmed = (body: string) => {
    try {
      decode(body);
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError);
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect({}).not.toHaveProperty("polluted");
  };

  test("never pollutes prototypes", () => {
    const body = message()
      .replace('"headers":{', '"headers":{"__proto__":{"polluted":1},"x-a":{"__proto__":{"polluted":1}},')
      .replace("[[2,3],{}", String.raw`[[2,{\"__proto__\":{\"polluted\":1}}],{\"\\u005f_proto__\":{\"polluted\":1}}`);
    unharmed(body);
    const { args, kwargs, headers } = decode(body);
    expect(args).toEqual([2, {}]);
    expect(Object.getOwnPropertyNames(kwargs)).toEqual([]);
    expect(Object.getOwnPropertyNames(headers)).toEqual(["x-a"]);
    expect(Object.getOwnPropertyNames(headers["x-a"])).toEqual([]);
  });

  test("any text", () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.base64String(), fc.json()), unharmed));
  });

  test("a good message with any value in any place", () => {
    const places = ["headers", "message", "properties"] as const;
    const names = ["task", "id", "root_id", "group", "group_index", "retries", "eta", "expires", "timelimit", "stamps"];
    names.push("stamped_headers", "compression", "lang", "shadow", "body", "content-type", "body_encoding", "headers");
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.constantFrom(...names), fc.jsonValue(), (place, name, value) =>
        unharmed(message({ [place]: { [name]: value } })),
      ),
    );
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) =>
        unharmed(message({ content: [[a], { b }, { chain: a, chord: b }] })),
      ),
    );
  });

  test("a good message cut short or with one character changed", () => {
    const whole = base64(message());
    fc.assert(
      fc.property(fc.nat(whole.length), fc.string({ unit: "binary", maxLength: 1 }), (at, character) => {
        unharmed(whole.slice(0, at));
        unharmed(whole.slice(0, at) + character + whole.slice(at + 1));
      }),
    );
  });

  test.each([
    ["brackets", "[".repeat(1_000_000)],
    ["objects", '{"a":'.repeat(200_000)],
    ["quotes and backslashes", `["${'\\"'.repeat(500_000)}`],
    ["almost base64", `${"A".repeat(1_000_000)}!`],
    ["white space", `${" ".repeat(1_000_000)}x${" ".repeat(1_000_000)}`],
    // A regular expression that goes back and forth would take hours: the suite's own limit is the assertion.
  ])("a megabyte of %s does not take for ever", (_, body) => {
    unharmed(body);
    unharmed(message({ content: body }));
  });
});

test("a queue of a callback that is empty, or no text, is none", () => {
  const callbacks = [
    { task: "a", options: { queue: "" } },
    { task: "b", options: { queue: 5 } },
  ];
  expect(decode(message({ content: [[], {}, { callbacks }] })).link).toHaveLength(2);
});

test("what is wrong is one line, whatever the message holds", () => {
  const body = message({ message: { "content-type": "a\r\n\u001b[2Jb\u2028\ud800" } });
  expect(refusal(body).message).toContain('content-type is "a\\x0d\\x0a\\x1b[2Jb\\u2028\ufffd"; Lovage takes');
});
