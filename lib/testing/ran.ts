import type { Outcome } from "../core/outcome.ts";
import type { Failure } from "../store/record.ts";
import type { JsonObject, JsonValue } from "../wire/serializer.ts";
import type { Job } from "../worker/job.ts";

/** One run of a task's code. */
export interface Ran {
  readonly id: string;
  readonly task: string;
  readonly args: readonly JsonValue[];
  readonly kwargs: JsonObject;
  /** 0 for the first run. */
  readonly retries: number;
  readonly workload: string;
  /** How the run ended, not the task: `"retry"` asked for another run, and where retries are used up the task has ended as FAILURE. */
  readonly outcome: Outcome["kind"];
  /** After `"success"`: what it returned. */
  readonly result?: JsonValue;
  /** After `"failure"`, `"retry"` or `"rejected"`: its error, where there was one. */
  readonly failure?: Failure;
}

export function ranOf({ envelope, workload }: Job, outcome: Outcome): Ran {
  const { id, task, args, kwargs, retries } = envelope;
  const failure = "failure" in outcome ? outcome.failure : undefined;
  return {
    ...{ id, task, args, kwargs, retries, workload, outcome: outcome.kind },
    ...(outcome.kind === "success" && outcome.result !== undefined ? { result: JSON.parse(outcome.result) } : {}),
    ...(failure === undefined ? {} : { failure }),
  };
}
