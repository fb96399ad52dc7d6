import type { Rng } from "./random.ts";

/** One surface that hostile input reaches. Made once for a run: what it keeps between inputs must not grow. */
export interface Target<I = unknown> {
  /** JSON only, so that an input can be printed, made smaller and kept. */
  generate(rng: Rng): I;
  /** Throws a Violation, or whatever crashed. */
  run(input: I): void | Promise<void>;
  close?(): Promise<void>;
}

/** An unknown input is its own kind of hostile: a target is only ever handed what it generated, or a part of that. */
export type MakeTarget = () => Promise<Target>;

export const target = <I>(one: Target<I>): Target => one as Target; // run() gets what generate() made
