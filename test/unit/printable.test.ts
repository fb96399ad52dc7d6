import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPrintable, printable, printableJson, printableLine } from "../../lib/printable.ts";

const RAW = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });

describe("text from outside", () => {
  test.each([
    ["\u001b[2J", "\\x1b[2J"],
    ["a\r\nb", "a\\x0d\\x0ab"],
    ["\u009b31m", "\\x9b31m"],
    ["a\u2028b", "a\\u2028b"],
    ["user\u202etxt.exe", "user\\u202etxt.exe"],
    ["\0", "\\x00"],
    ["ein Entlein, 🦆", "ein Entlein, 🦆"],
  ])("%j is shown as %j", (text, shown) => {
    expect(printableLine(text)).toBe(shown);
  });

  test("several lines keep their ends, and nothing else", () => {
    expect(printable("a\n\tb\r\u001b[0m")).toBe("a\n\tb\\x0d\\x1b[0m");
  });

  test("nothing raw is left in a line, and what has nothing raw stays as it is", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(RAW.test(printableLine(text))).toBe(false);
        if (!RAW.test(text)) expect(printableLine(text)).toBe(text);
        expect(isPrintable(text)).toBe(!RAW.test(text) && text.isWellFormed());
      }),
    );
  });

  test("JSON says the same, in one line that a terminal may show", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = printableJson({ text }) ?? "";
        expect(RAW.test(json)).toBe(false);
        expect(JSON.parse(json)).toEqual({ text });
      }),
    );
  });
});
