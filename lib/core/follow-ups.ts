// What a task's end brings about: its callbacks, the next step of its chain, its count in its group. Ids are derived from the
// parent's, so doing it again changes nothing.
import { InvalidOption } from "../errors.ts";
import type { PayloadRef } from "../store/payload.ts";
import type { Failure, StoredState } from "../store/record.ts";
import { storedJson } from "../store/stored.ts";
import type { Envelope } from "../wire/envelope.ts";
import { afterFailure, afterIgnored, afterRevoked, afterSuccess, type Consequences } from "./canvas-plan.ts";
import { type Handed, type Line, NOTHING } from "./canvas-start.ts";
import { nextHop } from "./hops.ts";
import { derivedId, type IdKey } from "./ids.ts";

/** A message to send to a workload's queue. */
export interface Publication {
  readonly workload: string;
  readonly envelope: Envelope;
  readonly delaySeconds: number;
  /** Groups, outermost first, whose members' parts it is: once all members of one are sent, it need not be sent again. */
  readonly within?: readonly string[];
  /** Where its first argument lies: what it follows has ended earlier, with a result too large for its record. */
  readonly first?: PayloadRef;
  /** The limit it is over: it is recorded as failed instead of sent. @default - within the limit */
  readonly overHops?: number;
}

/** What is known here about the tasks that follow. */
export interface Routes {
  readonly key: IdKey;
  readonly now: number;
  /** Messages that may stand before one: the app's. */
  readonly maxHops: number;
  /**
   * Workload of a task, and whether it is sent with `ignoreResult`; a task unknown here goes to the default workload. `queue`:
   * one that was asked for, by a workload's name or, as Python does, by its queue's.
   */
  route(task: string, queue?: string): { readonly workload: string; readonly ignoreResult: boolean };
}

export interface Ending {
  readonly state: StoredState;
  /** JSON of the result. */
  readonly result?: string | undefined;
  readonly resultRef?: PayloadRef | undefined;
  /** Of a FAILURE, or a REVOKED. */
  readonly failure?: Failure | undefined;
  readonly ignored?: boolean | undefined;
  readonly forgotten?: boolean | undefined;
}

/** What an ending brings about in a workflow, besides messages. */
export interface Workflow extends Omit<Consequences, "publish"> {
  /** Whose it is. */
  readonly line: Pick<Line, "rootId" | "hops">;
  /** How `ended` end. */
  readonly ending?: UnlivedEnding;
}

/** How a unit ends that has not run. */
export interface UnlivedEnding {
  readonly state: "FAILURE" | "REVOKED";
  readonly failure: Failure;
}

export interface Following {
  readonly publish: readonly Publication[];
  /** @default - nothing but messages */
  readonly workflow?: Workflow;
}

/**
 * Callbacks after SUCCESS receive the result, error callbacks after FAILURE the failed task's id, as their first argument
 * unless they are immutable. REVOKED has none (celery/backends/base.py). A forgotten SUCCESS has none either: its result is gone.
 * Then the next step of the task's chain, or its count in the group it is a member of.
 */
export function follows(task: Envelope, ending: Ending, routes: Routes): Following {
  if (isAlone(task)) return { publish: [] };
  const line = { rootId: task.rootId, hops: nextHop(task) };
  try {
    return following(consequences(task, ending, routes), line, endingOf(ending));
  } catch (error) {
    if (!(error instanceof InvalidOption)) throw error;
    // A Python worker, or nobody we know, wrote a canvas that cannot be read: what it was to do is recorded as failed.
    const failure = { type: error.name, message: error.message };
    const unread = {
      id: derivedId(routes.key, task.id, "unread"),
      task: "unknown",
      workload: routes.route("").workload,
    };
    return following({ ...NOTHING, ended: [unread] }, line, { state: "FAILURE", failure });
  }
}

export function following(
  { publish, ...rest }: Consequences,
  line: Workflow["line"],
  ending?: UnlivedEnding,
): Following {
  const { joins, waited, ended, counts } = rest;
  if (joins.length + waited.length + ended.length + counts.length === 0) return { publish };
  return { publish, workflow: { ...rest, line, ...(ending && { ending }) } };
}

function isAlone({ link, linkError, chain, chord }: Envelope): boolean {
  return chord === undefined && link.length + linkError.length + chain.length === 0;
}

function consequences(task: Envelope, ending: Ending, routes: Routes): Consequences {
  if (ending.state === "FAILURE") return afterFailure(task, routes);
  if (ending.state === "REVOKED") return afterRevoked(task, routes);
  if (ending.state !== "SUCCESS") return { ...NOTHING, ended: [] };
  if (ending.ignored || ending.forgotten) return afterIgnored(task, routes);
  return afterSuccess(task, handed(task, ending), routes);
}

function handed({ id }: Envelope, { result, resultRef }: Ending): Handed {
  return resultRef ?? [result === undefined ? null : storedJson(id, "result", result)];
}

/** Whoever would have come next ends as the task did; where it chose to be ignored, nobody comes after it. */
function endingOf({ state, failure = { type: "Error", message: "no failure was recorded" } }: Ending): UnlivedEnding {
  if (state === "SUCCESS")
    return { state: "REVOKED", failure: { type: "TaskRevoked", message: "an earlier step was ignored, or forgotten" } };
  const { stack: _, ...rest } = failure; // of another task's code
  return { state: state === "REVOKED" ? "REVOKED" : "FAILURE", failure: rest };
}
