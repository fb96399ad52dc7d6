// One unit of a canvas as the message that starts it: what its options say, in the message's words.
import type { Envelope } from "../wire/envelope.ts";
import { isObject } from "../wire/fields.ts";
import type { JsonObject, JsonValue } from "../wire/serializer.ts";
import { calledTask, type WireSignature } from "../wire/signature.ts";
import { parseTime } from "../wire/time.ts";
import { idOf, listOption } from "./canvas-shape.ts";
import { stampHeaders, stampsOf } from "./canvas-stamp.ts";
import type { Handed, Line } from "./canvas-start.ts";
import { delaySeconds } from "./delay.ts";
import type { Publication, Routes } from "./follow-ups.ts";

/** The message of a frozen task. What its options say in no form that is known here is as if it had not been said. */
export function message(
  sig: WireSignature,
  handed: Handed,
  { rootId, parentId, hops }: Line,
  routes: Routes,
  chain: readonly WireSignature[],
): Publication {
  const { queue, group_id, group_index, chord, headers, ignore_result } = sig.options;
  const { workload } = routes.route(calledTask(sig), typeof queue === "string" ? queue : undefined);
  const given = sig.immutable ? [] : handed;
  const times = timesOf(sig.options, routes.now);
  const envelope: Envelope = {
    id: idOf(sig) as string, // it is frozen
    task: sig.task,
    args: [...values(given), ...sig.args],
    ...("size" in given && given.size > 0 && { results: { group: given.group, size: given.size } }),
    kwargs: sig.kwargs,
    rootId,
    ...(parentId !== undefined && { parentId }),
    ...(hops > 0 && { hops }),
    retries: 0,
    ...times,
    ...stampHeaders(stampsOf(sig.options)),
    ignoreResult: ignore_result === true,
    lang: "js",
    headers: isObject(headers) ? headers : {},
    link: listOption(sig, "link"),
    linkError: listOption(sig, "link_error"),
    chain,
    ...(isObject(chord) && { chord }),
    ...(typeof group_id === "string" && { group: group_id }),
    ...(typeof group_index === "number" && { groupIndex: group_index }),
  };
  const over = hops > routes.maxHops && { overHops: routes.maxHops };
  const first = "key" in given && { first: given };
  return { workload, envelope, delaySeconds: delaySeconds(times.eta, routes.now), ...first, ...over };
}

/** The results of a group of none are known. */
function values(given: Handed): readonly JsonValue[] {
  if ("size" in given && given.size === 0) return [[]];
  return "size" in given || "key" in given ? [] : given;
}

/** Celery's: seconds from now, or a moment in ISO 8601. */
function timesOf(options: JsonObject, now: number) {
  const { countdown, time_limit, soft_time_limit } = options;
  const eta = isPositive(countdown) ? now + countdown * 1_000 : moment(options.eta);
  const expires = typeof options.expires === "number" ? now + options.expires * 1_000 : moment(options.expires);
  return {
    ...(eta !== undefined && { eta }),
    ...(expires !== undefined && { expires }),
    ...(isPositive(time_limit) && { timeLimit: time_limit }),
    ...(isPositive(soft_time_limit) && { softTimeLimit: soft_time_limit }),
  };
}

function isPositive(value: JsonValue | undefined): value is number {
  return typeof value === "number" && value > 0;
}

function moment(value: JsonValue | undefined): number | undefined {
  return typeof value === "string" ? parseTime(value) : undefined;
}
