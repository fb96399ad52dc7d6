import type { JsonObject, JsonValue } from "./serializer.ts";

/** "Task" of a chain. */
export const CHAIN = "celery.chain";
/** "Tasks" that call another one for each of a list's items (celery/app/builtins.py). */
export const MAP = "celery.map";
export const STARMAP = "celery.starmap";

/** A call that has not been made yet, as Celery writes it inside messages (celery/canvas.py, `Signature`). */
export interface WireSignature {
  readonly task: string;
  readonly args: readonly JsonValue[];
  readonly kwargs: JsonObject;
  /**
   * Read here: `task_id`, `queue` (a workload's name), `countdown`, `eta`, `expires`, `time_limit`, `soft_time_limit`, `headers`,
   * `ignore_result`, `link`, `link_error`, `chain`, `stamped_headers` with the stamps it lists, and where it stands (`chord`, `group_id`, `group_index`); others travel on.
   */
  readonly options: JsonObject;
  readonly subtask_type: string | null;
  /** An immutable signature does not receive its parent's result. */
  readonly immutable: boolean;
  /** Of the body of a chord whose members carry it: how many they are. */
  readonly chord_size?: number;
}

/** A signature of a task by its name, with nothing said that need not be. */
export function wireSignature(task: string, facts: Partial<WireSignature> = {}): WireSignature {
  return { task, args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false, ...facts };
}

export function isMapped(task: string): boolean {
  return task === MAP || task === STARMAP;
}

/** The task whose code a call runs: of a map, the one that it calls for each item, if it says which. */
export function calledTask({ task, kwargs }: { readonly task: string; readonly kwargs: unknown }): string {
  if (!isMapped(task)) return task;
  const { task: each } = (kwargs ?? {}) as { readonly task?: { readonly task?: unknown } | null }; // what is none of it has no members
  return typeof each?.task === "string" ? each.task : task;
}
