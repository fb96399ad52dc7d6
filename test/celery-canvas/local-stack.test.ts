// Celery's own tests of canvases, each by its name and with its expected value, by the protocols of SQS and DynamoDB.
import { afterAll, beforeAll, describe, test } from "vitest";
import { FILES, runIn } from "./all.ts";
import { LocalWorlds } from "./local-world.ts";

/** Cases at a time. */
const AT_A_TIME = 4;

let worlds: LocalWorlds;

beforeAll(async () => {
  worlds = await LocalWorlds.start(AT_A_TIME);
});

afterAll(async () => {
  await worlds?.[Symbol.asyncDispose]();
});

describe.each(Object.entries(FILES))("%s", (_, cases) => {
  test.concurrent.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    await using taken = await worlds.take();
    await runIn(taken.world, one);
  });
});
