// Each benchmark runs once, small, so that none rots; what does not depend on time is held to its target.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { MEANINGS, missed, type Result, TARGETS } from "../../bench/fields.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
let printed: string;
let result: Result;

beforeAll(async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["bench/main.ts", "--quick", "--json"], { cwd: root });
  printed = stdout;
  result = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}, 180_000);

test("the last line has every field, and each is a number", () => {
  const own = Object.keys(MEANINGS) as (keyof typeof MEANINGS)[];
  for (const name of own) expect(result.lovage[name], name).toBeGreaterThanOrEqual(0);
  for (const [name, value] of Object.entries(result.raw)) {
    expect(value, name).toBeGreaterThan(0);
    expect(result.lovage).toHaveProperty(name);
  }
});

test("the table has a line for each field", () => {
  for (const meaning of Object.values(MEANINGS)) expect(printed).toContain(meaning);
});

test("what does not depend on time is what it should be", () => {
  expect(
    missed(
      result,
      TARGETS.filter(({ deterministic }) => deterministic),
    ),
  ).toEqual([]);
});

test("a missed target is named with its value and its bound", () => {
  const slow = { ...result, lovage: { ...result.lovage, wcu_per_task: 3, sqs_calls_per_task: 1 } };
  const deterministic = TARGETS.filter(({ what }) => what === "wcu_per_task" || what === "sqs_calls_per_task");
  expect(missed(slow, deterministic)).toEqual([
    "sqs_calls_per_task is 1.000, should be at most 0.35",
    "wcu_per_task is 3.000, should be at most 2",
  ]);
});
