import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatTime, parseTime } from "../../lib/wire/time.ts";

describe("times on the wire", () => {
  test.each<[text: string, expected: string]>([
    ["2026-11-21T04:13:11.504807+00:00", "2026-11-21T04:13:11.504Z"],
    ["2026-11-21T04:13:11+00:00", "2026-11-21T04:13:11.000Z"],
    ["2026-11-21T04:13:11.5Z", "2026-11-21T04:13:11.500Z"],
    ["2026-11-21T04:13:11", "2026-11-21T04:13:11.000Z"],
    ["2026-11-21 04:13", "2026-11-21T04:13:00.000Z"],
    ["2026-11-21T04:13:11+05:30", "2026-11-20T22:43:11.000Z"],
    ["2026-11-21T04:13:11-0530", "2026-11-21T09:43:11.000Z"],
    ["1900-01-01T00:00:00+00:19:32", "1899-12-31T23:40:28.000Z"],
    ["1900-01-01T00:00:00+001932", "1899-12-31T23:40:28.000Z"],
    ["0050-02-01T00:00:00Z", "0050-02-01T00:00:00.000Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
  ])("reads %s", (text, expected) => {
    expect(new Date(parseTime(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  test.each([
    ...[
      "on 2026-11-21T04:13:11Z",
      "",
      "now",
      "2026",
      "2026-11-21",
      "20261121T041311Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
    ],
    ...[
      "2026-02-29T00:00:00Z",
      "2026-11-31T00:00:00Z",
      "2026-01-99T00:00:00Z",
      "2026-01-00T00:00:00Z",
      "2026-11-00T00:00:00Z",
      "2026-11-21T24:00:00Z",
      "2026-11-21T23:60:00Z",
    ],
    ...["2026-11-21T23:59:60Z", "2026-11-21T00:00:00+24:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"],
    ...["0000-12-31T00:00:00Z", "2026-11-21T04:13:11Z ", "1795233555", `2026-11-21T04:13:11.${"5".repeat(100_000)}Z`],
  ])("does not take %.40s for a time", (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  test.each([
    ["first", "0001-01-01T00:00:00.000000+00:00", -62_135_596_800_000],
    ["last", "9999-12-31T23:59:59.999000+00:00", 253_402_300_799_999],
  ])("the %s moment that Python knows", (_, text, ms) => {
    expect(formatTime(ms)).toBe(text);
    expect(parseTime(text)).toBe(ms);
  });

  test("writes microseconds and an offset, as Celery does", () => {
    expect(formatTime(1_795_233_555_056)).toBe("2026-11-21T03:59:15.056000+00:00");
  });

  test.each([Number.NaN, Infinity, 253_402_300_800_000, -62_135_596_800_001])("does not write %d", (ms) => {
    expect(formatTime(ms)).toBeUndefined();
  });

  test("every moment from year 1 to 9999 comes back", () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
        expect(parseTime(formatTime(ms) ?? "")).toBe(ms);
      }),
    );
  });
});
