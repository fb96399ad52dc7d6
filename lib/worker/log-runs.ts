import type { Clock } from "../clock.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Fields } from "../log.ts";
import type { Failure } from "../store/record.ts";
import type { Run } from "./job.ts";

/** One line for each run: never silent, and each with the task it is about. */
export function logRuns(run: Run, clock: Clock): Run {
  return async (job) => {
    const began = clock.monotonic();
    job.log.debug({ workload: job.workload, receive_count: job.receiveCount }, "started");
    const outcome = await run(job);
    const { level, fields, message } = line(outcome);
    job.log[level]({ ms: Math.round(clock.monotonic() - began), ...fields }, message);
    return outcome;
  };
}

interface Line {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: Fields;
  readonly message: string;
}

const text = ({ type, message }: Failure) => `${type}: ${message}`;

function line(outcome: Outcome): Line {
  switch (outcome.kind) {
    case "success":
      return { level: "info", fields: {}, message: "succeeded" };
    case "ignored":
      return { level: "info", fields: { reason: outcome.reason }, message: "ignored" };
    case "failure": {
      const { failure, expected } = outcome;
      if (expected) return { level: "info", fields: { error: text(failure) }, message: "failed, as it may" };
      return { level: "error", fields: { error: text(failure), stack: failure.stack }, message: "failed" };
    }
    case "retry":
      return { level: "debug", fields: {}, message: "asks for a retry" };
    case "rejected":
      return {
        level: "warn",
        fields: { requeue: outcome.requeue, reason: outcome.failure.message },
        message: "rejected",
      };
    case "replaced":
      return { level: "info", fields: { by: outcome.sig.task }, message: "replaced" };
    case "revoked":
      return { level: "warn", fields: { reason: outcome.reason }, message: "revoked" };
    case "interrupted":
      return { level: "warn", fields: {}, message: "interrupted, given back" };
    case "payload unavailable": // the worker's own finding, logged where it is made
      return { level: "debug", fields: {}, message: "waits for its payload store" };
    default:
      return outcome satisfies never;
  }
}
