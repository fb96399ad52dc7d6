// docs/semantics.md names tests, bounds, defaults and rows of the protocol: each of them is there, under exactly that name, with that number.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import * as defaults from "../../lib/defaults.ts";
import { ACCESS_CHECKS } from "../smoke/checks/access.ts";
import { RESOURCE_CHECKS } from "../smoke/checks/resources.ts";
import { SCRATCH_CHECKS } from "../smoke/checks/scratch.ts";
import { TASK_CHECKS } from "../smoke/checks/tasks.ts";
import { BOUNDS } from "../support/bounds.ts";
import {
  boundsQuoted,
  type Citation,
  citationsOf,
  FAULTS,
  fitsTitle,
  linksToTests,
  promisesOf,
  rowsIn,
  secondsIn,
  tableOf,
  tablesOf,
  valueIn,
} from "./semantics.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}/${path}`, "utf8");
const PAGE = read("docs/semantics.md");
const run = promisify(execFile);

/** Titles of each test file, its placeholders not filled in. */
let titles: ReadonlyMap<string, readonly string[]>;

beforeAll(async () => {
  const files = [...new Set(citationsOf(PAGE).map(({ file }) => file))].filter((file) => file.endsWith(".test.ts"));
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST")));
  const args = ["list", "--json", "--typecheck.enabled=false", ...files];
  const options = { cwd: ROOT, env, maxBuffer: 64 * 1_048_576 };
  const { stdout } = await run(`${ROOT}/node_modules/.bin/vitest`, args, options);
  const found = new Map<string, string[]>();
  for (const { name, file } of JSON.parse(stdout) as { name: string; file: string }[]) {
    // what vitest lists
    const path = file.slice(ROOT.length).replace(/^\//, "");
    found.set(path, [...(found.get(path) ?? []), name]);
  }
  titles = found;
}, 60_000);

/** Suites that other files run are no test files: their titles stand in them as text. */
function isThere({ file, title }: Citation): boolean {
  if (!existsSync(`${ROOT}/${file}`)) return false;
  const source = read(file);
  if (!file.endsWith(".test.ts")) return source.includes(`it("${title}"`);
  return (titles.get(file) ?? []).some((one) => fitsTitle(title, one, source));
}

function unknownTests(page: string): readonly string[] {
  const missing = citationsOf(page).filter((citation) => !isThere(citation));
  return missing.map(({ file, title }) => `${file}: ${title}`);
}

/** Promises and faults that no test is named for. What is only a "no" needs none. */
function unproven(page: string): readonly string[] {
  const cited = new Set(citationsOf(page).flatMap(({ subjects }) => subjects));
  const promises = promisesOf(page).filter(([, , byDefault = ""]) => !byDefault.startsWith("**no**"));
  return [...promises, ...tableOf(page, "fault")].map(([first = ""]) => first).filter((subject) => !cited.has(subject));
}

/** Subjects of a list of tests that are no row. */
function strangers(page: string): readonly string[] {
  const rows = [...promisesOf(page), ...tableOf(page, "fault"), ...tableOf(page, "bound")].map(([first]) => first);
  return [...new Set(citationsOf(page).flatMap(({ subjects }) => subjects))].filter((one) => !rows.includes(one));
}

function missingInvariants(page: string): readonly number[] {
  const named = new Set(promisesOf(page).flatMap((cells) => (cells.at(-1) ?? "").split(", ").map(Number)));
  return Array.from({ length: 9 }, (_, i) => i + 1).filter((invariant) => !named.has(invariant));
}

function wrongBounds(page: string): readonly string[] {
  const known: Readonly<Record<string, number>> = BOUNDS;
  const quoted = [...boundsQuoted(page), ...tableOf(page, "bound").map(([name = "", , time = ""]) => ({ name, time }))];
  const right = (seconds: number | undefined) => seconds !== undefined && Math.round(seconds * 10) / 10;
  return quoted
    .filter(({ name, time }) => {
      const [bound, said] = [known[name], secondsIn(time)];
      if (bound === undefined || said === undefined) return true;
      // As many digits as the page gives.
      return time.includes(".") && time.endsWith("min")
        ? right(bound / 60) !== right(said / 60)
        : right(bound) !== right(said);
    })
    .map(({ name, time }) => `${name}: ${time}`);
}

function wrongSettings(page: string): readonly string[] {
  return tableOf(page, "setting").flatMap(([, said = "", path = ""]) => {
    const names = path.replaceAll("`", "").split(".");
    const value = names.reduce<unknown>(
      (object, name) => (object as Record<string, unknown> | undefined)?.[name],
      defaults,
    ); // one level at a time
    const inMs = names.some((name) => /(?:_MS|Ms)$/.test(name));
    return typeof value === "number" && valueIn(said) === (inMs ? value / 1_000 : value) ? [] : [`${path}: ${said}`];
  });
}

function unknownRows(page: string): readonly string[] {
  const rows = tablesOf(read("docs/protocol.md")).flatMap((table) => table.rows.map(([first = ""]) => first));
  const inFaults = tableOf(page, "fault").map((cells) => cells.at(-1) ?? "");
  const inText = [...page.matchAll(/\(rows? (?<rows>[\d–a-c, ]+)\)/g)].map(({ groups }) => groups?.rows ?? "");
  return [...inFaults, ...inText].flatMap(rowsIn).filter((row) => !rows.includes(row));
}

describe("the page", () => {
  test("names no test that is not there", () => {
    expect(citationsOf(PAGE).length).toBeGreaterThan(100);
    expect(unknownTests(PAGE)).toEqual([]);
  });

  test("names a test for every promise and every fault, with its title", () => {
    expect(promisesOf(PAGE).length).toBeGreaterThan(50);
    expect(unproven(PAGE)).toEqual([]);
    expect(strangers(PAGE)).toEqual([]);
    const cited = new Set(citationsOf(PAGE).map(({ file }) => file));
    expect(linksToTests(PAGE).filter((file) => !cited.has(file))).toEqual([]);
  });

  test("has every mode in every row, every invariant, and every fault", () => {
    for (const cells of promisesOf(PAGE)) expect(cells, cells[0] ?? "").toHaveLength(8);
    for (const cells of tableOf(PAGE, "fault")) {
      expect(cells, cells[0] ?? "").toHaveLength(6);
      expect(cells.filter((cell) => cell === "")).toEqual([]);
    }
    expect(missingInvariants(PAGE)).toEqual([]);
    expect(tableOf(PAGE, "fault").map(([fault]) => fault)).toEqual(FAULTS);
  });

  test("gives the bounds that the tests keep to, and no other", () => {
    expect(boundsQuoted(PAGE).length).toBeGreaterThan(20);
    expect(wrongBounds(PAGE)).toEqual([]);
    expect(tableOf(PAGE, "bound").map(([name]) => name)).toEqual(expect.arrayContaining(Object.keys(BOUNDS)));
  });

  test("quotes the defaults as they are", () => {
    expect(tableOf(PAGE, "setting").length).toBeGreaterThan(10);
    expect(wrongSettings(PAGE)).toEqual([]);
  });

  test("refers to rows that the protocol has", () => {
    expect(tableOf(PAGE, "fault").flatMap((cells) => rowsIn(cells.at(-1) ?? "")).length).toBeGreaterThan(20);
    expect(unknownRows(PAGE)).toEqual([]);
  });

  test("has a check ready for every claim that only AWS can prove, and names every check", () => {
    const checks = [...TASK_CHECKS, ...ACCESS_CHECKS, ...RESOURCE_CHECKS, ...SCRATCH_CHECKS].map(({ name }) => name);
    const named = tableOf(PAGE, "claim").flatMap(([, names = ""]) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ""),
    );
    expect(named.filter((name) => !checks.includes(name))).toEqual([]);
    expect(checks.filter((name) => !named.includes(name) && name !== "task" && name !== "alarms")).toEqual([]);
  });
});

describe("a page that is wrong is found out:", () => {
  const doctored = (from: string | RegExp, to: string) => {
    const page = PAGE.replace(from, to);
    expect(page).not.toBe(PAGE);
    return page;
  };

  test("a test that was renamed, and one whose parameter does not exist", () => {
    expect(unknownTests(doctored("“a failure is stored all the same”", "“a failure is stored”"))).toEqual([
      "test/behaviour/ignore-result.test.ts: a failure is stored",
    ]);
    expect(unknownTests(doctored("> by countdown”", "> by eta2”"))).toHaveLength(1);
    expect(unknownTests(doctored("“a stale receipt changes no visibility”", "“a stale receipt”"))).toHaveLength(1);
    expect(
      unknownTests(doctored("test/behaviour/outages.test.ts", "test/behaviour/outage.test.ts")).length,
    ).toBeGreaterThan(0);
  });

  test("a promise, or a fault, without a test", () => {
    expect(unproven(doctored("- D7 · ", "- D5 · "))).toEqual(["D7"]);
    expect(unproven(doctored("- full local disk · ", "- lost delete · "))).toEqual(["full local disk"]);
    expect(strangers(doctored("- D7 · ", "- D77 · "))).toEqual(["D77"]);
  });

  test("an invariant that no promise stands for", () => {
    expect(missingInvariants(doctored(/\| = \| 9 \|/, "| = | 8 |"))).toEqual([9]);
  });

  test("a bound, or a default, that is another", () => {
    expect(wrongBounds(doctored("[takeover](#bounds): 30 s", "[takeover](#bounds): 20 s"))).toEqual(["takeover: 20 s"]);
    expect(wrongBounds(doctored("[workerStalled](#bounds): 7.8 min", "[workerStalled](#bounds): 7.7 min"))).toEqual([
      "workerStalled: 7.7 min",
    ]);
    expect(wrongBounds(doctored("| 14 d 1 h |", "| 14 d |"))).toEqual(["lost: 14 d"]);
    expect(wrongSettings(doctored("| `maxReceiveCount` | 8 |", "| `maxReceiveCount` | 5 |"))).toHaveLength(1);
    expect(wrongSettings(doctored("`CLOCK_SKEW_MS`", "`CLOCK_SKEW`"))).toHaveLength(1);
  });

  test("a row that the protocol does not have", () => {
    expect(unknownRows(doctored("| 17a, 17b, 17c |", "| 17a, 17b, 17d, 99 |"))).toEqual(["99"]);
    expect(unknownRows(doctored("(rows 39–42)", "(rows 39–43)"))).toEqual(["43"]);
  });
});
