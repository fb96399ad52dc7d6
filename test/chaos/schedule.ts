// When what is done to processes and services happens: by the seed, each kind at least once.
import { seededRandom } from "../../lib/testing/fake-clock.ts";

export type Blow =
  | "kill"
  | "stop"
  | "terminate"
  | "kill_child"
  | "restart_sqs"
  | "restart_dynamodb"
  | "outage_sqs"
  | "outage_dynamodb";

/** Seconds between two of a kind. */
const EVERY: Readonly<Record<Blow, number>> = {
  kill: 25,
  stop: 60,
  terminate: 75,
  kill_child: 20,
  restart_sqs: 60,
  restart_dynamodb: 60,
  outage_sqs: 120,
  outage_dynamodb: 120,
};

export const BLOWS = Object.keys(EVERY) as readonly Blow[]; // it has each

/** Beyond every lease, with the visibility of its message: 15 and 20 s here. */
const PAUSE_MS = { least: 21_000, most: 27_000 };
const OUTAGE_MS = { least: 2_000, most: 8_000 };

export interface Scheduled {
  /** ms from the beginning. */
  readonly at: number;
  readonly blow: Blow;
  /** How long it lasts, where it does. */
  readonly ms: number;
  /** Whom it hits, 0 to 1. */
  readonly whom: number;
}

export function schedule(seed: number, seconds: number): readonly Scheduled[] {
  const random = seededRandom(seed * 31 + 7);
  const between = ({ least, most }: { least: number; most: number }) => Math.round(least + random() * (most - least));
  const all: Scheduled[] = [];
  for (const [blow, every] of Object.entries(EVERY) as [Blow, number][]) {
    const times = Math.max(1, Math.round(seconds / every));
    for (let i = 0; i < times; i++) {
      // Never in the first second: nothing runs yet that could be hit.
      const at = 1_000 + ((i + random()) / times) * Math.max(0, seconds - 2) * 1_000;
      all.push({ at, blow, ms: between(blow === "stop" ? PAUSE_MS : OUTAGE_MS), whom: random() });
    }
  }
  return all.sort((a, b) => a.at - b.at);
}
