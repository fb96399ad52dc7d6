// The CONSUMER span of one run of a task's code, beside the senders' (tracing.ts): of workers alone, so that a bundle that only
// sends does without it.
import type { Outcome } from "../core/outcome.ts";
import { mayRetry } from "../core/retry.ts";
import type { OpenTelemetrySpan } from "../opentelemetry.ts";
import { attributesOf, type Begun, carrier, exception, type Tracing } from "../tracing.ts";
import type { Envelope } from "../wire/envelope.ts";

/** A run, as far as its span tells of it. */
export interface TracedRun {
  readonly queue: string;
  readonly envelope: Envelope;
  readonly messageId: string;
  readonly maxRetries: number | null;
}

/** Runs a task's code in a span. The outcome has its context, for what follows. Never rejects where `code` does not. */
export async function inSpan(tracing: Tracing, run: TracedRun, code: () => Promise<Outcome>): Promise<Outcome> {
  const begun = tracing.safely(() => begin(tracing, run, undefined));
  if (begun === undefined) return code();
  const outcome = await tracing.within(begun.context, code);
  return end(tracing, begun, run, outcome);
}

/** A run whose process was killed, and took its span with it. `began`: epoch ms. */
export function lostSpan(tracing: Tracing, run: TracedRun, began: number, outcome: Outcome): Outcome {
  const begun = tracing.safely(() => begin(tracing, run, began));
  return begun === undefined ? outcome : end(tracing, begun, run, outcome);
}

function begin(tracing: Tracing, { queue, envelope, messageId }: TracedRun, startTime: number | undefined): Begun {
  const { context, propagation, SpanKind } = tracing.api;
  const from = propagation.extract(context.active(), carrier(envelope.headers));
  const attributes = {
    ...attributesOf("process", queue, envelope.task, envelope.id),
    "messaging.message.id": messageId,
    "celery.retries": envelope.retries,
  };
  return tracing.begin(`process ${queue}`, SpanKind.CONSUMER, attributes, from, startTime);
}

function end(tracing: Tracing, { span, context }: Begun, run: TracedRun, outcome: Outcome): Outcome {
  const { envelope } = run;
  tracing.safely(() => {
    if (span.isRecording()) tell(tracing, span, outcome, run);
    span.end();
  });
  return { ...outcome, trace: isFollowed(envelope, outcome) ? tracing.inject(context) : {} };
}

/** By other messages: callbacks, the next step, what comes after its group, what takes its place. */
function isFollowed({ link, linkError, chain, chord }: Envelope, { kind }: Outcome): boolean {
  return kind === "replaced" || chord !== undefined || link.length + linkError.length + chain.length > 0;
}

function tell(tracing: Tracing, span: OpenTelemetrySpan, outcome: Outcome, { envelope, maxRetries }: TracedRun): void {
  switch (outcome.kind) {
    case "success":
    case "ignored":
      break;
    case "failure":
      if (outcome.expected) span.recordException(exception(outcome.failure));
      else tracing.fail(span, outcome.failure);
      break;
    case "retry": {
      const most = outcome.maxRetries === undefined ? maxRetries : outcome.maxRetries;
      if (!mayRetry(most, envelope.retries)) tracing.fail(span, outcome.exhausted);
      else {
        const reason = outcome.failure ? `${outcome.failure.type}: ${outcome.failure.message}` : "asked for";
        span.setAttribute("celery.retry.reason", reason);
        span.addEvent("retry", { "celery.retry.reason": reason });
      }
      break;
    }
    case "rejected":
      if (outcome.requeue) span.addEvent("requeue");
      else tracing.fail(span, outcome.failure);
      break;
    case "replaced":
      span.addEvent("replaced");
      break;
    case "revoked":
      span.setAttribute("celery.revoked.reason", outcome.reason);
      break;
    case "interrupted":
    case "payload unavailable":
      span.addEvent("interrupted");
      break;
    default:
      outcome satisfies never;
  }
}
