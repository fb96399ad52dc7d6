// Celery's own tests of canvases, each by its name and with its expected value, in memory: as they are, with every message delivered
// twice, and in any order. No expected value depends on the world. CANVAS_SEEDS=1,2,3 has other orders.
import { describe, test } from "vitest";
import { FILES, runIn } from "./all.ts";
import { memoryWorld, type Weather } from "./memory-world.ts";

const SEEDS = (process.env.CANVAS_SEEDS ?? "1").split(",").map(Number);

const WEATHERS: Readonly<Record<string, Weather>> = {
  "as they are": { seed: 1 },
  "every message twice": { twice: true, seed: 1 },
  ...Object.fromEntries(
    SEEDS.flatMap((seed): [string, Weather][] => [
      [`any order, seed ${seed}`, { reorder: true, seed }],
      [`any order and twice, seed ${seed}`, { reorder: true, twice: true, seed }],
    ]),
  ),
};

describe.each(Object.entries(WEATHERS))("%s", (_, weather) => {
  describe.each(Object.entries(FILES))("%s", (_, cases) => {
    test.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
      await using world = await memoryWorld(weather);
      await runIn(world, one);
    });
  });
});
