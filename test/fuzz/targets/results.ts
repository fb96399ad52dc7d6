// What readers make of records that somebody else wrote: AsyncResult, and what the command line prints of them.

import { createApp } from "../../../lib/app.ts";
import { failurePage } from "../../../lib/aws/failures-index.ts";
import { type Item, toWholeRecord } from "../../../lib/aws/record-item.ts";
import { failureJson, failureOf, failureText } from "../../../lib/cli/failure-outcome.ts";
import { outcomeJson, outcomeOf, outcomeText } from "../../../lib/cli/outcome.ts";
import { silentLogger } from "../../../lib/log.ts";
import type { ResultStore } from "../../../lib/ports/result-store.ts";
import { printableJson } from "../../../lib/printable.ts";
import type { TaskRecord } from "../../../lib/store/record.ts";
import { type HostileItem, item } from "../items.ts";
import { demand, jsonLine, plain, typed, visible } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";
import { APP, World } from "../world.ts";

const STYLE = { bold: String, dim: String, red: String, green: String };
/** Of what a screen shows of one record: its parts are bounded, so is the whole. A value is shown whole. */
const ID = "t-1";

export const make: MakeTarget = async () => {
  const world = new World();
  let held: HostileItem = {};
  const read = async (): Promise<TaskRecord> => toWholeRecord(held as unknown as Item); // as the SDK hands it over
  const store = { ...(await world.app.backends()).store, read } as unknown as ResultStore; // the reading half
  const backends = { ...(await world.app.backends()), store };
  const app = createApp(APP, { clock: world.clock, logger: silentLogger, connect: async () => backends });
  return target({
    generate: (rng: Rng) => item(ID, rng),
    run: async (made: HostileItem) => {
      world.fresh();
      held = made;
      const result = app.result(ID);
      for (const call of [() => result.state(), () => result.ready(), () => result.traceback(), () => result.info()]) {
        const came = await typed<unknown>(call);
        if ("error" in came) visible(came.error.message.replaceAll("\n", " "), "a reader's error");
      }
      const came = await typed(() => result.get({ timeout: "1ms" }));
      if ("value" in came) plain(came.value, "a result");
      const now = world.clock.now();
      const outcome = await typed(() => outcomeOf(result, false));
      if ("value" in outcome) {
        visible(outcomeText(outcome.value, STYLE, now), "lovage result");
        jsonLine(printableJson(outcomeJson(outcome.value)), "lovage result --json");
      }
      const failure = await typed(() => failureOf(ID, backends, app.key));
      if ("value" in failure) {
        visible(failureText(failure.value, STYLE, now), "lovage failures");
        jsonLine(printableJson(failureJson(failure.value)), "lovage failures --json");
      }
      const client = { send: async () => ({ Items: [made] }) };
      const page = await typed(
        () => failurePage(client as never, { table: APP, partition: "p", query: {}, now, after: undefined }), // a client as far as it is used
      );
      if ("value" in page)
        for (const { endedAt, redrives, attempt } of page.value.failures)
          demand(
            !Number.isNaN(new Date(endedAt).getTime()) && Number.isFinite(redrives + attempt),
            "protocol",
            "a summary that cannot be shown",
          );
    },
    close: () => world.close(),
  });
};
