// A failed task sent again: a new task, whose id is derived from the failed one's, from when that failed (an id that users choose
// may be used again when its record is gone), and from how often it was redriven before. So sending it twice, after a crash or by
// two people at once, sends one task. It is sent first and counted then: a count whose task was never sent would be a redrive that
// is taken for done.
import { MAX_KEPT_BODY_BYTES } from "../defaults.ts";
import type { DecodeError } from "../errors.ts";
import type { TaskRecord } from "../store/record.ts";
import { decode } from "../wire/decode.ts";
import type { Envelope } from "../wire/envelope.ts";
import * as changes from "./changes.ts";
import { derivedId, type IdKey } from "./ids.ts";

export type RedriveDecision =
  | { readonly kind: "send"; readonly workload: string; readonly envelope: Envelope; readonly count: changes.Change }
  /** `redrives`: times it was sent again before. */
  | { readonly kind: "redriven before"; readonly redrives: number; readonly redrivenAs: string }
  | { readonly kind: "refused"; readonly reason: string };

export interface RedriveOptions {
  /** Sends what was redriven before once more, as another task. */
  readonly again: boolean;
}

/** The id of the redrive of `failed` that comes after `redrives` others. */
export function redriveId(
  key: IdKey,
  { id, endedAt = 0 }: Pick<TaskRecord, "id" | "endedAt">,
  redrives: number,
  ignoreResult: boolean,
): string {
  return derivedId(key, id, `redrive:${endedAt}:${redrives}`, ignoreResult);
}

/** `record`: as it was read a moment ago. */
export function decideRedrive(
  id: string,
  record: TaskRecord | undefined,
  { again }: RedriveOptions,
  key: IdKey,
): RedriveDecision {
  if (record === undefined) return refused("there is no record of it: not this app's, not started yet, or expired");
  if (record.state !== "FAILURE") return refused(`it is ${record.state}, and only a FAILURE is sent again`);
  if (record.forgotten) return refused("it was forgotten, and its message with it");
  if (record.body === undefined || record.workload === undefined) {
    return refused(
      `its message was not kept: it was over ${MAX_KEPT_BODY_BYTES} bytes, could never be sent, or failed under an older version`,
    );
  }
  const found = readable(record.body);
  if (typeof found === "string") return refused(found);
  const redrives = record.redrives ?? 0;
  if (redrives > 0 && !again) {
    return { kind: "redriven before", redrives, redrivenAs: redriveId(key, record, redrives - 1, found.ignoreResult) };
  }
  const envelope = redriven(found, id, redriveId(key, record, redrives, found.ignoreResult));
  return { kind: "send", workload: record.workload, envelope, count: changes.countRedrive(id, redrives) };
}

/**
 * The message of a new task, with the arguments of the attempt that failed. What belonged to the old one's attempt, time, deliveries
 * and group stays behind: a chord has counted that ending, and is not reopened. Somebody outside of all tasks sends it, so it begins
 * a new line of descent.
 */
export function redriven(failed: Envelope, from: string, id: string): Envelope {
  const {
    parentId: _parent,
    eta: _eta,
    expires: _expires,
    resends: _resends,
    hops: _hops,
    argsChanged: _changed,
    chord: _chord,
    group: _group,
    groupIndex: _index,
    origin: _origin,
    ...rest
  } = failed;
  return { ...rest, id, parentId: from, redrivenFrom: from, retries: 0, lang: "js" };
}

/** Or why not. */
function readable(body: string): Envelope | string {
  try {
    return decode(body);
  } catch (error) {
    return (error as DecodeError).message; // decode() throws nothing else
  }
}

function refused(reason: string): RedriveDecision {
  return { kind: "refused", reason };
}
