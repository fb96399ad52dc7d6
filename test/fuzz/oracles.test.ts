// The oracles can fail: each bug planted here has to be found, with an input that shows it.
import { describe, expect, test } from "vitest";
import { InvalidOption, NotSupported } from "../../lib/errors.ts";
import { decode } from "../../lib/wire/envelope.ts";
import { costly, costOf } from "./cost.ts";
import { demand, jsonLine, plain, typed, visible } from "./oracles.ts";
import type { Rng } from "./random.ts";
import { fuzz } from "./run.ts";
import { type Target, target } from "./target.ts";
import { decoderTarget } from "./targets/decoder.ts";
import { moduleOf } from "./targets.ts";
import { watch } from "./watch.ts";

const run = (planted: Target, inputs = 600) => fuzz(planted, { name: "planted", seed: "ci", inputs, most: 1 });
const oracleOf = async (planted: Target, inputs?: number) => (await run(planted, inputs)).found[0]?.oracle;
const strings = (body: (text: string) => void | Promise<void>) =>
  target<string>({ generate: (rng: Rng) => "x".repeat(rng.int(50)), run: body });

describe("a planted bug is found", () => {
  test("a decoder that lets an error of another kind out", async () => {
    const planted = decoderTarget((body) => {
      if (body.includes('"retries"')) throw new TypeError("body.retries is not a function");
      return decode(body);
    });
    const [first] = (await run(target(planted))).found;
    expect(first).toMatchObject({ oracle: "typed errors", message: expect.stringContaining("TypeError") });
  });

  test("a decoder that assigns what it reads to what it makes", async () => {
    const merge = (to: object, from: object) => {
      for (const [key, value] of Object.entries(from)) {
        const inner = Reflect.get(to, key) as unknown;
        if (typeof value === "object" && value !== null && typeof inner === "object" && inner !== null)
          merge(inner, value);
        else Reflect.set(to, key, value);
      }
    };
    const planted = strings((text) => {
      if (text.length === 20) merge({}, JSON.parse('{"__proto__":{"admin":true}}'));
    });
    const { found } = await run(planted);
    expect(found[0]?.oracle).toBe("prototypes");
    expect("admin" in {}).toBe(false); // taken back
  });

  test("a decoder that keeps the key __proto__", async () => {
    const planted = decoderTarget((body) => ({ ...decode(body), headers: JSON.parse('{"a":{"__proto__":1}}') }));
    expect(await oracleOf(target(planted))).toBe("plain data");
  });

  test("a decoder whose problem repeats the message", async () => {
    const planted = decoderTarget((body) => {
      throw new InvalidOption(body);
    });
    expect(await oracleOf(target(planted))).toBe("typed errors");
    const quoting = strings((text) => visible(`${text}\u001b[2J`, "a problem"));
    expect(await oracleOf(quoting)).toBe("log injection");
  });

  test("a decoder that reads what cannot be sent again", async () => {
    const planted = decoderTarget((body) => ({ ...decode(body), eta: 1e300 }));
    expect(await oracleOf(target(planted))).toBe("protocol");
  });

  test("something that costs more than its size explains", async () => {
    const text = JSON.stringify(Array.from({ length: 8_000 }, () => "xxxxx"));
    const parse = (times: number) => {
      for (let n = 0; n < times; n++) JSON.parse(text);
    };
    expect(await costly(1, "x", () => parse(1))).toBe(0);
    const ms = 5_000 * costOf(() => parse(1));
    await expect(costly(ms, "x", () => parse(5_000))).rejects.toThrow(/^cost: .* times JSON.parse of as many/);
  });

  test("a promise that nobody handles", async () => {
    expect(
      await oracleOf(
        strings(() => void Promise.reject(new Error("unheard"))),
        60,
      ),
    ).toBe("unhandled rejection");
  });

  test("something kept for every input", async () => {
    const kept = new Map<string, string[]>();
    let n = 0;
    const planted = strings(
      (text) =>
        void kept.set(
          `${text}${n++}`,
          Array.from({ length: 500 }, () => `${text}${n}`),
        ),
    );
    expect(await oracleOf(planted, 3_000)).toBe("memory");
  });

  test("a failing input is printed small, and found again by its number", async () => {
    const planted = strings((text) => demand(!text.includes("xxx"), "protocol", "three in a row"));
    const [first] = (await run(planted)).found;
    expect(first?.input).toBe("xxx");
    const again = await fuzz(planted, { name: "planted", seed: "ci", inputs: 1, only: first?.n });
    expect(again.found[0]?.oracle).toBe("protocol");
  });
});

describe("a thread that is watched", () => {
  const planted = (name: string) => ({ name, module: moduleOf(`../planted/${name}`), seed: "ci", inputs: 1_000 });

  test("an endless loop, and a promise that never settles, are findings; what comes after them is fuzzed all the same", async () => {
    const emf = { name: "emf", module: moduleOf("emf"), seed: "ci", inputs: 10 };
    const reports = await watch([planted("hang"), planted("never-done"), emf], { hangSeconds: 1 });
    expect(reports.get("hang")?.found[0]).toMatchObject({ oracle: "hang", n: expect.any(Number) });
    expect(reports.get("never-done")?.found[0]?.oracle).toBe("hang");
    expect(reports.get("emf")).toMatchObject({ inputs: 10, found: [] });
  });
});

describe("the oracles themselves", () => {
  test("an error of ours is an answer, another is not", async () => {
    const ours = () => {
      throw new NotSupported("no");
    };
    expect(await typed(ours)).toHaveProperty("error");
    await expect(typed(() => JSON.parse("{"))).rejects.toThrow("typed errors: not one of ours came out");
  });

  test.each(["\u001b[2J", "a\rb", "a\u2028b", "\u009b31m", "\u202e", "\0"])("%j is raw", (text) => {
    expect(() => visible(text, "it")).toThrow("log injection");
  });

  test("a line of JSON is one", () => {
    expect(jsonLine('{"a":1}', "it")).toEqual({ a: 1 });
    expect(() => jsonLine('{"a":1}\n{"b":2}', "it")).toThrow("more than one line");
    expect(() => jsonLine("{", "it")).toThrow("is no JSON");
  });

  test("data is plain unless it has a prototype, a function or a key __proto__", () => {
    plain({ a: [1, { constructor: 1 }] }, "it");
    expect(() => plain({ a: Object.create({ b: 1 }) }, "it")).toThrow("it.a has a prototype of its own");
    expect(() => plain([() => 1], "it")).toThrow("it.0 is a function");
    expect(() => plain(JSON.parse('{"a":{"__proto__":1}}'), "it")).toThrow("it.a has a key __proto__");
  });
});
