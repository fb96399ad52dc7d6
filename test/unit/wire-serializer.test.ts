import vm from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_JSON_DEPTH } from "../../lib/defaults.ts";
import { NotSerializable } from "../../lib/errors.ts";
import {
  assertJson,
  type JsonValue,
  MAX_PARSE_DEPTH,
  parseJson,
  parseOwnJson,
  toJson,
} from "../../lib/wire/serializer.ts";

function refusal(value: unknown, path = "args"): NotSerializable {
  try {
    assertJson(value, path);
  } catch (error) {
    if (error instanceof NotSerializable) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

const nested = (levels: number): unknown => {
  let value: unknown = [];
  for (let i = 1; i < levels; i++) value = i % 2 === 0 ? [value] : { in: value };
  return value;
};

describe("assertJson accepts what JSON keeps", () => {
  test.each([
    ["null", null],
    ["a boolean", true],
    ["a number", 1.5],
    ["-0, which becomes 0", -0],
    ["a string with a lone surrogate", "\ud800"],
    ["nested arrays and objects", [{ a: [1, { b: null }] }]],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
    ["a plain object of another realm", vm.runInNewContext("({ a: [1] })")],
    ["an undefined property, which is left out", { a: undefined }],
    ["the same object twice", ((one) => [one, one])({ a: 1 })],
    ["the deepest nesting allowed", nested(MAX_JSON_DEPTH)],
  ])("%s", (_, value) => {
    expect(() => assertJson(value, "args")).not.toThrow();
  });
});

class Point {
  x = 1;
}
class Series extends Array {
  toJSON() {
    return "series";
  }
}
class Related {
  isPrototypeOf() {
    return true;
  }
}
const LongName = { ["L".repeat(200)]: class {} }["L".repeat(200)] as new () => object; // named after its key
const nameless = new (class {})();
const withoutConstructor = Object.create(Object.create(Object.prototype, { constructor: { value: undefined } }));

describe("assertJson refuses what JSON would change or lose, and says where, what and how to mend it", () => {
  test.each<[what: string, value: unknown, path: string, text: string]>([
    ["undefined", undefined, "args", "is undefined, which JSON cannot hold; use null (allowed are null, booleans"],
    ["undefined in an array", [1, undefined], "args[1]", "is undefined"],
    ["a hole", Object.assign([1], { length: 3 }), "args[1]", "is a hole in a sparse array"],
    ["NaN", [Number.NaN], "args[0]", "is NaN, which JSON turns into null"],
    ["Infinity", [-Infinity], "args[0]", "is -Infinity"],
    ["a BigInt", [{ id: 1n }], "args[0].id", "pass a string, such as value.toString()"],
    ["a symbol", [Symbol("x")], "args[0]", "is a symbol"],
    ["a function", [{ toJSON: () => 1 }], "args[0].toJSON", "is a function"],
    ["a Date", [{ when: new Date() }], "args[0].when", "is a Date, which JSON does not keep; pass date.toISOString()"],
    ["a Map", [new Map()], "args[0]", "is a Map, which JSON does not keep; pass Object.fromEntries(map)"],
    ["a Set", [new Set()], "args[0]", "is a Set, which JSON does not keep; pass [...set]"],
    ["a Promise", [Promise.resolve()], "args[0]", "is a Promise, which JSON does not keep; await it first"],
    ["an Error", [new TypeError("x")], "args[0]", "is an Error, which JSON does not keep; pass error.message"],
    ["a URL", [new URL("http://a/")], "args[0]", "is a URL, which JSON does not keep; pass url.href"],
    ["a RegExp", [/a/], "args[0]", "is a RegExp, which JSON does not keep; pass regexp.source"],
    ["a Buffer", [Buffer.from("a")], "args[0]", 'toString("base64")'],
    ["an ArrayBuffer", [new ArrayBuffer(1)], "args[0]", "is binary data"],
    ["a class instance", [{ user: { tags: [0, 1, new Point()] } }], "args[0].user.tags[2]", "is an instance of Point"],
    ["an instance of a class without a name", [nameless], "args[0]", "is a class instance"],
    ["an instance without a constructor", [withoutConstructor], "args[0]", "is a class instance"],
    [
      "an instance of a class with a very long name",
      [new LongName()],
      "args[0]",
      `is an instance of ${"L".repeat(80)},`,
    ],
    ["what looks like another realm's", [{ of: new Related() }], "args[0].of", "is an instance of Related"],
    ["a boxed number", [Object(1)], "args[0]", "is an instance of Number"],
    ["an inheritor of a bare object", [Object.create(Object.create(null))], "args[0]", "is a class instance"],
    ["an array with toJSON", [new Series(1)], "args[0]", "is an instance of Series"],
    ["the key __proto__", [JSON.parse('{"__proto__":{"a":1}}')], "args[0].__proto__", "would replace a prototype"],
    ["a key that is no identifier", [{ "a b": Number.NaN }], 'args[0]["a b"]', "is NaN"],
    ["a long key", [{ [" ".repeat(80)]: Number.NaN }], `args[0]["${" ".repeat(80)}"]`, "is NaN"],
    ["a very long key", [{ ["k".repeat(500)]: Number.NaN }], `args[0]["${"k".repeat(80)}…"]`, "is NaN"],
  ])("%s", (_, value, path, text) => {
    const error = refusal(value);
    expect(error.path).toBe(path);
    expect(error.message.startsWith(`${path} is `)).toBe(true);
    expect(error.message).toContain(text);
    expect(error.code).toBe("LOVAGE_NOT_SERIALIZABLE");
  });

  test("nesting too deep", () => {
    const error = refusal(nested(MAX_JSON_DEPTH + 1));
    expect(error.path).toMatch(/^args(\[0\]\.in)+$/);
    expect(error.message).toContain(`is nested deeper than ${MAX_JSON_DEPTH} levels; flatten it`);
  });

  test("a cycle, with both ends of it", () => {
    const parent = { children: [] as unknown[] };
    parent.children.push({ name: "first" }, { name: "second", parent });
    expect(refusal([parent]).message).toBe(
      "args[0].children[1].parent is args[0] again, a cycle, which JSON cannot hold; pass an id instead",
    );
  });

  test("a cycle at the top", () => {
    const self: unknown[] = [];
    self.push(self);
    expect(refusal(self).path).toBe("args[0]");
  });

  test("another name for the whole value", () => {
    expect(refusal({ on: new Date() }, "kwargs").path).toBe("kwargs.on");
  });
});

describe("toJson", () => {
  test("writes ASCII only", () => {
    expect(toJson(["é", "日本", "😀", "\u007f", "\u2028", "a\\u00e9"])).toBe(
      String.raw`["\u00e9","\u65e5\u672c","\ud83d\ude00","\u007f","\u2028","a\\u00e9"]`,
    );
  });

  test("any JSON comes back as it was, and its length is its size", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = toJson(value as JsonValue);
        expect(Buffer.byteLength(text)).toBe(text.length);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        const expected = JSON.parse(JSON.stringify(value), (key, inner) => (key === "__proto__" ? undefined : inner));
        for (const parse of [parseJson, parseOwnJson]) expect(parse(text)).toEqual(expected);
      }),
    );
  });

  test("what assertJson accepts survives, up to -0 and undefined properties", () => {
    fc.assert(
      fc.property(fc.anything({ withDate: true, withMap: true, withBigInt: true, withSparseArray: true }), (value) => {
        try {
          assertJson(value, "args");
        } catch (error) {
          expect(error).toBeInstanceOf(NotSerializable);
          return;
        }
        const copy = JSON.parse(toJson(value), (_, inner) => (Object.is(inner, -0) ? 0 : inner));
        expect(copy).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe.each([
  ["parseJson", parseJson],
  ["parseOwnJson", parseOwnJson],
])("%s", (_name, parse) => {
  test.each([
    ["plainly", '{"__proto__":{"polluted":true},"a":{"__proto__":1,"b":2}}'],
    ["in escapes", String.raw`{"\u005f\u005fproto__":{"polluted":true},"a":{"__\u0070roto__":1,"b":2}}`],
  ])("drops __proto__ written %s", (_, text) => {
    const value = parse(text);
    expect(value).toEqual({ a: { b: 2 } });
    expect(Object.getOwnPropertyNames(value)).toEqual(["a"]);
    expect(Object.assign({}, value)).not.toHaveProperty("polluted");
    expect({}).not.toHaveProperty("polluted");
  });

  test("keeps __proto__ as a string, and other keys of Object.prototype", () => {
    expect(parse('["__proto__",{"constructor":1}]')).toEqual(["__proto__", { constructor: 1 }]);
    expect(parse('[null,1,"\\u0061__proto__"]')).toEqual([null, 1, "a__proto__"]);
  });

  test.each([
    ["at the limit", MAX_PARSE_DEPTH, true],
    ["one deeper", MAX_PARSE_DEPTH + 1, false],
    ["much deeper", 400_000, false],
  ])("nesting %s", (_, levels, accepted) => {
    const text = "[".repeat(levels) + "]".repeat(levels);
    if (accepted) expect(() => parse(text)).not.toThrow();
    else expect(() => parse(text)).toThrow(`nested deeper than ${MAX_PARSE_DEPTH} levels`);
  });

  test("nesting with values between the brackets", () => {
    const text = (levels: number) => `${"[0, ".repeat(levels - 1)}[]${"]".repeat(levels - 1)}`;
    expect(() => parse(text(MAX_PARSE_DEPTH))).not.toThrow();
    expect(() => parse(text(MAX_PARSE_DEPTH + 1))).toThrow(`nested deeper than ${MAX_PARSE_DEPTH} levels`);
  });

  test("nesting that ends beside other values", () => {
    const text = (levels: number) => `[[],{"a":1},${'{"b":'.repeat(levels - 2)}{}${"}".repeat(levels - 2)},"c"]`;
    expect(() => parse(text(MAX_PARSE_DEPTH))).not.toThrow();
    expect(() => parse(text(MAX_PARSE_DEPTH + 1))).toThrow(`nested deeper than ${MAX_PARSE_DEPTH} levels`);
  });

  test("brackets in strings, and brackets side by side, are no nesting", () => {
    const text = JSON.stringify(["[".repeat(5_000), `\\"${"{".repeat(5_000)}`, ...Array(2_000).fill([{}])]);
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  test.each([
    ['["NaN", x]', "not JSON: something in it is no value"],
    ["", "not JSON: Unexpected end"],
    [`["${"a".repeat(1_000)}`, "not JSON: Unterminated string"],
  ])("%.20s is refused", (text, problem) => {
    expect(() => parse(text)).toThrow(SyntaxError);
    expect(() => parse(text)).toThrow(problem);
  });

  test.each(["hunter2", '{"password": hunter2}', '["hunter2]', '{"a":"hunter2" b}', '["a\nhunter2"]'])(
    "what it says of %j quotes none of it",
    (text) => {
      const refused = () => parse(text);
      expect(refused).toThrow(SyntaxError);
      expect(refused).toThrow(expect.objectContaining({ message: expect.not.stringContaining("hunter2") }));
      expect(refused).toThrow(expect.not.objectContaining({ cause: expect.anything() }));
    },
  );
});

describe("Python's constants", () => {
  test.each([
    ["[NaN]", "it holds a bare NaN"],
    ["NaN", "it holds a bare NaN"],
    ["-Infinity", "it holds a bare Infinity"],
    ['{"NaN":-Infinity}', "it holds a bare Infinity"],
  ])("%s of a message is refused by its name", (text, problem) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
    expect(() => parseJson(text)).toThrow(problem);
    expect(() => parseOwnJson(text)).toThrow(SyntaxError);
  });
});
