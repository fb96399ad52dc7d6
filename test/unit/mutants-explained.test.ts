// The list of docs/mutants.md is kept true between two runs of `npm run mutants`: this test has no mutants, but it has the code.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { explains, explanations, spaced, survivors } from "../../scripts/mutants/explained.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const listed = explanations(read("docs/mutants.md"));

test("every entry is read", () => {
  expect(listed.length).toBeGreaterThan(0);
  expect(listed).toHaveLength(read("docs/mutants.md").match(/^- /gm)?.length ?? 0);
});

test.each(listed)("$file still says $before, and why its change to $after goes unnoticed", ({ file, before, why }) => {
  expect(spaced(read(file))).toContain(before);
  expect(why.length).toBeGreaterThan(20);
});

const source = "const a = 1;\nif (a > 0 &&\n    a < 9) done();\n";
const at = (line: number, column: number) => ({ line, column });
const report = {
  files: {
    "lib/x.ts": {
      source,
      mutants: [
        { status: "Killed", replacement: "2", location: { start: at(1, 11), end: at(1, 12) } },
        { status: "Timeout", replacement: "3", location: { start: at(1, 11), end: at(1, 12) } },
        { status: "Survived", replacement: "a > 0 ||\n a < 9", location: { start: at(2, 5), end: at(3, 10) } },
        { status: "NoCoverage", replacement: "4", location: { start: at(1, 11), end: at(1, 12) } },
      ],
    },
  },
};

test("what no test kills is found in the report, as it reads in the code", () => {
  expect(survivors(report)).toMatchObject([
    { file: "lib/x.ts", line: 2, before: "a > 0 && a < 9", after: "a > 0 || a < 9", right: ") done(); " },
    { file: "lib/x.ts", line: 1, before: "1", after: "4", left: "const a = " },
  ]);
});

describe("an explanation", () => {
  const isExplained = (entry: string) => {
    const entries = explanations(`# T\n\n- \`1\` → \`4\`: of no file\n\n## \`lib/x.ts\`\n\nText.\n\n${entry}\n`);
    return survivors(report).map((survivor) => entries.some((explanation) => explains(explanation, survivor)));
  };

  test.each([
    ["for this change", "- `a > 0 && a < 9` → `a > 0 || a < 9`: because", [true, false]],
    ["with code around it", "- `if (a > 0 && a < 9) done()` → `if (a > 0 || a < 9) done()`: because", [true, false]],
    ["where the text comes twice", "- `const a = 1; if` → `const a = 4; if`: because", [false, true]],
    ["of another change", "- `a > 0 && a < 9` → `true`: because", [false, false]],
    ["with other code before it", "- `let a = 1` → `let a = 4`: because", [false, false]],
    ["with other code behind it", "- `1, b` → `4, b`: because", [false, false]],
    ["without a reason", "- `1` → `4`", [false, false]],
    ["of another file", "## `lib/y.ts`\n\n- `1` → `4`: because", [false, false]],
  ])("%s", (_, entry, expected) => {
    expect(isExplained(entry)).toEqual(expected);
  });
});
