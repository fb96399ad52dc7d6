// Structured logs: one JSON object per line, or one readable line on a terminal. The interface is pino's, so an
// application hands in its own logger instead.
import type { Clock } from "./clock.ts";
import { printableJson, printableLine as visible } from "./printable.ts";

export type Fields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
  child(fields: Fields): Logger;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

interface JsonLogOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  readonly write: (line: string) => void;
}

export interface LogOptions extends JsonLogOptions {
  readonly format: "json" | "pretty";
}

/** One line of a log. */
type Line = (level: Exclude<LogLevel, "silent">, now: number, fields: Fields, message: string) => string;

const COLOURS = { debug: 90, info: 36, warn: 33, error: 31 } as const;

export function createLogger(options: LogOptions): Logger {
  return loggerOf(options, options.format === "json" ? json : pretty, {});
}

/** For who has no terminal: a bundle without the lines for one. */
export function createJsonLogger(options: JsonLogOptions): Logger {
  return loggerOf(options, json, {});
}

function loggerOf(options: JsonLogOptions, line: Line, bound: Fields): Logger {
  const { level: least, clock, write } = options;
  const at = (level: Exclude<LogLevel, "silent">) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return () => {};
    return (fields: Fields, message: string) => write(line(level, clock.now(), { ...bound, ...fields }, message));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => loggerOf(options, line, { ...bound, ...fields }),
  };
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

function json(level: string, now: number, fields: Fields, message: string): string {
  // A field called "level" must not say another level than the line has.
  const line = { level, time: new Date(now).toISOString(), message };
  const text = stringify({ ...line, ...fields, ...line }) ?? stringify({ ...line, fields: "not serializable" });
  return text as string; // three strings and a word can be written
}

/** Undefined where JSON cannot hold it: a cycle, a BigInt, a getter that throws. */
function stringify(value: unknown): string | undefined {
  try {
    return printableJson(value);
  } catch {
    return undefined;
  }
}

function pretty(level: keyof typeof COLOURS, now: number, fields: Fields, message: string): string {
  const time = new Date(now).toISOString().slice(11, 23);
  const { stack, ...rest } = fields;
  const pairs = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const shown = typeof value === "string" ? value : (stringify(value) ?? String(value));
      return `\x1b[2m${visible(key)}=\x1b[0m${visible(shown)}`;
    });
  const head = `\x1b[2m${time}\x1b[0m \x1b[${COLOURS[level]}m${level.padEnd(5)}\x1b[0m ${visible(message)}`;
  const lines =
    typeof stack === "string"
      ? stack
          .split("\n")
          .map((line) => `\n    ${visible(line)}`)
          .join("")
      : "";
  return `${head} ${pairs.join(" ")}${lines}`.trimEnd();
}
