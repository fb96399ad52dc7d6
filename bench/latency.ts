// From delay() to the handler's first line, one task at a time: the worker waits in a long poll for each.
import { ask } from "./child.ts";

export async function latencyMs(samples: number): Promise<{ p50: number; p99: number }> {
  const sorted = (await ask<number[]>("latency", String(samples))).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}
