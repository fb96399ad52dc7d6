// The processes behind tinypool's workers. tinypool says that one has died, not of what, and ends one with SIGTERM and a
// second of patience; a child ignores SIGTERM, and whoever is to die may be in an endless loop: here it is SIGKILL at once.
import type { TinypoolChannel, TinypoolWorker } from "tinypool";

export interface Death {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  /** Resolves when it is dead and everything it had sent is here. */
  readonly gone: Promise<Death>;
}

export class Children {
  readonly #children = new Map<TinypoolWorker, Child & { exited: boolean }>();

  /** Watches those that are new among the pool's workers, and kills those it has let go of. */
  sweep(workers: readonly TinypoolWorker[]): void {
    for (const worker of workers) if (!this.#children.has(worker)) this.#watch(worker);
    for (const [worker, { exited }] of this.#children) {
      if (exited || workers.includes(worker)) continue;
      try {
        process.kill(worker.threadId, "SIGKILL");
      } catch {} // it has just died, and says so next
    }
  }

  /** The one whose worker has this channel, which is how tinypool shows where it has put a job. */
  at(channel: TinypoolChannel): Child | undefined {
    for (const [worker, child] of this.#children) if ("channel" in worker && worker.channel === channel) return child;
    return undefined;
  }

  async allGone(): Promise<void> {
    await Promise.all([...this.#children.values()].map(({ gone }) => gone));
  }

  #watch(worker: TinypoolWorker): void {
    if (worker.threadId === undefined) return; // it could not be started: tinypool says so next
    const exited = Promise.withResolvers<Death>();
    const heardOut = Promise.withResolvers<void>();
    const child = { exited: false, gone: heardOut.promise.then(() => exited.promise) };
    worker.once("exit", (code: number | null, signal: NodeJS.Signals | null) => {
      child.exited = true;
      exited.resolve({ code, signal });
    });
    worker.once("disconnect", () => heardOut.resolve());
    this.#children.set(worker, child);
    void child.gone.then(() => this.#children.delete(worker));
  }
}
