// A target that never comes to an end, in one of two ways.
import { type MakeTarget, target } from "../target.ts";

export const make: MakeTarget = async () =>
  target<number>({
    generate: (rng) => rng.int(20),
    run: (input) => {
      if (input === 7) for (;;);
    },
  });
