// examples/sentry with the real SDK: what it would send is kept instead of sent.
import * as Sentry from "@sentry/node";
import { afterAll, beforeEach, expect, test } from "vitest";
import { reportToSentry } from "../../examples/sentry/sentry.ts";
import { memoryApp } from "../support/memory-app.ts";

interface Event {
  readonly level?: string;
  readonly transaction?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly contexts?: { readonly lovage?: object; readonly trace?: { readonly trace_id: string } };
  readonly exception?: {
    readonly values: readonly { readonly type: string; readonly value: string; readonly stacktrace?: object }[];
  };
}

const events: Event[] = [];
Sentry.init({
  dsn: "https://key@sentry.invalid/1",
  defaultIntegrations: false,
  tracesSampleRate: 0,
  beforeSend: (event) => {
    events.push(event as Event);
    return null; // nothing leaves this machine
  },
});
beforeEach(() => void events.splice(0));
afterAll(() => Sentry.close(0));

const app = () =>
  memoryApp((lovage) => {
    reportToSentry(lovage);
    return {
      pay: lovage.task("pay", { bind: true, maxRetries: 1 }, (ctx, card: string) => {
        if (card === "no funds") throw new RangeError("no funds");
        if (card === "flaky" && ctx.retries === 0) ctx.retry({ countdown: "1s" });
        return "paid";
      }),
      expected: lovage.task("expected", { throws: [RangeError] }, () => {
        throw new RangeError("as it may");
      }),
    };
  });

test("a task that failed is reported once, with its error, its stack and where to look", async () => {
  await using it = await app();
  const result = await it.tasks.pay.delay("no funds");
  expect(await it.settle(result)).toBe("FAILURE");
  await it.advance(1);
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    level: "error",
    transaction: "pay",
    tags: { "lovage.task": "pay", "lovage.workload": "default", "lovage.id": result.id },
    contexts: { lovage: { id: result.id, retries: 0 } },
  });
  expect(events[0]?.exception?.values[0]).toMatchObject({ type: "RangeError", value: "no funds" });
  expect(JSON.stringify(events[0]?.exception?.values[0]?.stacktrace)).toContain("sentry.test.ts");
  expect(JSON.stringify(events[0]?.contexts)).not.toContain("no funds");
});

test("what is retried, succeeds, or may fail is not", async () => {
  await using it = await app();
  await it.settle(await it.tasks.pay.delay("flaky"), await it.tasks.expected.delay());
  await it.advance(1);
  expect(events).toEqual([]);
});

test("it belongs to the trace of its caller", async () => {
  await using it = await app();
  const traceId = "0123456789abcdef0123456789abcdef";
  await Sentry.continueTrace({ sentryTrace: `${traceId}-0123456789abcdef-0`, baggage: undefined }, async () => {
    await it.tasks.pay.delay("no funds");
  });
  await it.advance(1);
  expect(events[0]?.contexts?.trace?.trace_id).toBe(traceId);
});
