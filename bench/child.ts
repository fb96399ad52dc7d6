// A measurement in a process of its own: started, asked, awaited. It prints one JSON value.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export function processFile(name: string): string {
  return fileURLToPath(new URL(`processes/${name}.ts`, import.meta.url));
}

export async function ask<Answer>(name: string, ...args: readonly string[]): Promise<Answer> {
  const { stdout } = await run(process.execPath, [processFile(name), ...args]);
  return JSON.parse(stdout) as Answer; // its processes/<name>.ts says so
}
