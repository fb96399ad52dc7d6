// The clock of an app in memory. Time passes only where somebody lets it: `advance`, `drain()`, or a `get()` that waits.
import { AsyncLocalStorage } from "node:async_hooks";
import { type Duration, describe, seconds } from "../duration.ts";
import { InvalidOption } from "../errors.ts";
import { FakeClock } from "./fake-clock.ts";

/** What a test sees of its app's clock. */
export interface TestClock {
  /** The time the app believes it is. */
  now(): Date;
  /**
   * Lets time pass: whatever waits until then goes on, in order. Messages that come due are run by the next `drain()`.
   * Throws InvalidOption.
   */
  advance(time: Duration): Promise<void>;
  /** Lets time pass up to a moment; nothing where it is past. Throws InvalidOption. */
  advanceTo(moment: Date): Promise<void>;
}

interface Sleeper {
  readonly until: number;
  readonly reject: (reason: unknown) => void;
}

const insideExecution = new AsyncLocalStorage<true>();

/** A fake clock that knows who sleeps on it: a message that is being handled, or somebody outside, such as `get()`. */
export class VirtualClock extends FakeClock {
  readonly #inside = new Set<Sleeper>();
  readonly #outside = new Set<Sleeper>();
  /** Somebody outside has begun to wait. */
  onWaiting: () => void = () => {};

  /** Runs `handle` as part of a message's execution: what sleeps in there holds it up. */
  within<T>(handle: () => T): T {
    return insideExecution.run(true, handle);
  }

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const sleepers = insideExecution.getStore() ? this.#inside : this.#outside;
    const failed = Promise.withResolvers<never>();
    const sleeper = { until: this.now() + Math.max(0, ms), reject: failed.reject };
    sleepers.add(sleeper);
    if (sleepers === this.#outside) this.onWaiting();
    try {
      await Promise.race([super.sleep(ms, signal), failed.promise]);
    } finally {
      sleepers.delete(sleeper);
    }
  }

  /** When the first of those who wait inside, or outside, goes on; undefined where nobody waits. */
  nextWake(where: "inside" | "outside"): number | undefined {
    const sleepers = where === "inside" ? this.#inside : this.#outside;
    return sleepers.size === 0 ? undefined : Math.min(...[...sleepers].map(({ until }) => until));
  }

  /** Ends the waiting of everybody outside with an error. */
  wakeOutside(reason: unknown): void {
    for (const { reject } of this.#outside) reject(reason);
  }

  async passTo(moment: number): Promise<void> {
    await this.advance(Math.max(0, moment - this.now()));
  }
}

export function testClock(clock: VirtualClock): TestClock {
  return {
    now: () => new Date(clock.now()),
    advance: async (time) => clock.advance(seconds(time, "advance()") * 1_000),
    advanceTo: async (moment) => {
      if (!(moment instanceof Date) || !Number.isFinite(moment.getTime()))
        throw new InvalidOption(`advanceTo() was given ${describe(moment)}; it takes a valid Date`);
      await clock.passTo(moment.getTime());
    },
  };
}
