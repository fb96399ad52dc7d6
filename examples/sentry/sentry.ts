// Reports every task that has failed for good to Sentry, once, in the trace of whoever called it. One line in app.ts:
// `reportToSentry(app)`, after `Sentry.init()`. Celery users know this as an `on_failure` in a base class.
import * as Sentry from "@sentry/node";
import type { App, HookContext } from "lovage";

export function reportToSentry(app: App): void {
  // The caller's trace travels in the message's headers.
  app.on("beforeTaskPublish", ({ headers }) => {
    const { "sentry-trace": trace, baggage } = Sentry.getTraceData();
    if (trace) headers["sentry-trace"] = trace;
    if (baggage) headers.baggage = baggage;
  });

  // Retries are no failures, and what a task declares in `throws` is expected.
  app.on("taskFailure", ({ ctx, error, expected }) => {
    if (!expected) capture(ctx, error, "error");
  });

  app.on("taskRevoked", ({ ctx, reason }) => capture(ctx, new Error(`revoked: ${reason}`), "info"));

  // Otherwise what happened last would be lost with the process.
  app.on("workerShutdown", async () => void (await Sentry.flush(2_000)));
  app.on("workerProcessShutdown", async () => void (await Sentry.flush(2_000)));
}

function capture(ctx: HookContext, error: Error, level: Sentry.SeverityLevel): void {
  const { "sentry-trace": sentryTrace, baggage } = ctx.headers;
  const trace = {
    sentryTrace: typeof sentryTrace === "string" ? sentryTrace : undefined,
    baggage: typeof baggage === "string" ? baggage : undefined,
  };
  Sentry.continueTrace(trace, () =>
    Sentry.withScope((scope) => {
      scope.setLevel(level);
      scope.setTransactionName(ctx.task);
      scope.setTags({ "lovage.task": ctx.task, "lovage.workload": ctx.workload, "lovage.id": ctx.id });
      // No arguments: they may be personal data, and an id is enough to find them.
      scope.setContext("lovage", { id: ctx.id, root_id: ctx.rootId, retries: ctx.retries, worker: ctx.worker });
      scope.setFingerprint(["{{ default }}", ctx.task]);
      Sentry.captureException(error);
    }),
  );
}
