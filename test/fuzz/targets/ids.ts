// Ids from outside: what they say of themselves, what is derived from them, and where they become keys.
import { certify, derivedId, freshId, idKey } from "../../../lib/core/ids.ts";
import { failurePartition } from "../../../lib/store/failures.ts";
import { argsPayload, resultPayload } from "../../../lib/store/payload.ts";
import { isTaskId } from "../../../lib/wire/fields.ts";
import { IDS, text } from "../hostile.ts";
import { demand, typed } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";

const NOW = Date.UTC(2026, 10, 21);
const KEY = idKey("fuzzed");
const HEX = "0123456789abcdef-";

function anId(rng: Rng): string {
  const genuine = rng.chance(0.5)
    ? freshId(
        KEY,
        NOW + rng.int(1e9),
        Uint8Array.from({ length: 10 }, () => rng.int(256)),
        rng.chance(0.5),
      )
    : derivedId(KEY, text(rng), "link:0");
  switch (rng.int(5)) {
    case 0:
      return genuine;
    case 1: {
      const at = rng.int(genuine.length);
      return genuine.slice(0, at) + HEX[rng.int(HEX.length)] + genuine.slice(at + 1);
    }
    case 2:
      return genuine.slice(0, rng.int(genuine.length)) + text(rng);
    case 3:
      return rng.pick(IDS);
    default:
      return text(rng).slice(0, 255);
  }
}

export const make: MakeTarget = async () =>
  target({
    generate: (rng: Rng) => ({
      id: anId(rng),
      path: text(rng),
      token: text(rng).slice(0, 16),
      endedAt: NOW + rng.int(1e9),
    }),
    run: async ({ id = "", path = "", token = "", endedAt = 0 }) => {
      const { genuine, madeAt } = certify(id, KEY);
      demand(!genuine || /^[0-9a-f-]{36}$/.test(id), "protocol", "an id that is no UUID of ours is taken for genuine");
      demand(madeAt === undefined || Number.isSafeInteger(madeAt), "protocol", "an id's age is no number");
      const derived = derivedId(KEY, id, path);
      demand(certify(derived, KEY).genuine && isTaskId(derived), "protocol", "a derived id is not genuine");
      demand(derivedId(KEY, id, path) === derived, "protocol", "a derived id differs from itself");
      demand(
        /^\d{4}-\d\d-\d\d#\d$/.test(failurePartition(id, endedAt)),
        "protocol",
        "a failure is listed where nobody looks",
      );
      if (!isTaskId(id) || !isTaskId(token)) return;
      for (const make of [() => argsPayload(id, "[]", NOW, NOW), () => resultPayload(id, token, "1", NOW, NOW)]) {
        const made = await typed(make);
        if ("error" in made) continue;
        const { key } = made.value.ref;
        demand(
          /^\d+d\/(?:args|results)\/[^/\\\s]+$/.test(key),
          "protocol",
          `an id leads out of its place in the payload store: ${key}`,
        );
        demand(key.length <= 940, "protocol", `S3 takes keys of 1,024 bytes, the app's name included: ${key.length}`);
      }
    },
  });
