// Values on the command line. What is wrong with one is a usage error (exit code 2).
import { InvalidArgumentError, Option } from "commander";
import { SQS } from "../defaults.ts";
import { type Duration, seconds } from "../duration.ts";
import { tableName } from "../store/table.ts";
import { isTaskId } from "../wire/fields.ts";
import { parseExact } from "./exact-json.ts";

/** "30s", "2m", or bare seconds. */
export function time(value: string): Duration {
  const given = /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  return `${orUsage(() => seconds(given, "it"))}s`;
}

/** The same, as a number of seconds above 0. */
export function timeSpan(value: string): number {
  const found = Number.parseFloat(String(time(value)));
  if (found === 0) throw new InvalidArgumentError("it takes more than 0 seconds");
  return found;
}

/** An option that takes a time and has a default, in seconds. */
export function timeOption(flags: string, description: string, defaultSeconds: number, parse = timeSpan): Option {
  return new Option(flags, description).argParser(parse).default(defaultSeconds, `${defaultSeconds}s`);
}

/** A moment of the past: "2h" is two hours before now, otherwise a time such as 2026-11-21T06:00Z. */
export type Moment = (now: number) => number;

export function moment(value: string): Moment {
  const at = /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(at)) return () => at;
  if (/^(\d{4}-|\D)/.test(value))
    throw new InvalidArgumentError("it takes a time such as 2026-11-21T06:00Z, or 2h for two hours ago");
  const ago = Number.parseFloat(String(time(value))) * 1_000;
  return (now) => now - ago;
}

const RATE_SECONDS = { s: 1, m: 60, min: 60, h: 3_600, day: 86_400 } as const;

/** "10/s", "600/m" or "5/h", as Celery's rate_limit, and "600/min" or "100/day", as `lovage cost`; a second. */
export function rate(value: string): number {
  const [, count, unit] = /^(\d{1,6}(?:\.\d+)?)\/(s|m|min|h|day)$/.exec(value) ?? [];
  const perSecond = Number(count) / RATE_SECONDS[unit as keyof typeof RATE_SECONDS]; // one of them, or nothing at all
  if (perSecond > 0) return perSecond;
  throw new InvalidArgumentError("it takes a rate above 0, such as 10/s, 600/m or 5/h");
}

export function pollSeconds(value: string): number {
  const found = Number.parseFloat(String(time(value)));
  if (!Number.isInteger(found) || found > SQS.maxWaitSeconds) {
    throw new InvalidArgumentError(`it takes whole seconds from 0 to ${SQS.maxWaitSeconds}`);
  }
  return found;
}

export function wholeFrom1(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError("it takes a whole number from 1");
  return Number(value);
}

export function wholeFrom0(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("it takes a whole number from 0");
  return Number(value);
}

/** "10/s", "5000/day", "1000000/month"; a bare number is for a month of 30 days, and so is what it returns. */
export function perMonth(value: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)(?:\/(s|min|h|day|month))?$/.exec(value);
  if (match === null)
    throw new InvalidArgumentError('it takes tasks a month, or such as "10/s", "500/min", "20/h", "5000/day"');
  const seconds = { s: 1, min: 60, h: 3_600, day: 86_400, month: 30 * 86_400 }[match[2] ?? "month"] as number; // one of them
  return Number(match[1]) * ((30 * 86_400) / seconds);
}

/** How many SQS takes in one request. */
export function batchEntries(value: string): number {
  const found = wholeFrom1(value);
  if (found > SQS.maxBatchEntries) throw new InvalidArgumentError(`it takes 1 to ${SQS.maxBatchEntries}`);
  return found;
}

export function port(value: string): number {
  if (!isPort(value)) throw new InvalidArgumentError("it takes a port from 1 to 65535");
  return Number(value);
}

const isPort = (value: string) => /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535;

/** The same, or 0 for a free one. */
export function portOrFree(value: string): number {
  if (value === "0") return 0;
  if (!isPort(value)) throw new InvalidArgumentError("it takes a port from 1 to 65535, or 0 for a free one");
  return Number(value);
}

/** "a,b" */
export function names(value: string): readonly string[] {
  const found = value.split(",").map((name) => name.trim());
  if (found.some((name) => name === "")) throw new InvalidArgumentError("it takes names, separated by commas");
  return found;
}

/** JSON, or else the text itself. A number JavaScript cannot hold is refused rather than changed. */
export function argument(value: string): unknown {
  const found = parseExact(value);
  if ("value" in found) return found.value;
  if (found.inexact) throw new InvalidArgumentError(found.problem);
  return value;
}

export function taskId(value: string): string {
  if (!isTaskId(value)) throw new InvalidArgumentError("an id has 1 to 255 printable ASCII characters");
  return value;
}

export function appName(value: string): string {
  return orUsage(() => tableName(value));
}

export function taskIds(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, taskId(value)];
}

function orUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
