// Every case, by file.
import { callbacks } from "./callbacks.ts";
import { chains } from "./chains.ts";
import { chords } from "./chords.ts";
import { dedup } from "./dedup.ts";
import { errors } from "./errors.ts";
import { groups } from "./groups.ts";
import { ids } from "./ids.ts";
import { replacements } from "./replace.ts";
import { serialization } from "./serialization.ts";
import { stamping } from "./stamping.ts";
import type { Case } from "./world.ts";

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
} as const;

export const CASES: readonly Case[] = Object.values(FILES).flat();
