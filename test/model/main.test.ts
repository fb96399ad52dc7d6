// The command, as it is run by hand.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const run = (...args: readonly string[]) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
  return { lines: stdout.trim().split("\n"), stderr, status };
};

test("without a violation it says what it explored, and exits 0", () => {
  const { lines, status } = run("--bound", "one without an id");
  expect(lines[0]).toMatch(/^one without an id: 1 task, .* faults of any kind: at most \d/);
  const { seconds: _, ...found } = JSON.parse(lines.at(-1) ?? "");
  expect(found).toEqual({
    bounds: 1,
    states: expect.any(Number),
    transitions: expect.any(Number),
    depth: expect.any(Number),
    violated: 0,
  });
  expect(found.states).toBeGreaterThan(100);
  expect(status).toBe(0);
});

test("a mutant's shortest way to a violation is printed, and it exits 1", () => {
  const { lines, status } = run("--mutant", "what cannot be read and has no id is dropped");
  expect(lines[1]).toMatch(/^I3 ack last: .*no message of it is left$/);
  expect(lines.slice(2).map((line) => line.slice(0, 6))).toEqual(["   1  ", "   2  "]);
  expect(status).toBe(1);
});

test("a name that it does not know is answered with those it does", () => {
  const { stderr, status } = run("--mutant", "no such");
  expect(stderr).toContain("  a finish needs no token\n");
  expect(status).toBe(2);
});
