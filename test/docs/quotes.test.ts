// A guide that quotes what the program says is right for as long as the program says it: "…" stands for what varies.
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The first cells of a section's table that are code. */
function quoted(guide: string, heading: string): readonly string[] {
  const [, section = ""] = readFileSync(`${ROOT}/docs/guides/${guide}`, "utf8").split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  return [...own.matchAll(/^\| (?:\w+ \| )?(?<cell>`.+?`) \|/gm)].flatMap(({ groups }) =>
    [...(groups?.cell ?? "").matchAll(/`(?<quote>[^`]+)`/g)].map((match) => match.groups?.quote ?? ""),
  );
}

/** All of lib, as it is, and with what a template fills in as "…"; without the backslashes of its strings. */
const source = globSync(`${ROOT}/lib/**/*.ts`).map((file) => readFileSync(file, "utf8"));
const filledIn = source.map((code) => code.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…"));
const said = [...source, ...filledIn].join("\n").replaceAll("\\", "");

function isSaid(quote: string): boolean {
  const parts = quote.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(parts.join(".{1,30}?")).test(said);
}

test.each([
  ["workers.md", "Starting"],
  ["workers.md", "Logs"],
])("what docs/guides/%s quotes under %s is what is said", (guide, heading) => {
  const quotes = quoted(guide, heading);
  expect(quotes.length).toBeGreaterThan(5);
  expect(quotes.filter((quote) => !isSaid(quote))).toEqual([]);
});

test("a quote that nobody says is found", () => {
  expect(isSaid('has no workload "…"')).toBe(true);
  expect(isSaid('has no workloads "…"')).toBe(false);
});
