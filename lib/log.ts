// Structured logs: one JSON object per line, or one readable line on a terminal. The interface is pino's, so an
// application hands in its own logger instead.
import type { Clock } from "./clock.ts";

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

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
  readonly clock: Clock;
  readonly write: (line: string) => void;
}

const COLOURS = { debug: 90, info: 36, warn: 33, error: 31 } as const;

// Task names, ids and messages come from outside: a control character must not forge a line or move a cursor.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const hex = (character: string, digits: number) => character.charCodeAt(0).toString(16).padStart(digits, "0");
const visible = (text: string) => text.replace(CONTROL, (character) => `\\x${hex(character, 2)}`);

/** JSON escapes what is below a space; a terminal obeys these too. */
const ESCAPED_IN_JSON = /[\u007f-\u009f]/g;

export function createLogger(options: LogOptions, bound: Fields = {}): Logger {
  const threshold = LOG_LEVELS.indexOf(options.level);
  const at = (level: Exclude<LogLevel, "silent">) => {
    if (LOG_LEVELS.indexOf(level) < threshold) return () => {};
    return (fields: Fields, message: string) => {
      const all = { ...bound, ...fields };
      options.write(
        options.format === "json"
          ? json(level, options.clock.now(), all, message)
          : pretty(level, options.clock.now(), all, message),
      );
    };
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => createLogger(options, { ...bound, ...fields }),
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
  const text = stringify({ ...line, ...fields, ...line }) ?? JSON.stringify({ ...line, fields: "not serializable" });
  return text.replace(ESCAPED_IN_JSON, (character) => `\\u${hex(character, 4)}`);
}

/** Undefined where JSON cannot hold it: a cycle, a BigInt, a getter that throws. */
function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
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
