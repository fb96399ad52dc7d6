import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FAILURE_LIMITS } from "../../lib/defaults.ts";
import { DeadLettered } from "../../lib/errors.ts";
import type { Failure } from "../../lib/store/record.ts";
import { NON_ERROR, toError, toFailure } from "../../lib/wire/failure.ts";

class PlainSubclass extends Error {}
class NamedSubclass extends Error {
  override readonly name = "Chosen";
}
class TypeSubclass extends TypeError {}

const thrower = () => {
  throw new Error("trap");
};
const hostileProxy = (target: object) =>
  new Proxy(target, {
    get: thrower,
    has: thrower,
    getPrototypeOf: thrower,
    ownKeys: thrower,
    getOwnPropertyDescriptor: thrower,
  });

function hostileError(): Error {
  const error = new Error("x");
  for (const key of ["name", "message", "stack", "code", "cause", "errors", "constructor"]) {
    Object.defineProperty(error, key, { get: thrower });
  }
  return error;
}

function renamed(error: Error, name: unknown): Error {
  return Object.assign(error, { name });
}

describe("toFailure names the error", () => {
  test.each<[error: unknown, type: string]>([
    [new Error("x"), "Error"],
    [new RangeError("x"), "RangeError"],
    [new PlainSubclass("x"), "PlainSubclass"],
    [new NamedSubclass("x"), "Chosen"],
    [new TypeSubclass("x"), "TypeSubclass"],
    [new DeadLettered("x"), "DeadLettered"],
    [new DOMException("x", "AbortError"), "AbortError"],
    [renamed(new Error("x"), "TypeError"), "TypeError"],
    [renamed(new PlainSubclass("x"), ""), "PlainSubclass"],
    [renamed(new Error("x"), 7), "Error"],
    [new (class extends Error {})("x"), "Error"],
    [Object.assign(new Error("x"), { constructor: undefined, name: "" }), "Error"],
    [Object.assign(new Error("x"), { name: "N".repeat(1_000) }), `${"N".repeat(254)}…`],
  ])("%o", (error, type) => {
    expect(toFailure(error).type).toBe(type);
  });
});

describe("toFailure keeps what helps", () => {
  test("message, stack and code", () => {
    const error = Object.assign(new Error("no such file"), { code: "ENOENT" });
    expect(toFailure(error)).toEqual({ type: "Error", message: "no such file", code: "ENOENT", stack: error.stack });
  });

  test.each<[code: unknown, kept: unknown]>([
    [404, 404],
    ["", undefined],
    [Number.NaN, undefined],
    [{ a: 1 }, undefined],
  ])("code %o as %o", (code, kept) => {
    expect(toFailure(Object.assign(new Error("x"), { code })).code).toBe(kept);
  });

  test("a message that is no string, and none", () => {
    expect(toFailure(Object.assign(new Error("x"), { message: { a: 1 } })).message).toBe("{ a: 1 }");
    expect(toFailure(Object.assign(new Error("x"), { message: undefined })).message).toBe("");
  });

  test("no stack", () => {
    for (const stack of [undefined, "", 7])
      expect(toFailure(Object.assign(new Error("x"), { stack }))).not.toHaveProperty("stack");
  });

  test("causes, as many as the limit allows", () => {
    let error = new Error("0");
    for (let i = 1; i < 20; i++) error = new Error(`${i}`, { cause: error });
    let links = 0;
    for (let at: Failure | undefined = toFailure(error).cause; at !== undefined; at = at.cause) links++;
    expect(links).toBe(FAILURE_LIMITS.causes);
  });

  test("causes that run in a circle, once", () => {
    const one = new Error("one");
    const two = new Error("two", { cause: one });
    one.cause = two;
    expect(toFailure(one)).toMatchObject({ message: "one", cause: { message: "two" } });
    expect(toFailure(one).cause).not.toHaveProperty("cause");
  });

  test("a cause that is no error", () => {
    expect(toFailure(new Error("x", { cause: "why" })).cause).toEqual({
      type: NON_ERROR,
      message: "thrown, but not an Error: 'why'",
    });
    expect(toFailure(new Error("x", { cause: null }))).not.toHaveProperty("cause");
  });

  test("the errors inside an AggregateError", () => {
    const failure = toFailure(new AggregateError([new TypeError("a"), "b", new Error("c")], "all failed"));
    expect(failure).toMatchObject({ type: "AggregateError", message: "all failed (TypeError: a; Error: c)" });
    expect(failure.cause).toMatchObject({ type: "TypeError", message: "a" });
    expect(toFailure(new AggregateError([new Error("a")])).message).toBe("(Error: a)");
    const many = Array.from({ length: 20 }, (_, i) => new Error(`${i}`));
    expect(toFailure(new AggregateError(many)).message).toBe("(Error: 0; Error: 1; Error: 2)");
  });
});

describe("toFailure stays within its limits", () => {
  test("a long message", () => {
    const { message } = toFailure(new Error("m".repeat(100_000)));
    expect(message).toHaveLength(FAILURE_LIMITS.message);
    expect(message.endsWith("m…")).toBe(true);
  });

  test("a message as long as the limit is whole", () => {
    const message = "m".repeat(FAILURE_LIMITS.message);
    expect(toFailure(new Error(message)).message).toBe(message);
  });

  test("a stack as long as the limit is whole, however long its message", () => {
    const message = "m".repeat(FAILURE_LIMITS.message + 1_000);
    const frames = "\n    at f (file.ts:1:1)";
    const stack = `Error: ${message}${frames}`.padEnd(FAILURE_LIMITS.stack, "f");
    expect(toFailure(Object.assign(new Error(message), { stack })).stack).toBe(stack);
  });

  test("of a stack too long, a first line as long as the limit of a message is whole", () => {
    const first = "Error: ".padEnd(FAILURE_LIMITS.message, "m");
    const stack = first + "\n    at f (file.ts:1:1)".repeat(5_000);
    expect(toFailure(Object.assign(new Error("x"), { stack })).stack).toMatch(new RegExp(`^${first}\n    at f`));
  });

  test("a long message leaves the frames of the stack", () => {
    const { stack } = toFailure(new Error("m".repeat(100_000)));
    expect(stack).toContain("\n    at ");
    expect(stack?.length).toBeLessThanOrEqual(FAILURE_LIMITS.stack);
  });

  test("a long stack loses its end", () => {
    const frames = "\n    at f (file.ts:1:1)".repeat(5_000);
    const { stack } = toFailure(Object.assign(new Error("x"), { stack: `Error: x${frames}` }));
    expect(stack).toHaveLength(FAILURE_LIMITS.stack);
    expect(stack?.startsWith("Error: x\n    at f")).toBe(true);
    expect(toFailure(Object.assign(new Error("x"), { stack: "s".repeat(50_000) })).stack).toHaveLength(
      FAILURE_LIMITS.stack,
    );
  });

  test("no half characters, which DynamoDB cannot hold", () => {
    expect(toFailure(new Error(`${"m".repeat(FAILURE_LIMITS.message - 2)}😀😀`)).message).toMatch(/m…$/);
    expect(toFailure(new Error(`😀${"m".repeat(FAILURE_LIMITS.message)}`)).message).toMatch(/^😀m+…$/);
    expect(toFailure(new Error("\ud800")).message).toBe("\ufffd");
  });
});

describe("toFailure survives whatever is thrown", () => {
  test.each<[what: string, value: unknown, message: string]>([
    ["a string", "boom", "'boom'"],
    ["null", null, "null"],
    ["undefined", undefined, "undefined"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["a plain object", { status: 500 }, "{ status: 500 }"],
    [
      "an object with a throwing getter",
      {
        get a() {
          return thrower();
        },
      },
      "{ a: [Getter] }",
    ],
    ["an object nested deeply", { a: { b: { c: { d: 1 } } } }, "{ a: { b: { c: [Object] } } }"],
    ["a long string", "s".repeat(1_234), `'${"s".repeat(1_000)}'... 234 more characters`],
    ["what would not fit a line", { a: "a".repeat(100), b: 1 }, `{ a: '${"a".repeat(100)}', b: 1 }`],
    ["a Proxy of an object that throws", hostileProxy({ a: 1 }), "{ a: 1 }"],
  ])("%s", (_, value, message) => {
    expect(toFailure(value)).toEqual({ type: NON_ERROR, message: `thrown, but not an Error: ${message}` });
  });

  test("a long list, in part", () => {
    expect(toFailure(Array(30).fill(7)).message).toMatch(/(7,\s+){20}\.\.\. 10 more items/);
  });

  test("an object with a view of its own, which is not asked for it", () => {
    const { message } = toFailure({ [inspect.custom]: () => "told", a: 1 });
    expect(message).toContain("{ a: 1,");
    expect(message).not.toContain("told");
  });

  test("a revoked Proxy", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(toFailure(proxy).type).toBe(NON_ERROR);
  });

  test("a Proxy of an error", () => {
    expect(toFailure(hostileProxy(new Error("x"))).type).toBe(NON_ERROR);
    expect(toFailure(new Proxy(new Error("x"), { get: thrower }))).toEqual({ type: "Error", message: "" });
  });

  test("an error whose every property throws", () => {
    expect(toFailure(hostileError())).toEqual({ type: "Error", message: "" });
  });

  test("a value that node:util cannot show", () => {
    const value = Object.assign(new Map(), { [Symbol.iterator]: thrower });
    expect(toFailure(value).message).toBe("thrown, but not an Error: a value of type object");
  });

  test("a list of errors that throws", () => {
    expect(toFailure(Object.assign(new Error("x"), { errors: hostileProxy([]) })).message).toBe("x");
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    expect(toFailure(Object.assign(new Error("x"), { errors: proxy })).message).toBe("x");
  });

  test("anything at all, as JSON", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const failure = toFailure(value);
        expect(JSON.parse(JSON.stringify(failure))).toEqual(failure);
      }),
    );
  });
});

describe("toError", () => {
  test.each([TypeError, RangeError, SyntaxError, EvalError, ReferenceError, URIError, Error])("revives %o", (Class) => {
    const error = toError(toFailure(new Class("x")));
    expect(error).toBeInstanceOf(Class);
    expect(error.constructor).toBe(Class);
    expect(error.name).toBe(Class.name);
    expect(Object.keys(error)).toEqual([]);
    expect(Object.hasOwn(error, "name")).toBe(false);
  });

  test("revives name, message, stack, code and cause", () => {
    const cause = new TypeError("why");
    const original = Object.assign(new PlainSubclass("x", { cause }), { code: "E_X" });
    const error = toError(toFailure(original));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "PlainSubclass", message: "x", code: "E_X", stack: original.stack });
    expect(error.cause).toBeInstanceOf(TypeError);
    expect((error.cause as Error).stack).toBe(cause.stack);
    expect(`${error}`).toBe("PlainSubclass: x");
    expect(Object.keys(error)).toEqual(["code"]);
  });

  test("what it revives may be changed and removed, as in any error", () => {
    const error = toError({ type: "Gone", message: "x", stack: "Gone: x", code: 7 });
    Object.assign(error, { name: "Back", stack: "", code: 8 });
    expect(error).toMatchObject({ name: "Back", stack: "", code: 8 });
    for (const key of ["name", "stack", "code"] as const) expect(Reflect.deleteProperty(error, key)).toBe(true);
  });

  test("shows no stack of this process where none came", () => {
    expect(toError({ type: "Gone", message: "x" }).stack).toBe("Gone: x");
    expect(toError({ type: "Gone", message: "x" })).not.toHaveProperty("cause");
  });

  test("a type that is a name of Object.prototype is only a name", () => {
    expect(toError({ type: "constructor", message: "x" }).name).toBe("constructor");
  });

  test("there and back changes nothing", () => {
    const failure = toFailure(Object.assign(new RangeError("x", { cause: "y" }), { code: 7 }));
    expect(toFailure(toError(failure))).toMatchObject({
      type: "RangeError",
      message: "x",
      code: 7,
      cause: { type: NON_ERROR },
    });
  });
});
