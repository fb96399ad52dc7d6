// Who may import whom, and what lives in one place only. rules.test.ts shows that each of these rules can fail.
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { EXCEPTIONS } from "./exceptions.ts";
import { read, shippedSources, textFiles } from "./repository.ts";
import { judge, machinePaths, RULES, report } from "./rules.ts";

const sources = shippedSources();
const names = Object.keys(RULES) as (keyof typeof RULES)[];

test("there is something to judge", () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(200);
});

test("every relative import names a file that exists", () => {
  const missing = sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ specifier, target }) => specifier.startsWith(".") && !existsSync(target))
      .map(({ target }) => `${path}: ${target}`),
  );
  expect(missing).toEqual([]);
});

describe.each(names)("%s", (name) => {
  const { violations, unused } = judge(name, sources, EXCEPTIONS);

  test("holds", () => {
    expect(violations).toEqual([]);
  });

  test("has no exception that is not needed", () => {
    expect(unused).toEqual([]);
  });
});

test("no file names a path of somebody's machine", () => {
  expect(textFiles().flatMap((path) => machinePaths(path, read(path)).map(report))).toEqual([]);
});
