import type { Failure } from "../store/record.ts";

/** Celery: `ChordError` (celery/exceptions.py). What follows a group fails with it when a member has failed. */
export function chordError(index: number, id: string, cause: Failure | undefined): Failure {
  const why = cause === undefined ? "was never recorded" : `raised ${cause.type}: ${cause.message}`;
  const failure = { type: "ChordError", message: `Dependency ${id} (member ${index} of its group) ${why}` };
  if (cause === undefined) return failure;
  const { stack: _, ...rest } = cause;
  return { ...failure, cause: rest };
}
