import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certify, derivedId, freshId, idKey } from "../../lib/core/ids.ts";
import { conclude, isFinal, type State } from "../../lib/core/states.ts";
import { CLOCK_SKEW_MS, MESSAGE_LIFETIME_MS } from "../../lib/defaults.ts";
import { STORED_STATES, type TaskRecord, TERMINAL_STATES } from "../../lib/store/record.ts";

const KEY = idKey("duckling");
const NOW = Date.UTC(2026, 10, 21);
const OLD = NOW - MESSAGE_LIFETIME_MS - 1;
const random = new Uint8Array(10);

const ours = freshId(KEY, NOW, random);
const untracked = freshId(KEY, NOW, random, true);
const record = (facts: Partial<TaskRecord>): TaskRecord => ({ id: ours, state: "PENDING", attempt: 0, ...facts });
const stateOf = (id: string, stored?: TaskRecord, now = NOW): State => conclude(stored, certify(id, KEY), now);

describe("what state() concludes without a record", () => {
  test.each<[string, string, State]>([
    ["the id's check bits are not this app's", freshId(idKey("gosling"), NOW, random), "UNKNOWN"],
    ["an id of another kind", "order-17", "UNKNOWN"],
    ["the id says ignoreResult", untracked, "UNTRACKED"],
    ["the id says ignoreResult, however old", freshId(KEY, OLD, random, true), "UNTRACKED"],
    ["made over 14 days and 1 hour ago", freshId(KEY, OLD, random), "LOST"],
    ["made exactly 14 days and 1 hour ago", freshId(KEY, OLD + 1, random), "PENDING"],
    ["otherwise", ours, "PENDING"],
    ["derived ids have no age", derivedId(KEY, freshId(KEY, OLD, random), "link:0"), "PENDING"],
    ["a derived id that says ignoreResult", derivedId(KEY, ours, "link:0", true), "UNTRACKED"],
  ])("%s: %s → %s", (_, id, expected) => {
    expect(stateOf(id)).toBe(expected);
  });
});

describe("what state() concludes from a record", () => {
  test.each<[string, Partial<TaskRecord>, State]>([
    ["PENDING, published lately", { state: "PENDING", publishedAt: NOW }, "PENDING"],
    ["PENDING, published over 14 days and 1 hour ago", { state: "PENDING", publishedAt: OLD }, "LOST"],
    ["PENDING, nobody knows since when", { state: "PENDING" }, "PENDING"],
    ["RETRY, due later", { state: "RETRY", retryAt: NOW + 1 }, "RETRY"],
    ["RETRY, nobody knows since when", { state: "RETRY" }, "RETRY"],
    ["RETRY, due over 14 days and 1 hour ago", { state: "RETRY", retryAt: OLD }, "LOST"],
    [
      "RETRY, due as long ago, its message sent anew since",
      { state: "RETRY", retryAt: OLD, publishedAt: NOW },
      "RETRY",
    ],
    ["RETRY, due and sent anew as long ago", { state: "RETRY", retryAt: OLD, publishedAt: OLD }, "LOST"],
    ["RETRY, due later, published long ago", { state: "RETRY", retryAt: NOW, publishedAt: OLD }, "RETRY"],
    ["STARTED, lease live", { state: "STARTED", leaseUntil: NOW + 1 }, "STARTED"],
    ["STARTED, lease ended within the skew", { state: "STARTED", leaseUntil: NOW - CLOCK_SKEW_MS + 1 }, "STARTED"],
    [
      "STARTED, lease over for exactly the skew, so claimable",
      { state: "STARTED", leaseUntil: NOW - CLOCK_SKEW_MS },
      "STALLED",
    ],
    ["STARTED, lease over", { state: "STARTED", leaseUntil: NOW - CLOCK_SKEW_MS - 1 }, "STALLED"],
    ["STARTED, lease over since 14 days and 1 hour", { state: "STARTED", leaseUntil: OLD }, "LOST"],
    [
      "STARTED, lease over as long, its message sent anew since",
      { state: "STARTED", leaseUntil: OLD, publishedAt: NOW },
      "STALLED",
    ],
    ["STARTED, without a lease", { state: "STARTED" }, "STALLED"],
    ["SUCCESS", { state: "SUCCESS" }, "SUCCESS"],
    ["FAILURE", { state: "FAILURE" }, "FAILURE"],
    ["REVOKED", { state: "REVOKED" }, "REVOKED"],
  ])("%s → %s", (_, facts, expected) => {
    expect(stateOf(ours, record(facts))).toBe(expected);
  });

  test("a record outweighs whatever the id says", () => {
    for (const id of ["order-17", untracked, freshId(KEY, OLD, random)]) {
      expect(stateOf(id, record({ state: "FAILURE" }))).toBe("FAILURE");
    }
  });

  test("time never changes a terminal state, and never ends a task", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...STORED_STATES),
        fc.nat(),
        fc.nat({ max: 10 * MESSAGE_LIFETIME_MS }),
        (state, left, later) => {
          const stored = record({ state, leaseUntil: NOW + left, retryAt: NOW, publishedAt: NOW });
          const concluded = stateOf(ours, stored, NOW + later);
          if (state === "REPLACED") expect(concluded).toBe("PENDING");
          else if (TERMINAL_STATES.includes(state as never)) expect(concluded).toBe(state);
          else expect(["SUCCESS", "FAILURE", "REVOKED"]).not.toContain(concluded);
        },
      ),
    );
  });
});

test.each<[State, boolean]>([
  ["UNKNOWN", false],
  ["PENDING", false],
  ["STARTED", false],
  ["STALLED", false],
  ["RETRY", false],
  ["SUCCESS", true],
  ["FAILURE", true],
  ["REVOKED", true],
  ["LOST", true],
  ["UNTRACKED", true],
])("ready() in %s: %s", (state, expected) => {
  expect(isFinal(state)).toBe(expected);
});
