// Spreads seeds over threads.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { addTo, emptySummary, type Summary } from "./seeds.ts";
import type { Portion } from "./thread.ts";

/** Seeds a thread gets at a time. */
const PORTION = 50;

export interface JobsOptions extends Portion {
  readonly jobs: number;
  /** Hears of every part that is done. */
  readonly onPart: (part: Summary, total: Summary) => void;
}

export async function runInThreads({ from, seeds, jobs, onPart, ...rest }: JobsOptions): Promise<Summary> {
  const total = emptySummary();
  let next = from;
  const end = from + seeds;
  const work = async () => {
    const thread = new Worker(new URL("./thread.ts", import.meta.url));
    try {
      while (next < end) {
        const portion: Portion = { ...rest, from: next, seeds: Math.min(PORTION, end - next) };
        next += portion.seeds;
        thread.postMessage(portion);
        const [part] = (await once(thread, "message")) as [Summary]; // what thread.ts posts
        addTo(total, part);
        onPart(part, total);
      }
    } finally {
      await thread.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, Math.ceil(seeds / PORTION)) }, work));
  return total;
}
