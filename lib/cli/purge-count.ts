// What a purge has done, as numbers and as words.
import type { Delivery, QueueDepth } from "../ports/broker.ts";
import type { Purged } from "../worker/purge.ts";
import type { Style } from "./output.ts";

export type PurgeCounts = Readonly<Record<Purged, number>>;

/** Counts messages. One that is given back may be received again: it counts once, as what became of it last. */
export class PurgeCount {
  readonly #counts = {
    purged: 0,
    ended: 0,
    superseded: 0,
    failed: 0,
    running: 0,
    moved: 0,
    kept: 0,
    deleted: 0,
  } satisfies PurgeCounts;
  /** Given back. */
  readonly #running = new Set<string>();

  get counts(): PurgeCounts {
    return { ...this.#counts, running: this.#running.size };
  }

  /** Messages that were received and settled. */
  get handled(): number {
    return Object.values(this.counts).reduce((sum, one) => sum + one, 0);
  }

  readonly add = (purged: Purged, { messageId }: Delivery): void => {
    if (purged === "running") {
      this.#running.add(messageId);
      return;
    }
    this.#running.delete(messageId);
    this.#counts[purged]++;
  };
}

const WORDS: Readonly<Record<Exclude<Purged, "purged">, string>> = {
  ended: "had ended before: message dropped",
  superseded: "in a later attempt: its message was sent again",
  failed: "unreadable, recorded as FAILURE",
  running: "running: left alone",
  moved: "unreadable without an id: moved to the dead-letter queue",
  kept: "unreadable without an id: left there",
  deleted: "unreadable without an id: deleted",
};

export function summaryText(queue: string, counts: PurgeCounts, style: Style): string {
  const tasks = counts.purged === 1 ? "1 task" : `${number(counts.purged)} tasks`;
  const others = (Object.keys(WORDS) as (keyof typeof WORDS)[]).filter((one) => counts[one] > 0); // its own keys
  const width = Math.max(0, ...others.map((one) => number(counts[one]).length));
  const lines = others.map((one) => `  ${number(counts[one]).padStart(width)}   ${WORDS[one]}`);
  return [`${style.bold("purged")} ${tasks} of ${queue}`, ...lines].join("\n");
}

const number = (value: number) => value.toLocaleString("en");

export function remainText({ visible, inFlight, delayed }: QueueDepth): string {
  if (visible + inFlight + delayed === 0) return "nothing remains";
  const parts = [
    ...(visible === 0 ? [] : [`${number(visible)} waiting`]),
    ...(inFlight === 0 ? [] : [`${number(inFlight)} in flight (somebody has received them)`]),
    ...(delayed === 0 ? [] : [`${number(delayed)} delayed (a countdown, or a retry: not due yet)`]),
  ];
  return `about ${parts.join(", ")} remain; purge again once they can be received, or revoke them by id`;
}
