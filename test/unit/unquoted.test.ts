// What a schema says of a value, without the value.
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { InvalidArguments } from "../../lib/errors.ts";
import { checkArgs, type StandardSchemaV1 } from "../../lib/schema.ts";
import { unquoted } from "../../lib/unquoted.ts";

const SECRET = 'hunter2 "and more"\n\\';
const NUMBER = 4_111_111_111_111_111;

describe.each([
  ["a string", SECRET],
  ["a number", NUMBER],
  ["an array", [SECRET, NUMBER]],
  ["an object", { password: SECRET, inner: { card: NUMBER } }],
])("%s that is refused", (_kind, value) => {
  test.each([
    ["valibot, a picklist", v.picklist(["x", "y"])],
    ["valibot, an e-mail address", v.pipe(v.string(), v.email())],
    ["valibot, nothing", v.never()],
    ["arktype, literals", type("'x'|'y'")],
    ["arktype, an e-mail address", type("string.email")],
    ["arktype, a part", type({ password: "string.email" })],
    ["zod, an enum", z.enum(["x", "y"])],
    ["zod, an e-mail address", z.email()],
    ["zod, an object without keys", z.strictObject({})],
  ])("%s", (_library, schema) => {
    const answer = schema["~standard"].validate(value);
    if ("then" in answer || answer.issues === undefined) throw new Error("it was not refused");
    const messages = answer.issues.map(({ message }) => unquoted(message, value)).join("\n");
    expect(messages).not.toBe("");
    expect(messages).not.toContain("hunter2");
    expect(messages).not.toContain("and more");
    expect(messages).not.toContain(String(NUMBER));
  });
});

test("what a schema asks for stays", () => {
  expect(unquoted('Invalid type: Expected number but received "hunter2"', "hunter2")).toBe(
    "Invalid type: Expected number but received …",
  );
  expect(unquoted("must be at least 18 (was 5.5)", 5.5)).toBe("must be at least 18 (was …)");
  expect(unquoted("must be at most 100 (was 1e+25)", 1e25)).toBe("must be at most 100 (was …)");
  expect(unquoted("must be an integer (was 12)", 12n)).toBe("must be an integer (was …)");
});

test("a short word is removed where it is quoted, and is no reason to garble the rest", () => {
  expect(unquoted('must be a date (was "at")', "at")).toBe("must be a date (was …)");
  expect(unquoted("must be a date", "")).toBe("must be a date");
});

test("one part inside another: the whole is removed", () => {
  expect(unquoted("was hunter2-and-more", ["hunter2", "hunter2-and-more"])).toBe("was …");
});

test("a value that holds itself", () => {
  const value: Record<string, unknown> = { password: "hunter2" };
  value.self = value;
  expect(unquoted("was hunter2", value)).toBe("was …");
});

test("a message that is very long is not looked through", () => {
  const value = Array.from({ length: 1_000 }, (_, n) => `hunter2-${n}`);
  const message = unquoted(`was ${JSON.stringify(value)}`, value);
  expect(message).not.toContain("hunter2");
  expect(message).toMatch(/^it does not fit; .* \d+ characters long/);
});

describe("a value with tens of thousands of parts", () => {
  test("is not looked for, and not quoted", () => {
    const message = unquoted('Expected number but received "word7"', words(30_000));
    expect(message).not.toContain("word7");
    expect(message).toMatch(/^it does not fit; it is too large/);
  });

  test.each([
    ["valibot", v.array(v.number())],
    ["zod", z.array(z.number())],
  ])("%s: the first 50 of its problems are told, and how many there are", (_library, schema) => {
    const { issues, message } = refusal(schema, words(20_000));
    expect(issues).toHaveLength(51);
    expect(issues[49]?.path).toBe("args[0][49]");
    expect(issues[50]).toEqual({ path: "args[0]", message: "and 19950 problems more" });
    expect(message.length).toBeLessThan(10_000);
  });
});

test("a value is looked through once, however many problems it has", () => {
  let looked = 0;
  const value = {
    get word() {
      looked++;
      return "word";
    },
  };
  const schema: StandardSchemaV1 = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: () => ({ issues: words(1_000).map((message) => ({ message })) }),
    },
  };
  expect(refusal(schema, value).issues).toHaveLength(51);
  expect(looked).toBe(1);
});

const words = (count: number) => Array.from({ length: count }, (_, n) => `word${n}`);

function refusal(schema: StandardSchemaV1, value: unknown): InvalidArguments {
  try {
    checkArgs("t", { args: [schema] }, [value]);
  } catch (error) {
    if (error instanceof InvalidArguments) return error;
    throw error;
  }
  throw new Error("it was not refused");
}
