// Arguments that a schema looks at: where it refuses them, the error has a path, is bounded, and is one of ours.
import { z } from "zod";
import { InvalidArguments } from "../../../lib/errors.ts";
import { checkArgs, type StandardSchemaV1 } from "../../../lib/schema.ts";
import { toFailure } from "../../../lib/wire/failure.ts";
import { parseJson } from "../../../lib/wire/serializer.ts";
import { type Json, jsonText, value } from "../hostile.ts";
import { demand, typed, visible } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";

const USER = z.strictObject({ name: z.string().max(40), tags: z.array(z.string()), at: z.iso.datetime().optional() });

/** Finds fault with every key, by its path. */
const everyKey: StandardSchemaV1 = {
  "~standard": {
    version: 1,
    vendor: "fuzz",
    validate: (given) => ({
      issues: Object.keys(given === null ? {} : Object(given))
        .slice(0, 50)
        .map((key) => ({ message: `no ${key}`, path: [key, { key }, 0] })),
    }),
  },
};

export const make: MakeTarget = async () =>
  target<Json>({
    generate: (rng: Rng) =>
      rng.list(3, () => (rng.chance(0.3) ? { name: "a", tags: rng.list(3, () => value(rng, 0)) } : value(rng))),
    run: async (given) => {
      const parsed = await typed(() => safely(given));
      if ("error" in parsed || !Array.isArray(parsed.value)) return;
      for (const args of [[USER, USER], z.tuple([USER]), [everyKey, everyKey]]) {
        const came = await typed(() => checkArgs("echo", { args }, parsed.value as readonly unknown[])); // a list
        if (!("error" in came)) continue;
        demand(came.error instanceof InvalidArguments, "typed errors", came.error.name);
        const { message } = toFailure(came.error);
        demand(message.length <= 4_096 && message.isWellFormed(), "protocol", "the failure of a schema is not bounded");
        for (const { path } of came.error.issues) visible(path, "the path of an issue");
      }
    },
  });

/** As a message brings it, or nothing. */
function safely(given: Json): unknown {
  try {
    return parseJson(jsonText(given));
  } catch {
    return undefined;
  }
}
