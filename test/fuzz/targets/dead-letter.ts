// The consumer of dead-letter queues, fed by Lambda: what it acknowledges is recorded or sent back to work; nothing of it runs.
import { DecodeError } from "../../../lib/errors.ts";
import { demand } from "../oracles.ts";
import { type MakeTarget, target } from "../target.ts";
import { DEAD } from "../world.ts";
import { eventTarget, readOf } from "./lambda.ts";

export const make: MakeTarget = async () =>
  target(
    eventTarget(DEAD, (world, { body, messageId }, acked) => {
      demand(world.ran.length === 0, "registered only", "a dead letter was run");
      const read = readOf(body);
      if (read instanceof DecodeError && read.id === undefined) {
        demand(!acked, "protocol", "a dead letter without an id was acknowledged");
        const kept = world.released.some((one) => one.messageId === messageId && one.seconds === 900);
        demand(kept, "protocol", "a dead letter without an id is not kept out of sight for 15 minutes");
      }
      if (!acked) return;
      const { id } = read;
      const state = id === undefined ? undefined : world.store.records.get(id)?.state;
      const resent = world.sent.some((sent) => sent.body.includes("lovage_resends"));
      demand(state === "FAILURE" || resent, "protocol", `a dead letter was acknowledged: ${state}`);
    }),
  );
