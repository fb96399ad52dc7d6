import type { Fields, Logger } from "../log.ts";

/** One line that the app logged. */
export interface LogLine extends Fields {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
}

/** A logger that adds its lines to `lines` and prints nothing. */
export function capturedLogger(lines: LogLine[], bound: Fields = {}): Logger {
  const at = (level: LogLine["level"]) => (fields: Fields, message: string) => {
    lines.push({ ...bound, ...fields, level, message });
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => capturedLogger(lines, { ...bound, ...fields }),
  };
}
