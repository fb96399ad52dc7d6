import type { JsonObject, JsonValue } from "./serializer.ts";

/** A call that has not been made yet, as Celery writes it inside messages (celery/canvas.py, `Signature`). */
export interface WireSignature {
  readonly task: string;
  readonly args: readonly JsonValue[];
  readonly kwargs: JsonObject;
  /** Lovage reads `task_id`, `queue` (a workload's name) and `countdown`; others travel on untouched. */
  readonly options: JsonObject;
  readonly subtask_type: string | null;
  /** An immutable signature does not receive its parent's result. */
  readonly immutable: boolean;
}
