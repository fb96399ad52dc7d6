// What a task's end publishes: its callbacks. Ids are derived from the parent's, so doing it again changes nothing.
import type { PayloadRef } from "../store/payload.ts";
import type { StoredState } from "../store/record.ts";
import { storedJson } from "../store/stored.ts";
import type { Envelope } from "../wire/envelope.ts";
import type { JsonValue } from "../wire/serializer.ts";
import type { WireSignature } from "../wire/signature.ts";
import { delaySeconds } from "./delay.ts";
import { nextHop } from "./hops.ts";
import { derivedId, type IdKey } from "./ids.ts";

/** A message to send to a workload's queue. */
export interface Publication {
  readonly workload: string;
  readonly envelope: Envelope;
  readonly delaySeconds: number;
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
  readonly ignored?: boolean | undefined;
  readonly forgotten?: boolean | undefined;
}

/**
 * Callbacks after SUCCESS receive the result, error callbacks after FAILURE the failed task's id, as their first argument
 * unless they are immutable. REVOKED has none (celery/backends/base.py). A forgotten SUCCESS has none either: its result is gone.
 */
export function followUps(parent: Envelope, ending: Ending, routes: Routes): readonly Publication[] {
  if (ending.state === "SUCCESS") {
    if (parent.link.length === 0 || ending.ignored || ending.forgotten) return [];
    const { resultRef } = ending;
    if (resultRef !== undefined) {
      return parent.link.map((signature, i) => {
        const next = publication(parent, { ...signature, immutable: true }, `link:${i}`, null, routes);
        return signature.immutable ? next : { ...next, first: resultRef };
      });
    }
    const result = ending.result === undefined ? null : storedJson(parent.id, "result", ending.result);
    return parent.link.map((signature, i) => publication(parent, signature, `link:${i}`, result, routes));
  }
  if (ending.state === "FAILURE") {
    return parent.linkError.map((signature, i) => publication(parent, signature, `link_error:${i}`, parent.id, routes));
  }
  return [];
}

function publication(
  parent: Envelope,
  signature: WireSignature,
  path: string,
  first: JsonValue,
  routes: Routes,
): Publication {
  const { task_id, queue, countdown } = signature.options;
  const { workload, ignoreResult } = routes.route(signature.task, typeof queue === "string" ? queue : undefined);
  const id = typeof task_id === "string" ? task_id : derivedId(routes.key, parent.id, path, ignoreResult);
  const eta = typeof countdown === "number" && countdown > 0 ? routes.now + countdown * 1_000 : undefined;
  const hops = nextHop(parent);
  return {
    workload,
    delaySeconds: delaySeconds(eta, routes.now),
    ...(hops > routes.maxHops && { overHops: routes.maxHops }),
    envelope: {
      id,
      task: signature.task,
      args: signature.immutable ? signature.args : [first, ...signature.args],
      kwargs: signature.kwargs,
      rootId: parent.rootId,
      parentId: parent.id,
      hops,
      retries: 0,
      ...(eta === undefined ? {} : { eta }),
      ignoreResult,
      lang: "js",
      headers: {},
      link: [],
      linkError: [],
      chain: [],
    },
  };
}
