// Celery's own tests of canvases, each by its name and with its expected value, in every world: as they are, with every message delivered
// twice, in any order, and by the protocols of SQS and DynamoDB. No expected value depends on the world.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FILES } from "./all.ts";
import { type LocalWorlds, localWorlds } from "./local-world.ts";
import { memoryWorld, type Weather } from "./memory-world.ts";
import type { World } from "./world.ts";

const WEATHERS: Readonly<Record<string, Weather>> = {
  "in memory": { seed: 1 },
  "every message twice": { twice: true, seed: 1 },
  "any order, seed 1": { reorder: true, seed: 1 },
  "any order, seed 2": { reorder: true, seed: 2 },
  "any order and twice": { reorder: true, twice: true, seed: 3 },
};

function casesIn(worldOf: () => Promise<{ readonly world: World } & AsyncDisposable>): void {
  describe.each(Object.entries(FILES))("%s", (_, cases) => {
    test.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, { run }) => {
      await using it = await worldOf();
      await run(it.world);
      await it.world.quiet();
      expect(await it.world.deadLetters()).toBe(0);
      expect(it.world.journal.again, "a delivery too many ran a task again").toEqual([]);
    });
  });
}

describe.each(Object.entries(WEATHERS))("%s", (_, weather) => {
  casesIn(async () => {
    const world = await memoryWorld(weather);
    return { world, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
  });
});

describe("on the local stack", () => {
  let worlds: LocalWorlds;
  beforeAll(async () => {
    worlds = await localWorlds();
  });
  afterAll(async () => {
    await worlds?.[Symbol.asyncDispose]();
  });
  casesIn(async () => ({ world: worlds.next(), [Symbol.asyncDispose]: async () => {} }));
});
