// What cannot be undone is asked for, on a terminal.
import { createInterface } from "node:readline/promises";
import type { Output } from "./output.ts";

/** Somebody is there to be asked. */
export function canAsk({ json }: Output): boolean {
  return process.stdin.isTTY && process.stderr.isTTY && !json;
}

/** Ctrl-C, or the end of the input, is a no. */
export async function confirmed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  terminal.once("close", () => closed.abort());
  terminal.once("SIGINT", () => terminal.close());
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: closed.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    process.stderr.write("\n");
    return false;
  } finally {
    terminal.close();
  }
}
