// A failed task sent again, whose record somebody else wrote: it is sent as a message that can be read, or refused with a reason.
import { type Item, toWholeRecord } from "../../../lib/aws/record-item.ts";
import { lineOf, redrivenJson } from "../../../lib/cli/redrive-count.ts";
import type { ResultStore } from "../../../lib/ports/result-store.ts";
import { printableJson, printableLine } from "../../../lib/printable.ts";
import { decode } from "../../../lib/wire/envelope.ts";
import { decisionDeps } from "../../../lib/worker/deps.ts";
import { redriveTask } from "../../../lib/worker/redrive.ts";
import { type HostileItem, item } from "../items.ts";
import { demand, jsonLine, typed, visible } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";
import { APP, World } from "../world.ts";

export const make: MakeTarget = async () => {
  const world = new World();
  let held: HostileItem = {};
  const backends = await world.app.backends();
  const read = async () => toWholeRecord(held as unknown as Item); // as the SDK hands it over
  const store: ResultStore = { ...backends.store, read, write: async () => ({ applied: false, existing: undefined }) };
  const deps = decisionDeps(world.app, { ...backends, store }, world.app.log);
  return target({
    generate: (rng: Rng) => ({
      item: { ...item("t-1", rng), ...(rng.chance(0.7) && { state: { S: "FAILURE" } }) },
      dryRun: rng.chance(0.3),
      again: rng.chance(0.7),
    }),
    run: async ({ item = {}, dryRun = false, again = false }) => {
      world.fresh();
      held = item;
      const came = await typed(() => redriveTask("t-1", { dryRun, again }, deps));
      world.look();
      for (const { queue, body } of world.sent) {
        demand(queue.startsWith(`${APP}-`), "protocol", `it was sent to ${queue}`);
        const read = await typed(() => decode(body));
        demand("value" in read, "protocol", "it was sent again as a message that nobody can read");
      }
      if ("error" in came) return;
      visible(printableLine(lineOf(came.value)), "lovage redrive");
      jsonLine(printableJson(redrivenJson(came.value)), "lovage redrive --json");
      demand(!dryRun || world.sent.length === 0, "protocol", "a dry run has sent something");
    },
    close: () => world.close(),
  });
};
