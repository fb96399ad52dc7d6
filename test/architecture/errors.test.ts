// docs/errors.md and lib/errors.ts say the same: every error has a section, and every section an error.
import { expect, test } from "vitest";
import * as errors from "../../lib/errors.ts";
import { read } from "./repository.ts";
import { parse } from "./source.ts";

interface Documented {
  readonly code: string;
  readonly className: string;
  readonly text: string;
}

function sections(markdown: string): readonly Documented[] {
  return markdown
    .split(/^### /m)
    .slice(1)
    .map((section) => ({
      code: section.slice(0, section.indexOf("\n")).trim(),
      className: /^Class: `(\w+)`$/m.exec(section)?.[1] ?? "",
      text: section,
    }));
}

/** Class and code of every error, from the source: constructors differ too much to call them all. */
function defined(text: string): readonly string[] {
  const { code } = parse("lib/errors.ts", text);
  return [...code.matchAll(/\bclass\s+(\w+)\s+extends\s+LovageError\b[\s\S]*?\bsuper\(\s*"([A-Z_]+)"/g)].map(
    ([, name, value]) => `${value} ${name}`,
  );
}

const documented = sections(read("docs/errors.md"));
const source = defined(read("lib/errors.ts"));

test("every error of the source is documented, and the other way round", () => {
  expect(documented.map(({ code, className }) => `${code} ${className}`).sort()).toEqual([...source].sort());
});

test("every class is one that is read here", () => {
  const classes = Object.entries(errors)
    .filter(([, value]) => value !== errors.LovageError)
    .map(([name]) => name);
  expect(source.map((line) => line.split(" ")[1]).sort()).toEqual(classes.sort());
});

test("codes are unique and look alike", () => {
  const codes = source.map((line) => line.split(" ")[0]);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(code).toMatch(/^LOVAGE_[A-Z]+(_[A-Z]+)*$/);
});

test.each(documented)("$code says when it happens and what to do", ({ text }) => {
  expect(text).toMatch(/^When: ./m);
  expect(text).toMatch(/^What to do: ./m);
});

test("an error that only one of the two knows is found", () => {
  const text = 'export class Oops extends LovageError {\n  constructor() {\n    super("LOVAGE_OOPS", "oops");\n  }\n}';
  expect(defined(text)).toEqual(["LOVAGE_OOPS Oops"]);
  expect(defined(`// ${text.replaceAll("\n", " ")}`)).toEqual([]);
  expect(sections("# Errors\n\n### LOVAGE_OOPS\n\nClass: `Oops`\n")).toMatchObject([
    { code: "LOVAGE_OOPS", className: "Oops" },
  ]);
});
