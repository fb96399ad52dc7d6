import { InvalidOption } from "./errors.ts";
import { printableJson } from "./printable.ts";

/** A time span: `"250ms"`, `"30s"`, `"15m"`, `"2h"`, `"1d"`, or a number of seconds, as in Celery and SQS. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const SECONDS = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Bare numbers from here on that are whole thousands are taken for milliseconds by mistake. */
const LOOKS_LIKE_MILLISECONDS = 10_000;

/** Seconds of a duration. Throws InvalidOption: not a duration, negative, or a bare number that looks like milliseconds. */
export function seconds(value: unknown, option: string): number {
  if (typeof value === "number") {
    if (!Number.isFinite(value) || value < 0) {
      throw new InvalidOption(`${option} is ${value}; it takes seconds from 0, or a string such as "30s"`);
    }
    if (value >= LOOKS_LIKE_MILLISECONDS && value % 1_000 === 0) {
      throw new InvalidOption(
        `${option} is ${value}, which looks like milliseconds; numbers are seconds, so write "${value / 1_000}s" or, if you mean it, "${value}s"`,
      );
    }
    return value;
  }
  const match = typeof value === "string" ? PATTERN.exec(value) : null;
  if (match === null) {
    throw new InvalidOption(
      `${option} is ${describe(value)}; it takes seconds, or a string such as "250ms", "30s", "15m", "2h", "1d"`,
    );
  }
  return Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS];
}

/** Characters of a string that an error message repeats. */
const LONGEST_SHOWN = 500;

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (typeof value === "string") {
    const long = value.length > LONGEST_SHOWN;
    return `${printableJson(long ? value.slice(0, LONGEST_SHOWN) : value)}${long ? `… (${value.length} characters)` : ""}`;
  }
  if (typeof value === "function") return `the function ${value.name || "(anonymous)"}`;
  if (typeof value === "object" && value !== null) {
    if (Array.isArray(value)) return "an array";
    // Data from outside may have a member of that name.
    const maker: unknown = Object.hasOwn(value, "constructor") ? undefined : value.constructor;
    const type = typeof maker === "function" ? maker.name : "Object";
    return type === "Object" ? "an object" : `${/^[AEIOU]/.test(type) ? "an" : "a"} ${type} object`;
  }
  return String(value);
}

/** What a value is, in words that quote none of it: it may be an argument, and secret. */
export function kindOf(value: unknown): string {
  const shown = typeof value === "object" || typeof value === "function" || value === undefined;
  return shown ? describe(value) : `a ${typeof value}`;
}
