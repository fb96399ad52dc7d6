// Where a worker's work meets its spans (tracing.ts). Without `opentelemetry` each of these is one branch.
import type { App } from "../app.ts";
import type { Outcome } from "../core/outcome.ts";
import { queueName } from "../store/table.ts";
import type { Tracing } from "../tracing.ts";
import type { Envelope } from "../wire/envelope.ts";
import type { ApplySteps } from "./apply.ts";
import type { Job, Run } from "./job.ts";
import { inSpan, lostSpan, type TracedRun } from "./run-span.ts";

/** Runs a task's code in a span, in the process where it runs. */
export function traced(app: App, job: Job, code: () => Promise<Outcome>): Promise<Outcome> {
  return app.tracing === undefined ? code() : inSpan(app.tracing, tracedRun(app, job), code);
}

/** In the worker: a process that is killed takes the span of its run with it, and the failure would be in no trace. */
export function withLostSpans(run: Run, app: App): Run {
  const { tracing, clock } = app;
  if (tracing === undefined) return run;
  return async (job) => {
    const began = clock.now();
    const outcome = await run(job);
    const lost = outcome.trace === undefined && outcome.kind !== "interrupted";
    return lost ? lostSpan(tracing, tracedRun(app, job), began, outcome) : outcome;
  };
}

/** Callbacks are calls of the run they follow. What is the message in hand, sent again, is none. `trace`: that run's, where there was one. */
export function tracedSends(
  { tracing, queue }: { readonly tracing?: Tracing; queue(workload: string): string },
  { id, headers }: Envelope,
  trace: Outcome["trace"],
): ApplySteps["sending"] {
  if (tracing === undefined) return undefined;
  const parent = trace !== undefined && Object.keys(trace).length > 0 ? trace : headers;
  return (publication, send) => {
    const { envelope, workload } = publication;
    if (envelope.id === id) return send(publication);
    const sending = tracing.send(queue(workload), envelope.task, envelope.id, parent);
    if (sending === undefined) return send(publication);
    const signed = { ...envelope, headers: sending.headers(envelope.headers) };
    return sending.during(() => send({ ...publication, envelope: signed }));
  };
}

function tracedRun(app: App, { workload, envelope, messageId, settings }: Job): TracedRun {
  return { queue: queueName(app.name, workload), envelope, messageId, maxRetries: settings.maxRetries };
}
