// Whether an input costs more than its size explains: the CPU it takes, against what JSON.parse takes for as many bytes, in the
// same process and moments apart. Small ones are not looked at: a bound on their time would measure the machine.
import { MAX_INFLATED_BYTES } from "../../lib/wire/payload.ts";
import { Violation } from "./oracles.ts";

const LARGE_BYTES = 65_536;
const SLOW_MS = 40;
/** Times JSON.parse of as many bytes: a message is parsed twice, scanned, checked, recorded with its failure, and logged. */
const MOST = 100;
/** Times JSON.parse of LARGE_BYTES, for any input: a collection of garbage may fall into it. */
const FOR_ANY = 1_500;
const TRIES = 4;
/** A kernel may count a thread's time in steps of some milliseconds. */
const MEASURABLE_MS = 20;
const LARGEST_MEASURED = 2 ** 21;

/** A message, as far as a parser cares. */
const SAMPLE = `{"id":"t-1","args":[2,3,"${"x".repeat(40)}"],"kwargs":{"a":true,"b":null}},`;

/** CPU time of this thread, in ms: a machine that is busy elsewhere makes nothing costly. */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** What one call costs, in ms of CPU: the least of two tries, each of as many calls as can be measured. */
export function costOf(call: () => unknown): number {
  const times = (count: number): number => {
    const began = cpuMs();
    for (let n = 0; n < count; n++) call();
    const ms = cpuMs() - began;
    return ms < MEASURABLE_MS ? times(count * 3) : ms / count;
  };
  return Math.min(times(1), times(1));
}

const perByte = new Map<number, number>();

/** Multiples of JSON.parse, 0 where it is not worth measuring. Throws a Violation where it is over the limit again and again. */
export async function costly(ms: number, input: unknown, again: () => void | Promise<void>): Promise<number> {
  if (ms < SLOW_MS) return 0;
  const bytes = Math.max(LARGE_BYTES, sizeOf(input));
  let least = ms;
  const limit = MOST * parseMs(bytes) + FOR_ANY * parseMs(LARGE_BYTES);
  for (let tried = 1; tried < TRIES && least > limit; tried++) {
    const began = cpuMs();
    await again();
    least = Math.min(least, cpuMs() - began);
  }
  const times = least / parseMs(bytes);
  if (least > limit)
    throw new Violation(
      "cost",
      `${bytes} bytes took ${Math.round(least)} ms, ${Math.round(times)} times JSON.parse of as many`,
    );
  return Math.round(times);
}

/** A gzipped body counts as what is inflated of it at most. */
function sizeOf(input: unknown): number {
  const text = JSON.stringify(input);
  return text.length + (text.split("H4sIA").length - 1) * MAX_INFLATED_BYTES;
}

/** Measured up to a few MiB, and linear from there. */
function parseMs(bytes: number): number {
  const size = Math.min(LARGEST_MEASURED, 2 ** Math.ceil(Math.log2(bytes)));
  let ms = perByte.get(size);
  if (ms === undefined) {
    const text = `[${SAMPLE.repeat(Math.ceil(size / SAMPLE.length))}0]`;
    ms = costOf(() => JSON.parse(text));
    perByte.set(size, ms);
  }
  return ms * Math.max(1, bytes / size);
}
