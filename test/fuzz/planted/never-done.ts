import { type MakeTarget, target } from "../target.ts";

export const make: MakeTarget = async () =>
  target<number>({ generate: (rng) => rng.int(20), run: (input) => (input === 7 ? new Promise(() => {}) : undefined) });
