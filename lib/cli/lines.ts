// The lines of a file or of stdin, one at a time: a file of any length takes no more memory than its longest line.
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import { SQS } from "../defaults.ts";
import { InvalidOption } from "../errors.ts";

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** Why it cannot be read; `text` is empty then. */
  readonly problem?: string;
  /** Bytes of the file up to its end. */
  readonly bytes: number;
}

/** A message may be 1 MiB, and every character of it may be written as a six-character escape. */
const MAX_LINE_BYTES = 6 * SQS.maxMessageBytes;
const NEWLINE = 10;

export interface LineSource {
  readonly lines: AsyncIterable<Line>;
  /** Undefined for stdin. */
  readonly totalBytes: number | undefined;
}

/** `-` is stdin. Throws InvalidOption where there is no such file. Ends early once `signal` aborts. */
export async function openLines(path: string, signal: AbortSignal): Promise<LineSource> {
  if (path === "-") return { lines: linesOf(process.stdin, signal), totalBytes: undefined };
  const found = await stat(path).catch(() => undefined); // the next line says what that means
  if (found === undefined)
    throw new InvalidOption(`there is no file ${JSON.stringify(path)}; give one, or - for stdin`);
  if (found.isDirectory())
    throw new InvalidOption(`${JSON.stringify(path)} is a directory; give a file, or - for stdin`);
  return { lines: linesOf(createReadStream(path), signal), totalBytes: found.isFile() ? found.size : undefined };
}

/** Blank lines count and are left out. */
export async function* linesOf(stream: Readable, signal: AbortSignal): AsyncGenerator<Line> {
  let number = 0;
  let bytes = 0;
  let tooLong = false;
  let rest: Buffer[] = [];
  let restBytes = 0;
  const take = (): Line | undefined => {
    const line = Buffer.concat(rest);
    const problem = tooLong
      ? `it is longer than ${MAX_LINE_BYTES} bytes`
      : isUtf8(line)
        ? undefined
        : "it is not UTF-8";
    rest = [];
    restBytes = 0;
    tooLong = false;
    number++;
    if (problem !== undefined) return { number, text: "", problem, bytes };
    const text = (number === 1 ? line.toString("utf8").replace(/^\uFEFF/, "") : line.toString("utf8")).trim();
    return text === "" ? undefined : { number, text, bytes };
  };
  const keep = (part: Buffer) => {
    bytes += part.length;
    restBytes += part.length;
    tooLong ||= restBytes > MAX_LINE_BYTES;
    if (tooLong) rest = [];
    else rest.push(part);
  };
  try {
    for await (const chunk of addAbortSignal(signal, stream) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
        keep(chunk.subarray(from, end));
        bytes++;
        from = end + 1;
        const line = take();
        if (line !== undefined) yield line;
      }
      keep(chunk.subarray(from));
    }
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  const last = restBytes > 0 ? take() : undefined;
  if (last !== undefined) yield last;
}
