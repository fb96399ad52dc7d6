// What is published: the n-th task of a run is the same for the same seed, whatever happened before it.
import { seededRandom } from "../../lib/testing/fake-clock.ts";
import type { Work } from "./lines.ts";

export type Kind =
  | "io"
  | "chosen"
  | "delayed"
  | "large"
  | "light"
  | "ignored"
  | "render"
  | "unknown task"
  | "unreadable"
  | "unreadable, no id";

export interface Planned {
  readonly kind: Kind;
  readonly work: Work;
  /** Seconds before it may start. */
  readonly countdown?: number;
  readonly link: boolean;
  readonly linkError: boolean;
  /** Revoked so many ms after it was accepted. */
  readonly revokeAfter?: number;
  readonly terminate: boolean;
}

/** Parts of all tasks. */
export type Mix = Readonly<Partial<Record<Kind, number>>>;

/** `unknown task` takes a hundred seconds to fail: not for a short run. */
export const CHAOS_MIX: Mix = {
  io: 400,
  light: 200,
  ignored: 150,
  render: 150,
  chosen: 50,
  delayed: 40,
  large: 4,
  unreadable: 1,
  "unreadable, no id": 1,
};
export const LONG_CHAOS_MIX: Mix = { ...CHAOS_MIX, "unknown task": 1 };
export const LOAD_MIX: Mix = { io: 500, light: 200, ignored: 200, render: 50, chosen: 50 };

export interface MixOptions {
  readonly seed: number;
  readonly mix: Mix;
  /** Part of the tasks that take a while, half a second or up to `mostMs`, and so are there to be hit. */
  readonly slow: { readonly part: number; readonly mostMs: number };
  /** Part of the CPU-heavy tasks that use up their process's memory. */
  readonly outOfMemory: number;
}

export function planned(n: number, { seed, mix, slow, outOfMemory }: MixOptions): Planned {
  const random = seededRandom(seed * 1_000_003 + n);
  random(); // the first of neighbouring seeds are alike
  const kind = pick(mix, random());
  const ended = random();
  const ends = ended < 0.1 ? "error" : ended < 0.2 ? "retry" : "value";
  const long = random() < slow.part;
  const fast = kind === "render" ? 2 + random() * 8 : 1 + random() * 30;
  const ms = Math.round(long ? 500 + random() * (slow.mostMs - 500) : fast);
  const revoked = random() < 0.01;
  const hungry = kind === "render" && random() < outOfMemory;
  return {
    kind,
    work: { ms: revoked ? slow.mostMs / 2 : ms, ends: hungry ? "out of memory" : ends },
    ...(kind === "delayed" && { countdown: 1 + Math.floor(random() * 10) }),
    ...(revoked && { revokeAfter: Math.round(random() * 800) }),
    terminate: random() < 0.5,
    link: random() < 0.1,
    linkError: random() < 0.5,
  };
}

function pick(mix: Mix, at: number): Kind {
  const parts = Object.entries(mix) as [Kind, number][]; // the keys of a Mix
  let left = at * parts.reduce((sum, [, part]) => sum + part, 0);
  for (const [kind, part] of parts) {
    left -= part;
    if (left < 0) return kind;
  }
  return "io";
}
