// Runs one target over many inputs, and looks after each whether everything still holds. Deterministic by seed.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { costly, cpuMs } from "./cost.ts";
import { unpolluted, Violation } from "./oracles.ts";
import { Rng } from "./random.ts";
import { smaller } from "./smaller.ts";
import type { Target } from "./target.ts";

export interface FuzzOptions {
  readonly name: string;
  readonly seed: string;
  readonly inputs: number;
  /** This input alone. */
  readonly only?: number | undefined;
  /** Told of each input before it runs. */
  readonly begin?: (n: number) => void;
  /** Stops after so many violations. @default 5 */
  readonly most?: number;
}

export interface Found {
  readonly n: number;
  readonly oracle: string;
  readonly message: string;
  /** As small as it could cheaply be made. */
  readonly input: unknown;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly found: readonly Found[];
  /** Bytes by which the heap grew over the second half of the inputs, after a collection. */
  readonly heapGrowth: number;
  /** CPU of the costliest large input, in multiples of JSON.parse of as many bytes. */
  readonly costliest: number;
}

/** Large enough for a cache keyed by input to show, and for what the engine itself keeps not to. */
const GROWTH = { bytesPerInput: 64, bytes: 6_000_000 };

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void; // what --expose-gc gives

function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  const { name, seed, inputs, only, begin = () => {}, most = 5 } = options;
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown) => void rejections.push(reason);
  process.on("unhandledRejection", onRejection);
  const found: Found[] = [];
  let costliest = 0;
  let heapBefore = 0;
  const half = Math.floor(inputs / 2);
  /** Throws where anything does not hold. */
  const look = async (input: unknown): Promise<void> => {
    rejections.length = 0;
    const began = cpuMs();
    await target.run(input);
    const ms = cpuMs() - began;
    costliest = Math.max(costliest, await costly(ms, input, () => target.run(input)));
    unpolluted();
    if (rejections.length > 0)
      throw new Violation("unhandled rejection", String((rejections[0] as Error)?.stack ?? rejections[0]));
  };
  const first = only ?? 0;
  const last = only ?? inputs - 1;
  try {
    for (let n = first; n <= last && found.length < most; n++) {
      begin(n);
      if (n === half && only === undefined) heapBefore = heapInUse();
      const input = target.generate(new Rng(`${seed}:${name}:${n}`));
      const violation = await fails(look, input);
      if (violation !== undefined) found.push(await report(n, input, violation, look));
      if (n % 50 === 0) await turn(rejections, found, n);
    }
    await turn(rejections, found, last);
    const heapGrowth = only === undefined && heapBefore > 0 ? heapInUse() - heapBefore : 0;
    if (heapGrowth > GROWTH.bytes + GROWTH.bytesPerInput * (inputs - half)) {
      const message = `the heap grew by ${heapGrowth} bytes over ${inputs - half} inputs: something is kept for each of them`;
      found.push({ n: -1, oracle: "memory", message, input: null });
    }
    return { inputs: last - first + 1, found, heapGrowth, costliest };
  } finally {
    process.off("unhandledRejection", onRejection);
    await target.close?.();
  }
}

/** Node tells of an unhandled rejection at the end of the turn. */
async function turn(rejections: readonly unknown[], found: Found[], n: number): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  const [reason] = rejections;
  if (reason === undefined) return;
  const message = `within the 50 inputs up to this one: ${(reason as Error)?.stack ?? String(reason)}`;
  found.push({ n, oracle: "unhandled rejection", message, input: null });
}

async function fails(look: (input: unknown) => Promise<void>, input: unknown): Promise<Violation | undefined> {
  try {
    await look(input);
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error;
    return new Violation("crash", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

async function report(
  n: number,
  input: unknown,
  violation: Violation,
  look: (input: unknown) => Promise<void>,
): Promise<Found> {
  const { oracle } = violation;
  const head = (message: string) => message.slice(0, 60);
  const same = async (candidate: unknown) => {
    const again = await fails(look, candidate);
    return again?.oracle === oracle && head(again.message) === head(violation.message);
  };
  const least = oracle === "cost" ? input : await smaller(input, same);
  const message = (await fails(look, least))?.message ?? violation.message;
  return { n, oracle, message, input: least };
}
