// Every case, by file, and what all of them have in common.
import { expect } from "vitest";
import { callbacks } from "./callbacks.ts";
import { chains } from "./chains.ts";
import { chords } from "./chords.ts";
import { dedup } from "./dedup.ts";
import { eager } from "./eager.ts";
import { errors } from "./errors.ts";
import { groups } from "./groups.ts";
import { ids } from "./ids.ts";
import { replacements } from "./replace.ts";
import { serialization } from "./serialization.ts";
import { stamping } from "./stamping.ts";
import type { Case, World } from "./world.ts";

export const FILES = {
  chains,
  groups,
  chords,
  replacements,
  callbacks,
  errors,
  ids,
  serialization,
  stamping,
  dedup,
  eager,
} as const;

export const CASES: readonly Case[] = Object.values(FILES).flat();

/** Runs a case until nothing is left to do. No task may have run twice for one attempt, and no message may be a dead letter. */
export async function runIn(world: World, { run }: Case): Promise<void> {
  await run(world);
  await world.quiet();
  expect(await world.deadLetters()).toBe(0);
  expect(world.journal.again, "a delivery too many ran a task again").toEqual([]);
}
