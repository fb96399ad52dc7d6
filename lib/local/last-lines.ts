import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";

const LINES = 20;

export interface LastLines {
  text(): string;
  /** Everything has been read. */
  readonly ended: Promise<void>;
}

/** Reads a stream to its end and remembers its last lines, for the message of a start that failed. */
export function lastLines(stream: Readable | null): LastLines {
  if (stream === null) return { text: () => "", ended: Promise.resolve() };
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text = (text + chunk).split("\n").slice(-LINES).join("\n");
  });
  return { text: () => text.trim(), ended: finished(stream).catch(() => {}) }; // a broken pipe has no more lines either
}
