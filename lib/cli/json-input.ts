// JSON that a verb takes as an option: written there, in a file, or on stdin.
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { parseExact } from "./exact-json.ts";

/** `[1]` and `{"a":1}` are JSON, `-` is stdin, everything else (`calls.json`, `@calls.json`) is a file. What is wrong is wrong use. */
export async function jsonInput(command: Command, option: string, given: string): Promise<unknown> {
  const inline = /^\s*[[{]/.test(given);
  const found = parseExact(inline ? given : await content(command, option, given));
  if ("value" in found) return found.value;
  return command.error(`error: ${option} ${inline ? "is wrong" : given}: ${found.problem}`);
}

async function content(command: Command, option: string, given: string): Promise<string> {
  if (given === "-") return text(process.stdin);
  const path = given.startsWith("@") ? given.slice(1) : given;
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : String(error);
    return command.error(`error: ${option} ${given}: ${why}; it takes JSON, a file with JSON, or - for stdin`);
  }
}

/** Throws a usage error where it is no array. */
export async function jsonArray(command: Command, option: string, given: string): Promise<readonly unknown[]> {
  const found = await jsonInput(command, option, given);
  if (Array.isArray(found)) return found;
  return command.error(`error: ${option} takes a JSON array such as '[2, 3]'`);
}

/** Throws a usage error where it is no object. */
export async function jsonObject(
  command: Command,
  option: string,
  given: string,
): Promise<Readonly<Record<string, unknown>>> {
  const found = await jsonInput(command, option, given);
  if (typeof found === "object" && found !== null && !Array.isArray(found)) return found as Record<string, unknown>; // looked at
  return command.error(`error: ${option}: it takes a JSON object such as '{"colour":"blue"}'`);
}
