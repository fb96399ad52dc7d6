// Resident memory of processes over a run, sampled from outside.
import { readFileSync } from "node:fs";
import { systemClock } from "../../lib/clock.ts";
import { childrenOf } from "./workers.ts";

const EVERY_MS = 500;

interface Sample {
  readonly workers: number;
  readonly children: number;
  readonly publisher: number;
}

/** MB: the largest of the second quarter of a run, when everything is warm, and of the last. */
export interface Growth {
  readonly second: number;
  readonly last: number;
}

export class Memory {
  readonly #samples: Sample[] = [];
  readonly #stopped = new AbortController();

  constructor(pids: () => { readonly workers: readonly number[]; readonly publisher: number }) {
    void this.#sample(pids);
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #sample(pids: () => { readonly workers: readonly number[]; readonly publisher: number }): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const { workers, publisher } = pids();
      const largest = (of: readonly number[]) => Math.max(0, ...of.map(residentMb));
      this.#samples.push({
        workers: largest(workers),
        children: largest(workers.flatMap(childrenOf)),
        publisher: residentMb(publisher),
      });
      await systemClock.sleep(EVERY_MS, this.#stopped.signal).catch(() => {});
    }
  }

  /** Of the largest of these processes, while there was one. */
  growth(of: keyof Sample): Growth {
    const values = this.#samples.map((sample) => sample[of]).filter((value) => value > 0);
    const quarter = (n: number) =>
      values.slice(Math.floor((values.length * n) / 4), Math.ceil((values.length * (n + 1)) / 4));
    return { second: Math.max(0, ...quarter(1)), last: Math.max(0, ...quarter(3)) };
  }
}

/** 0 where it has ended. */
function residentMb(pid: number): number {
  try {
    const kb = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kb ?? 0) / 1_024;
  } catch {
    return 0;
  }
}
