// Celery's own tests of canvases, each by its name and with its expected value, in every world: as they are, with every message delivered
// twice, in any order, and by the protocols of SQS and DynamoDB. No expected value depends on the world.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FILES } from "./all.ts";
import { LocalWorlds } from "./local-world.ts";
import { memoryWorld, type Weather } from "./memory-world.ts";
import type { Case, World } from "./world.ts";

const WEATHERS: Readonly<Record<string, Weather>> = {
  "in memory": { seed: 1 },
  "every message twice": { twice: true, seed: 1 },
  "any order, seed 1": { reorder: true, seed: 1 },
  "any order, seed 2": { reorder: true, seed: 2 },
  "any order and twice": { reorder: true, twice: true, seed: 3 },
};

/** Cases that run on the local stack at a time. */
const AT_A_TIME = 4;

async function runIn(taken: { readonly world: World } & AsyncDisposable, { run }: Case): Promise<void> {
  await using it = taken;
  await run(it.world);
  await it.world.quiet();
  expect(await it.world.deadLetters()).toBe(0);
  expect(it.world.journal.again, "a delivery too many ran a task again").toEqual([]);
}

describe.each(Object.entries(WEATHERS))("%s", (_, weather) => {
  describe.each(Object.entries(FILES))("%s", (_, cases) => {
    test.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
      const world = await memoryWorld(weather);
      await runIn({ world, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }, one);
    });
  });
});

describe("on the local stack", () => {
  let worlds: LocalWorlds;
  beforeAll(async () => {
    worlds = await LocalWorlds.start(AT_A_TIME);
  });
  afterAll(async () => {
    await worlds?.[Symbol.asyncDispose]();
  });
  describe.each(Object.entries(FILES))("%s", (_, cases) => {
    test.concurrent.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
      await runIn(await worlds.take(), one);
    });
  });
});
