// What the processes of a run write down, one JSON object a line, each into a file of its own in the run's directory. Imported by
// the app under test, too: nothing of Lovage in here.
import { appendFileSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** What a run of a task does before it returns, and how it ends. */
export interface Work {
  /** Pause of an I/O task; computing, or a pause that blocks, of a CPU-heavy one. */
  readonly ms: number;
  readonly ends: "value" | "error" | "retry" | "out of memory";
}

/** What keeps an accepted task's ending. */
export type Mode = "tracked" | "unclaimed" | "untracked" | "unreadable";

/** The publisher's: SQS has taken it, and said so. */
export interface Accepted {
  readonly at: number;
  readonly id: string;
  readonly task: string;
  readonly mode: Mode;
  readonly work?: Work;
  readonly link?: true;
  readonly linkError?: true;
}

/** The publisher's: nobody said whether SQS has taken it. */
export interface Unconfirmed {
  readonly at: number;
  readonly id: string;
  readonly error: string;
}

/** The tasks' own: the only thing they tell. */
export type Effect =
  | {
      readonly at: number;
      readonly what: "begin";
      /** Random, one for each run. */
      readonly run: string;
      readonly id: string;
      readonly attempt: number;
      readonly task: string;
      /** Process that ran it, and the worker it belongs to. */
      readonly pid: number;
      readonly worker: number;
      /** A callback's first argument. */
      readonly got?: string;
    }
  | {
      readonly at: number;
      readonly what: "end";
      readonly run: string;
      readonly how: "value" | "error" | "retry" | "stopped";
    }
  /** From a hook: this ending is the recorded one. */
  | {
      readonly at: number;
      readonly what: "recorded";
      readonly id: string;
      readonly state: "SUCCESS" | "FAILURE";
      /** Of a SUCCESS: what the run returned. */
      readonly run?: string;
    };

/** What the harness did, or saw go wrong. Times in epoch ms. */
export interface FaultLine {
  readonly at: number;
  readonly kind: string;
  /** End of what lasts. */
  readonly until?: number;
  /** Process it was done to. */
  readonly pid?: number;
  readonly service?: "sqs" | "dynamodb" | "s3";
  readonly operation?: string;
  /** Tasks that the request was about, as far as that can be read. */
  readonly ids?: readonly string[];
  readonly note?: string;
}

export const FILES = {
  accepted: "accepted.jsonl",
  unconfirmed: "unconfirmed.jsonl",
  effects: "effects.jsonl",
  faults: "faults.jsonl",
} as const;

/** Appends whole lines: O_APPEND keeps those of several processes apart. */
export function appender<Line extends object>(directory: string, file: string): (line: Line) => void {
  let descriptor: number | undefined;
  return (line) => {
    descriptor ??= openSync(join(directory, file), "a");
    writeSync(descriptor, `${JSON.stringify(line)}\n`);
  };
}

/** All lines. A process that was killed may have left half of its last one, which says nothing. */
export function readLines<Line>(directory: string, file: string): readonly Line[] {
  const path = join(directory, file);
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap(parsed<Line>);
}

export function parsed<Line>(text: string): readonly Line[] {
  if (text === "") return [];
  try {
    return [JSON.parse(text) as Line]; // an appender of this file wrote it
  } catch {
    return [];
  }
}

/** So that a reader finds it, however early it looks. */
export function createEmpty(directory: string): void {
  for (const file of Object.values(FILES)) appendFileSync(join(directory, file), "");
}
