// The results of a group as the task that follows it is handed them, before its other arguments: all in an array, which the worker
// reads before the run, or one by one, which whoever runs the task reads while it is iterated.
import type { App } from "../app.ts";
import type { IdKey } from "../core/ids.ts";
import { GROUPS, RESULT_POLL_MS } from "../defaults.ts";
import type { ValueDeps } from "../ending.ts";
import { PayloadStoreUnavailable, ResultsTooLarge, StoreUnavailable } from "../errors.ts";
import { eachResult, type Room, resultsOf } from "../members.ts";
import type { Payloads } from "../payloads.ts";
import type { JoinStore } from "../ports/join-store.ts";
import type { Envelope, GroupRef } from "../wire/envelope.ts";
import type { JsonValue } from "../wire/serializer.ts";

interface Deps extends Pick<ValueDeps, "clock"> {
  readonly routes: { readonly key: IdKey };
  readonly payloads?: Payloads;
  joins?(): Promise<JoinStore>;
}

/** The envelope with the results that it refers to among its arguments. @throws ResultsTooLarge, and as `resultsOf` */
export async function withResults(envelope: Envelope, { clock, routes, payloads, joins }: Deps): Promise<Envelope> {
  const { results: group, ...rest } = envelope;
  if (group === undefined) return envelope;
  const backends = { ...(joins && { joins }), ...(payloads && { payloads: payloads.store }) };
  const deps = { clock, key: routes.key, open: async () => backends };
  const results = await resultsOf(group, deps, roomFor(envelope.task, group));
  return { ...rest, args: [results, ...envelope.args] };
}

/** For each of a group's items that is a list, and for a group that is an array, as much as `GROUPS` says. */
function roomFor(task: string, { group }: GroupRef): Room {
  let bytes = 0;
  return {
    take: (members, more) => {
      const { arrayMembers, arrayBytes } = GROUPS;
      if (members > arrayMembers)
        throw new ResultsTooLarge(task, group, `${members} results in one list`, `${arrayMembers} of them`);
      bytes += more;
      if (bytes > arrayBytes)
        throw new ResultsTooLarge(task, group, `results of ${bytes} bytes and more`, `${arrayBytes} bytes`);
    },
  };
}

/** What a run's results are read with, in whatever process that is. */
export function streamsOf(app: App): (task: string, group: GroupRef) => AsyncIterable<JsonValue> {
  return (task, group) => {
    const deps = app.resultDeps();
    return { [Symbol.asyncIterator]: () => steadily(group, deps, () => roomFor(task, group)) };
  };
}

/** An outage is waited for, as long as a reader of results would wait, and read on where it came. */
async function* steadily(group: GroupRef, deps: ValueDeps, room: () => Room): AsyncGenerator<JsonValue> {
  const { clock } = deps;
  let given = 0;
  let answered = clock.monotonic();
  let pause: number = RESULT_POLL_MS.first;
  for (;;) {
    try {
      for await (const result of eachResult(group, deps, given, room)) {
        given++;
        yield result;
        answered = clock.monotonic();
        pause = RESULT_POLL_MS.first;
      }
      return;
    } catch (error) {
      const outage = error instanceof StoreUnavailable || error instanceof PayloadStoreUnavailable;
      if (!outage || clock.monotonic() - answered >= RESULT_POLL_MS.outage) throw error;
      await clock.sleep(pause);
      pause = Math.min(pause * RESULT_POLL_MS.factor, RESULT_POLL_MS.longest);
    }
  }
}
