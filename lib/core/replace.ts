// A task has put a canvas in its place (`ctx.replace`): it ends as REPLACED, which says what of, and the canvas begins.

import { MAX_RESULT_BYTES } from "../defaults.ts";
import { RecordUnreadable, ResultTooLarge } from "../errors.ts";
import type { TaskRecord } from "../store/record.ts";
import { storedJson } from "../store/stored.ts";
import type { Envelope } from "../wire/envelope.ts";
import { signature } from "../wire/fields.ts";
import type { WireSignature } from "../wire/signature.ts";
import { replaced } from "./canvas-plan.ts";
import type * as changes from "./changes.ts";
import { type Following, following, type Routes } from "./follow-ups.ts";
import { nextHop } from "./hops.ts";

export interface Replacing {
  readonly replacement: changes.Replacement;
  /** The beginning of what was put in its place. */
  readonly follows: Following;
}

/**
 * Throws InvalidOption for what cannot be planned; ResultTooLarge for what its record cannot hold: it is begun again from there, after a
 * crash.
 */
export function replacing(task: Envelope, sig: WireSignature, routes: Routes): Replacing {
  const json = JSON.stringify(sig);
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_RESULT_BYTES) throw new ResultTooLarge(task.task, bytes, MAX_RESULT_BYTES);
  const { id, ...wave } = replaced(task, sig, routes);
  const line = { rootId: task.rootId, hops: nextHop(task) };
  return { replacement: { id, sig: json }, follows: following({ ...wave, ended: [] }, line) };
}

/** The beginning once more, from the record: it may have been lost in a crash. Throws RecordUnreadable. */
export function replacedAgain(task: Envelope, { replacementSig }: TaskRecord, routes: Routes): Following {
  const unreadable = (problem: string) => new RecordUnreadable(task.id, "replacement_sig", problem);
  if (replacementSig === undefined) throw unreadable("is missing");
  const sig = signature("it", storedJson(task.id, "replacement_sig", replacementSig), unreadable);
  try {
    return replacing(task, sig, routes).follows;
  } catch (error) {
    throw unreadable(`cannot be planned: ${(error as Error).message}`); // as `replacing` says
  }
}
