// The message that looks after a join: sent before its members are, and again after each look (core/join-watch.ts).
import { JOINS } from "../defaults.ts";
import type { Envelope } from "../wire/envelope.ts";
import { carriedNext, type Join, type Line } from "./canvas-start.ts";
import type { Publication } from "./follow-ups.ts";
import { derivedId, type IdKey } from "./ids.ts";

/** "Task" of the message. No app has one of that name. Ours. */
export const WATCHDOG = "lovage.watchdog";

/** Look number `tick`, in `seconds`; it goes on at member `from`. */
export function watchMessage(
  join: Join,
  tick: number,
  workload: string,
  { rootId, hops }: Pick<Line, "rootId" | "hops">,
  key: IdKey,
  { seconds = JOINS.watchSeconds, from = 0 }: { readonly seconds?: number; readonly from?: number } = {},
): Publication {
  const { group } = join;
  const envelope: Envelope = {
    id: derivedId(key, group, `watch:${tick}:${from}`),
    task: WATCHDOG,
    args: [tick, from],
    kwargs: {},
    rootId,
    parentId: group,
    hops,
    retries: 0,
    ignoreResult: false,
    lang: "js",
    headers: {},
    link: [],
    linkError: [],
    chain: [],
    chord: carriedNext(join),
    group,
  };
  return { workload, envelope, delaySeconds: seconds };
}
