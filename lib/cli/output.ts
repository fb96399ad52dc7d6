// What a verb prints. Results, tables and screens go to stdout, logs and errors to stderr; with --json both are JSON, one
// object per line.
import { stripVTControlCharacters } from "node:util";
import { type Clock, systemClock } from "../clock.ts";
import { type Environment, readEnvironment } from "../environment.ts";
import { createLogger, type Logger } from "../log.ts";
import { printable, printableJson, printableLine } from "../printable.ts";
import { causeOf } from "./cause.ts";

export interface OutputOptions {
  readonly json?: boolean | undefined;
  readonly debug?: boolean | undefined;
}

export class Output {
  readonly json: boolean;
  readonly debug: boolean;
  readonly #environment: Environment;

  constructor({ json = false, debug = false }: OutputOptions, environment: Environment = readEnvironment()) {
    this.json = json;
    this.debug = debug;
    this.#environment = environment;
  }

  /** To stdout: `value` with --json, otherwise what `text` says. */
  show(value: unknown, text: (style: Style) => string): void {
    process.stdout.write(`${this.json ? printableJson(value) : text(styleOf(process.stdout, this.#environment))}\n`);
  }

  /** To stderr, for people only. */
  remark(text: (style: Style) => string): void {
    if (!this.json) process.stderr.write(`${text(styleOf(process.stderr, this.#environment))}\n`);
  }

  /** To stderr: the one cause. Its stack only where it is unexpected, or with --debug. */
  error(error: unknown, hint?: string): void {
    const { code, message, stack, expected } = causeOf(error);
    const shown = expected && !this.debug ? undefined : stack;
    if (this.json) {
      process.stderr.write(`${printableJson({ error: { code, message, hint, stack: shown } })}\n`);
      return;
    }
    this.remark(({ red, dim }) => {
      const lines = [`${red("error:")} ${printable(message)}`];
      if (hint !== undefined) lines.push(`${dim("hint:")}  ${hint}`);
      if (shown !== undefined) lines.push(dim(printable(shown)));
      return lines.join("\n");
    });
  }

  /** JSON lines, or readable ones where stderr is a terminal. */
  get logFormat(): "json" | "pretty" {
    return this.json ? "json" : (this.#environment.logFormat ?? (process.stderr.isTTY ? "pretty" : "json"));
  }

  logger(clock: Clock = systemClock): Logger {
    const format = this.logFormat;
    const plain = format === "pretty" && !coloured(process.stderr, this.#environment);
    const write = (line: string) => {
      process.stderr.write(`${plain ? stripVTControlCharacters(line) : line}\n`);
    };
    return createLogger({ level: this.debug ? "debug" : "info", format, clock, write });
  }
}

/** For verbs that run for long: LOVAGE_LOG_FORMAT=json is their --json too, so that one stream holds one format. */
export function longRunning({ json, debug }: OutputOptions): Output {
  const environment = readEnvironment();
  return new Output({ json: json || environment.logFormat === "json", debug }, environment);
}

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
}

const PLAIN: Style = { bold: String, dim: String, red: String, green: String };
const paint = (on: number, off: number) => (text: string) => `\x1b[${on}m${text}\x1b[${off}m`;
const COLOURED: Style = { bold: paint(1, 22), dim: paint(2, 22), red: paint(31, 39), green: paint(32, 39) };

function coloured(stream: NodeJS.WriteStream, { noColour }: Environment): boolean {
  return stream.isTTY === true && !noColour;
}

function styleOf(stream: NodeJS.WriteStream, environment: Environment): Style {
  return coloured(stream, environment) ? COLOURED : PLAIN;
}

/** Columns that line up, with a quiet head. Columns named in `right` hold numbers. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { dim }: Style,
  right: readonly string[] = [],
): string {
  const cells = [head, ...rows].map((row) => row.map(printableLine));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const lines = cells.map((row) => {
    const padded = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return right.includes(head[column] ?? "") ? cell.padStart(width) : cell.padEnd(width);
    });
    return `  ${padded.join("   ")}`.trimEnd();
  });
  return [dim(lines[0] ?? ""), ...lines.slice(1)].join("\n");
}

/** Names and values that line up. What is undefined is left out. */
export function facts(pairs: Readonly<Record<string, string | undefined>>, { dim }: Style): string {
  const known = Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const width = Math.max(0, ...known.map(([name]) => name.length));
  const indent = " ".repeat(width + 5);
  return known
    .map(([name, value]) => `  ${dim(name.padEnd(width))}   ${printable(value).replaceAll("\n", `\n${indent}`)}`)
    .join("\n");
}

/** "250 ms", "45 s", "3 min", "2.5 h". */
export function span(seconds: number): string {
  if (seconds < 1 && seconds > 0) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 120) return `${round(seconds)} s`;
  if (seconds < 7_200) return `${round(seconds / 60)} min`;
  if (seconds < 172_800) return `${round(seconds / 3_600)} h`;
  return `${round(seconds / 86_400)} d`;
}

const round = (value: number) => Math.round(value * 10) / 10;
