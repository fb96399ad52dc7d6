// docs/security.md says which test shows what: they are there.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { MAX_KEPT_BODY_BYTES, RECORD_LIFETIME_MS, WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { argsNeededUntil, daysFor } from "../../lib/store/payload.ts";
import { MAX_INFLATED_BYTES } from "../../lib/wire/payload.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const text = readFileSync(`${ROOT}/docs/security.md`, "utf8");

test("every test it names exists", () => {
  const named = [...text.matchAll(/`((?:test|docs)\/[\w./-]+)`/g)].map(([, path = ""]) => path);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !existsSync(`${ROOT}/${path}`))).toEqual([]);
});

test("its numbers are those of the code", () => {
  const day = 86_400_000;
  for (const said of [
    `up to ${MAX_KEPT_BODY_BYTES / 1_024} KB`,
    `${WORKLOAD_DEFAULTS.retentionSeconds / 86_400} days at most`,
    `${RECORD_LIFETIME_MS / day} days, or \`resultExpires\``,
    `${daysFor(argsNeededUntil(0))} days and longer`,
    `unpack to more than ${MAX_INFLATED_BYTES / 1_048_576} MiB`,
  ])
    expect(text).toContain(said);
});
