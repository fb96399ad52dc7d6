import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MESSAGE_LIFETIME_MS, PAYLOADS, RECORD_LIFETIME_MS } from "../../lib/defaults.ts";
import {
  argsNeededUntil,
  argsPayload,
  keptDays,
  keptPrefix,
  LONGEST_KEPT_MS,
  mismatch,
  payloadPrefix,
  renewed,
  resultPayload,
} from "../../lib/store/payload.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
/** What the store's clock may differ by: an object is counted on for an hour less than its lifecycle rule says. */
const SKEW = 3_600_000;
const digest = (text: string) => createHash("sha256").update(text).digest("base64url");

describe("an object", () => {
  test("of arguments lies under its task and what it holds: publishing them twice writes it twice, alike", () => {
    const json = '[["Zo\\u00eb"],{}]';
    expect(argsPayload("id", json, NOW, NOW)).toEqual({
      json,
      ref: {
        key: `32d/args/id.${digest(json)}`,
        bytes: json.length,
        sha256: digest(json),
        keptUntil: NOW + 32 * DAY - SKEW,
      },
    });
    expect(argsNeededUntil(NOW)).toBe(NOW + MESSAGE_LIFETIME_MS + RECORD_LIFETIME_MS);
  });

  test("of a result lies under its task and the execution that wrote it", () => {
    expect(resultPayload("id", "token", "5", NOW, NOW + DAY)).toEqual({
      json: "5",
      ref: { key: "16d/results/id.token", bytes: 1, sha256: digest("5"), keptUntil: NOW + 16 * DAY - SKEW },
    });
  });

  test("has a key without slashes of its own, whatever ids its user chooses", () => {
    expect(argsPayload("orders/17", "[[],{}]", NOW, NOW).ref.key).toMatch(/^32d\/args\/orders%2F17\.[\w-]{43}$/);
    expect(resultPayload("orders/17", "a/b", "5", NOW, NOW + DAY).ref.key).toBe("16d/results/orders%2F17.a%2Fb");
  });
});

describe("how long an object is kept", () => {
  test("arguments: as long as their message, its dead letter, and the record of that", () => {
    const { ref } = argsPayload("id", "[[],{}]", NOW, NOW);
    expect(ref.key).toMatch(/^32d\//);
    expect(ref.keptUntil).toBeGreaterThanOrEqual(argsNeededUntil(NOW));
  });

  test("arguments of a message that is sent later: counted from then", () => {
    const sentAt = NOW + 200 * DAY;
    const { ref } = argsPayload("id", "[[],{}]", NOW, sentAt);
    expect(ref.key).toMatch(/^256d\//);
    expect(ref.keptUntil).toBeGreaterThanOrEqual(argsNeededUntil(sentAt));
  });

  test.each([
    [15, 16],
    [16, 32],
    [31.9, 32],
    [100, 128],
    [4_095, 4_096],
  ])("a result whose record is kept for %d days: %d days", (days, kept) => {
    const { ref } = resultPayload("id", "token", "1", NOW, NOW + days * DAY);
    expect(ref.key).toBe(`${kept}d/results/id.token`);
    expect(ref.keptUntil).toBeGreaterThanOrEqual(NOW + days * DAY);
  });

  test("the shortest rule that suffices, to the millisecond; the longest where none does", () => {
    const days = (ms: number) => keptDays(resultPayload("id", "token", "1", NOW, NOW + ms).ref.key);
    expect([days(16 * DAY - SKEW), days(16 * DAY - SKEW + 1)]).toEqual([16, 32]);
    expect(LONGEST_KEPT_MS).toBe(4_096 * DAY - SKEW);
    expect([days(LONGEST_KEPT_MS), days(LONGEST_KEPT_MS + 1)]).toEqual([4_096, PAYLOADS.keptDays.at(-1)]);
  });

  test("written again, it is kept from then on, under the same key", () => {
    const payload = argsPayload("id", "[[],{}]", NOW, NOW);
    const { ref } = renewed(payload, NOW + 3 * DAY);
    expect(ref).toEqual({ ...payload.ref, keptUntil: payload.ref.keptUntil + 3 * DAY });
  });
});

test("what is found is compared with its reference, byte for byte", () => {
  const { ref, json } = argsPayload("id", '[["x"],{}]', NOW, NOW);
  expect(mismatch(ref, json)).toBeUndefined();
  expect(mismatch(ref, '[["y"],{}]')).toMatch(/content/);
  expect(mismatch(ref, `${json} `)).toMatch(/11 bytes, its reference says 10/);
  expect(mismatch(ref, '[["é"],{}]')).toMatch(/11 bytes/);
});

test("keys begin with the app, then with how long the object is kept", () => {
  expect(payloadPrefix("duckling")).toBe("duckling/");
  expect(keptPrefix(32)).toBe("32d/");
  expect(keptDays("32d/args/id.abc")).toBe(32);
});
