// Celery's tests with task_always_eager, or apply(): canvases run in place, in an app of their own. The world around is not asked.
import { expect } from "vitest";
import { type App, createApp } from "../../lib/app.ts";
import { chain, chord } from "../../lib/canvas.ts";
import { silentLogger } from "../../lib/log.ts";
import type { JsonValue } from "../../lib/wire/serializer.ts";
import { Journal } from "./journal.ts";
import { type CeleryTasks, celeryTasks } from "./tasks.ts";
import type { Case } from "./world.ts";

export async function inPlace(run: (tasks: CeleryTasks, app: App, journal: Journal) => Promise<void>): Promise<void> {
  const journal = new Journal();
  await using app = createApp("eager", { eager: { propagates: true }, logger: silentLogger });
  const tasks = celeryTasks(app, () => journal);
  await run(tasks, app, journal);
}

export const eager: readonly Case[] = [
  {
    name: "test_eager_chain_inside_task",
    run: () =>
      inPlace(async ({ add }, app, journal) => {
        const chainAdd = app.task("chain_add", async (x: JsonValue, y: JsonValue) => {
          await chain(add.s(x, x), add.s(y)).delay();
        });
        await (await chainAdd.delay(4, 8)).get();
        expect(journal.runs("add").map(({ args }) => args)).toEqual([
          [4, 4],
          [8, 8],
        ]);
      }),
  },
  {
    name: "test_eager_chord_inside_task",
    run: () =>
      inPlace(async ({ add }, app, journal) => {
        const chordAdd = app.task("chord_add", async (x: JsonValue, y: JsonValue) => {
          await chord([add.s(x, x)], add.s([y])).delay();
        });
        await (await chordAdd.delay(4, 8)).get();
        expect(journal.runs("add").map(({ args }) => args)).toEqual([
          [4, 4],
          [[8], [8]],
        ]);
      }),
  },
];
