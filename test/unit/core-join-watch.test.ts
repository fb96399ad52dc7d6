import { describe, expect, test } from "vitest";
import { newHead } from "../../lib/core/join.ts";
import { healed, type Watch, watch } from "../../lib/core/join-watch.ts";
import { JOINS, MESSAGE_LIFETIME_MS } from "../../lib/defaults.ts";
import type { StoredState, TaskRecord } from "../../lib/store/record.ts";

const NOW = 1_790_000_000_000;
const head = newHead({ id: "g", size: 3 }, NOW);
const at = (ms: number, more: Partial<Watch> = {}) => watch({ head, tick: 0, now: NOW + ms, ended: false, ...more });
const LOOK = JOINS.watchSeconds * 1_000;

describe("what the watchdog of a join does", () => {
  test("nothing where the join has ended, however late it is", () => {
    expect(at(LOOK, { ended: true })).toEqual({ kind: "ended" });
    expect(at(2 * MESSAGE_LIFETIME_MS, { ended: true, timeoutMs: 1 })).toEqual({ kind: "ended" });
  });

  test("it heals at its first look and ever less often, eleven times in 14 days", () => {
    const looks = Math.floor(MESSAGE_LIFETIME_MS / LOOK);
    const ticks = Array.from({ length: looks - 1 }, (_, tick) => tick);
    const heals = ticks.filter((tick) => at((tick + 1) * LOOK, { tick }).kind === "heal");
    expect(heals).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1_023]);
    expect(at(3 * LOOK, { tick: 2 })).toEqual({ kind: "wait", nextSeconds: 900 });
  });

  test("14 days and an hour after the latest checkpoint what has not ended counts as failed", () => {
    expect(at(MESSAGE_LIFETIME_MS - 1_500)).toEqual({ kind: "heal", nextSeconds: 2 });
    expect(at(MESSAGE_LIFETIME_MS)).toEqual({ kind: "overdue" });
    const late = { ...head, publishedAt: NOW + LOOK };
    expect(at(MESSAGE_LIFETIME_MS, { head: late, tick: 2 })).toEqual({ kind: "wait", nextSeconds: 900 });
    expect(at(MESSAGE_LIFETIME_MS + LOOK, { head: late })).toEqual({ kind: "overdue" });
  });

  test("a join whose publisher never came back is given up then", () => {
    expect(at(MESSAGE_LIFETIME_MS, { head: newHead({ id: "g" }, NOW) })).toEqual({ kind: "abandoned" });
    expect(at(LOOK, { head: newHead({ id: "g" }, NOW) })).toEqual({ kind: "heal", nextSeconds: 900 });
  });

  test("the chord's own time comes first", () => {
    expect(at(59_000, { timeoutMs: 60_000 })).toEqual({ kind: "heal", nextSeconds: 1 });
    expect(at(60_000, { timeoutMs: 60_000 })).toEqual({ kind: "timed out" });
    expect(at(MESSAGE_LIFETIME_MS, { timeoutMs: 60_000 })).toEqual({ kind: "timed out" });
  });
});

describe("how a member that nobody counted is counted", () => {
  const record = (state: StoredState): TaskRecord => ({ id: "m", state, attempt: 0 });

  test.each<[StoredState, boolean]>([
    ["SUCCESS", false],
    ["FAILURE", true],
    ["REVOKED", true],
  ])("%s: failed is %s, overdue or not", (state, failed) => {
    expect(healed(record(state), false)).toEqual({ failed });
    expect(healed(record(state), true)).toEqual({ failed });
  });

  test.each<StoredState>(["PENDING", "STARTED", "RETRY"])(
    "%s, or no record: not yet, and failed once it is overdue",
    (state) => {
      for (const found of [record(state), undefined]) {
        expect(healed(found, false)).toBeUndefined();
        expect(healed(found, true)).toEqual({ failed: true });
      }
    },
  );
});
