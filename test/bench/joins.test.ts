// The benchmark of joins runs once, small; what it counts depends on no time.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

test.each([
  ["known from the start", []],
  ["said at the end", ["--unknown"]],
])(
  "500 members whose number is %s take at most 1.05 write units each, the head included",
  async (_, options) => {
    const args = ["bench/joins.ts", "--members", "500", "--json", ...options];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
    const result = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
    expect(result.wcu_per_member).toBeGreaterThan(1);
    expect(result.wcu_per_member).toBeLessThanOrEqual(1.05);
    expect(result.largest_item_bytes).toBeLessThan(8_192);
    expect(result.completions).toBeGreaterThan(0);
    expect(result.counts_per_s).toBeGreaterThan(0);
  },
  60_000,
);
