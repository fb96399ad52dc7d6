// createApp(name, { opentelemetry }): one trace from a call to its run, to the calls that the run makes, and to what follows.
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { beforeEach, describe, expect, test } from "vitest";
import { type App, createApp } from "../../lib/app.ts";
import { chain, chord } from "../../lib/canvas.ts";
import { InvalidOption, Reject, TaskFailed } from "../../lib/errors.ts";
import type { OpenTelemetry } from "../../lib/index.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { inMemory } from "../../lib/testing/in-memory.ts";
import { encode } from "../../lib/wire/envelope.ts";
import { createLambdaHandler } from "../../lib/worker/lambda.ts";
import { onLambda } from "../../lib/workload.ts";
import { memoryApp, QUEUE } from "../support/memory-app.ts";
import { envelopeOf } from "../support/messages.ts";
import { lineage, opentelemetry, provider, resetSpans, spanOf, spans, within } from "../support/spans.ts";

const SEND = "send duckling-default";
const PROCESS = "process duckling-default";
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

beforeEach(resetSpans);

const define = (app: App) => {
  const inner = app.task("inner", (x: number) => x + 1);
  return {
    inner,
    outer: app.task("outer", async (x: number) => {
      await inner.delay(x);
    }),
    fail: app.task("fail", () => {
      throw new RangeError("no good");
    }),
    expected: app.task("expected", { throws: ["RangeError"] }, () => {
      throw new RangeError("as it may");
    }),
    flaky: app.task("flaky", { bind: true, maxRetries: 1 }, (ctx) =>
      ctx.retry({ countdown: "1s", cause: new RangeError("not yet") }),
    ),
    reject: app.task("reject", () => {
      throw new Reject({ reason: "never" });
    }),
    hooked: app.task("hooked", { onSuccess: () => void inner.delay(1) }, () => {}),
    swapped: app.task("swapped", { bind: true }, (ctx, x: number) => ctx.replace(inner.s(x))),
    headers: app.task("headers", { bind: true }, (ctx) => ctx.headers),
    baggage: app.task("baggage", () => {
      const { propagation, context } = opentelemetry;
      return propagation.getBaggage(context.active())?.getEntry("tenant")?.value ?? "none";
    }),
  };
};
const traced = () => memoryApp(define, { opentelemetry });

/** From the caller's span to the run of what a run has called. */
const oneTrace = () =>
  [spanOf(SEND, "outer"), spanOf(PROCESS, "outer"), spanOf(SEND, "inner"), spanOf(PROCESS, "inner")] as const;
const named = (name: string) => spans().find((span) => span.name === name) as ReadableSpan;

describe("a call, its run and the call that the run makes are one trace", () => {
  test("with a worker", async () => {
    await using it = await traced();
    await it.settle(await within("request", () => it.tasks.outer.delay(1)));
    await it.until("all has run", () => it.messages().length === 0);
    expect(lineage(named("request"), ...oneTrace())).toBe(true);
  });

  test("in memory", async () => {
    const app = createApp("duckling", { opentelemetry });
    const { outer } = define(app);
    await using it = inMemory(app);
    await within("request", () => outer.delay(1));
    await it.drain();
    expect(lineage(named("request"), ...oneTrace())).toBe(true);
  });

  test("in eager mode", async () => {
    const app = createApp("duckling", { opentelemetry, eager: { propagates: true }, logger: silentLogger });
    const { outer, fail } = define(app);
    await within("request", () => outer.delay(1));
    expect(lineage(named("request"), ...oneTrace())).toBe(true);
    await expect(fail.delay()).rejects.toThrow(TaskFailed);
  });

  test("from a caller who has no trace either", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.outer.delay(1));
    await it.until("all has run", () => it.messages().length === 0);
    expect(lineage(...oneTrace())).toBe(true);
    expect(oneTrace()[0].parentSpanContext).toBeUndefined();
  });
});

test("spans have the names, kinds and attributes of the messaging conventions", async () => {
  await using it = await traced();
  const { id } = await it.tasks.inner.delay(1);
  await it.settle(it.app.result(id));
  const common = {
    "messaging.system": "aws_sqs",
    "messaging.destination.name": QUEUE,
    "messaging.message.conversation_id": id,
    "celery.task_name": "inner",
  };
  const [send, process] = [spanOf(SEND, "inner"), spanOf(PROCESS, "inner")];
  expect(send.kind).toBe(opentelemetry.SpanKind.PRODUCER);
  expect(send.attributes).toEqual({
    ...common,
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
  });
  expect(process.kind).toBe(opentelemetry.SpanKind.CONSUMER);
  expect(process.attributes).toEqual({
    ...common,
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.message.id": expect.any(String),
    "celery.retries": 0,
  });
  for (const { status, events, links, instrumentationScope } of [send, process])
    expect([status.code, events, links, instrumentationScope.name]).toEqual([0, [], [], "lovage"]);
});

describe("how a run ended is in its span:", () => {
  const ERROR = opentelemetry.SpanStatusCode.ERROR;

  test("what was replaced says so", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.swapped.delay(1));
    const { status, events } = spanOf(PROCESS, "swapped");
    expect([status.code, events.map(({ name }) => name)]).toEqual([0, ["replaced"]]);
  });

  test("a failure is an error, with the exception", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.fail.delay());
    const { status, attributes, events } = spanOf(PROCESS, "fail");
    expect(status).toEqual({ code: ERROR, message: "no good" });
    expect(attributes["error.type"]).toBe("RangeError");
    expect(events).toMatchObject([
      {
        name: "exception",
        attributes: {
          "exception.type": "RangeError",
          "exception.message": "no good",
          "exception.stacktrace": expect.stringContaining("traces.test.ts"),
        },
      },
    ]);
    expect(spanOf(SEND, "fail").status.code).toBe(0);
  });

  test("an error of `throws` is an exception and no error", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.expected.delay());
    const { status, events, attributes } = spanOf(PROCESS, "expected");
    expect([status.code, events.map(({ name }) => name), attributes["error.type"]]).toEqual([
      0,
      ["exception"],
      undefined,
    ]);
  });

  test("a retry is an event; runs of one message have one parent; exhausted, it is an error", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.flaky.delay());
    const runs = spans().filter(({ name }) => name === PROCESS);
    expect(runs.map((run) => lineage(spanOf(SEND, "flaky"), run))).toEqual([true, true]);
    const [first, second] = runs as [ReadableSpan, ReadableSpan];
    expect(first.status.code).toBe(0);
    expect(first.attributes).toMatchObject({ "celery.retries": 0, "celery.retry.reason": "RangeError: not yet" });
    expect(first.events.map(({ name }) => name)).toEqual(["retry"]);
    expect(second.attributes).toMatchObject({ "celery.retries": 1, "error.type": "RangeError" });
    expect(second.status).toEqual({ code: ERROR, message: "not yet" });
  });

  test("Reject is an error", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.reject.delay());
    expect(spanOf(PROCESS, "reject").attributes["error.type"]).toBe("Reject");
  });

  test("a call that cannot be sent is an error of the send", async () => {
    await using it = await traced();
    await expect(it.tasks.inner.applyAsync([1], { headers: { much: "x".repeat(1_100_000) } })).rejects.toThrow();
    expect(spanOf(SEND, "inner").attributes["error.type"]).toBe("MessageTooLarge");
    expect(spanOf(SEND, "inner").status.code).toBe(ERROR);
  });
});

describe("what follows a run is in its trace:", () => {
  test("callbacks, as its children", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.inner.applyAsync([1], { link: it.tasks.headers.si() }));
    await it.until("all has run", () => it.messages().length === 0);
    expect(
      lineage(spanOf(SEND, "inner"), spanOf(PROCESS, "inner"), spanOf(SEND, "headers"), spanOf(PROCESS, "headers")),
    ).toBe(true);
  });

  test("what takes its place", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.swapped.delay(1));
    expect(lineage(spanOf(PROCESS, "swapped"), spanOf(SEND, "inner"), spanOf(PROCESS, "inner"))).toBe(true);
  });

  test("the next step of its chain", async () => {
    await using it = await traced();
    await it.settle(await chain(it.tasks.inner.s(1), it.tasks.headers.si()).delay());
    expect(lineage(spanOf(PROCESS, "inner"), spanOf(SEND, "headers"), spanOf(PROCESS, "headers"))).toBe(true);
  });

  test("what comes after its group, as what its last member has sent", async () => {
    await using it = await traced();
    await it.settle(await chord([it.tasks.inner.s(1)], it.tasks.headers.si()).delay());
    expect(lineage(spanOf(PROCESS, "inner"), spanOf(SEND, "headers"), spanOf(PROCESS, "headers"))).toBe(true);
  });

  test("error callbacks", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.fail.applyAsync([], { linkError: it.tasks.headers.si() }));
    await it.until("all has run", () => it.messages().length === 0);
    expect(lineage(spanOf(PROCESS, "fail"), spanOf(SEND, "headers"), spanOf(PROCESS, "headers"))).toBe(true);
  });

  test("error callbacks of what nobody could run, as children of its call", async () => {
    await using it = await traced();
    await it.settle(await it.app.sendTask("missing", [], { linkError: it.tasks.headers.si() }));
    await it.until("all has run", () => it.messages().length === 0);
    expect(lineage(spanOf(SEND, "missing"), spanOf(SEND, "headers"), spanOf(PROCESS, "headers"))).toBe(true);
  });

  test("the calls of hooks", async () => {
    await using it = await traced();
    await it.settle(await it.tasks.hooked.delay());
    await it.until("all has run", () => it.messages().length === 0);
    expect(lineage(spanOf(SEND, "hooked"), spanOf(SEND, "inner"), spanOf(PROCESS, "inner"))).toBe(true);
  });
});

describe("Celery's Python", () => {
  test("finds the context where its instrumentation looks: in headers at the top level, as text", async () => {
    await using it = await memoryApp(define, { opentelemetry, worker: false });
    await it.tasks.inner.delay(1);
    const { traceId, spanId } = spanOf(SEND, "inner").spanContext();
    const message = JSON.parse(it.broker.bodies(QUEUE)[0] ?? "");
    expect(message.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);
  });

  test("sends one that a run here goes on from, with its baggage", async () => {
    await using it = await traced();
    const headers = { traceparent: TRACEPARENT, tracestate: "vendor=1", baggage: "tenant=t-1" };
    await it.send(encode(envelopeOf({ id: "py-1", task: "baggage", args: [], lang: "py", headers }), QUEUE));
    await it.settle(it.app.result("py-1"));
    const run = spanOf(PROCESS, "baggage");
    expect(run.spanContext().traceId).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(run.parentSpanContext).toMatchObject({ spanId: "b7ad6b7169203331", isRemote: true });
    expect(run.spanContext().traceState?.get("vendor")).toBe("1");
    expect(await it.app.result("py-1").get()).toBe("t-1");
  });

  test("may send headers that are no context", async () => {
    await using it = await traced();
    const headers = { traceparent: 7, tracestate: null, baggage: ["x"] };
    await it.send(encode(envelopeOf({ id: "py-2", task: "inner", args: [1], headers }), QUEUE));
    expect(await it.settle(it.app.result("py-2"))).toBe("SUCCESS");
    expect(spanOf(PROCESS, "inner").parentSpanContext).toBeUndefined();
  });
});

test("a context that the caller gives stays as it is", async () => {
  await using it = await traced();
  const result = await it.tasks.headers.applyAsync([], { headers: { traceparent: TRACEPARENT } });
  await it.settle(result);
  expect(await result.get()).toEqual({ traceparent: TRACEPARENT });
});

test("what is not sampled is passed on as that, and collected nowhere", async () => {
  await using it = await traced();
  const headers = { traceparent: TRACEPARENT.replace(/01$/, "00") };
  await it.send(encode(envelopeOf({ id: "off-1", task: "outer", args: [1], headers }), QUEUE));
  await it.settle(it.app.result("off-1"));
  await it.until("all has run", () => it.messages().length === 0);
  expect(spans()).toEqual([]);
});

test("without the option a message has no header more", async () => {
  await using it = await memoryApp(define);
  const result = await within("request", () => it.tasks.headers.delay());
  await it.settle(result);
  expect(await result.get()).toEqual({});
  expect(spans().map(({ name }) => name)).toEqual(["request"]);
});

describe("a Lambda function", () => {
  test("goes on with the trace of each message, links to its own invocation, and hands over its spans before it is frozen", async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker(clock, [{ name: QUEUE }]);
    const store = new MemoryResultStore({ clock });
    const app = createApp("duckling", {
      clock,
      opentelemetry,
      logger: silentLogger,
      workloads: { default: onLambda() },
      connect: async () => ({ broker, store, where: async () => ({ broker: "memory", store: "memory" }) }),
    });
    const { outer } = define(app);
    const handler = createLambdaHandler(app);
    const invoke = async () => {
      const got = await broker.receive(QUEUE, { max: 10, waitSeconds: 0, visibilitySeconds: 360 });
      const Records = got.map(({ messageId, receipt, body, receiveCount, sentAt }) => ({
        messageId,
        receiptHandle: receipt,
        body,
        attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
        eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:${QUEUE}`,
      }));
      await handler({ Records }, { awsRequestId: "r", functionName: "f", getRemainingTimeInMillis: () => 60_000 });
    };
    let flushes = 0;
    const forceFlush = provider.forceFlush;
    provider.forceFlush = async () => {
      flushes++;
      if (flushes === 2) throw new Error("the collector is away");
    };
    await outer.delay(1);
    await within("invocation", invoke);
    expect(flushes).toBe(1);
    await invoke();
    expect(flushes).toBe(2);
    provider.forceFlush = forceFlush;
    expect(lineage(...oneTrace())).toBe(true);
    expect(spanOf(PROCESS, "outer").links.map(({ context }) => context.spanId)).toEqual([
      named("invocation").spanContext().spanId,
    ]);
    expect(spanOf(PROCESS, "inner").links).toEqual([]);
  });
});

describe("an OpenTelemetry that fails", () => {
  /** Every function throws, or every one of a span's. */
  const failing = (what: "everything" | "spans"): OpenTelemetry => {
    const boom = () => {
      throw new Error("boom");
    };
    const span = { isRecording: () => true, spanContext: boom, end: boom };
    const others = { setAttribute: boom, addEvent: boom, recordException: boom, setStatus: boom };
    const startSpan = () => (what === "spans" ? { ...span, ...others } : boom());
    return {
      ...opentelemetry,
      trace: {
        getTracer: () => ({ startSpan }),
        getTracerProvider: boom,
        setSpan: (context) => (what === "spans" ? context : boom()),
        getSpanContext: () => (what === "spans" ? undefined : boom()),
      },
      context: { active: () => (what === "spans" ? {} : boom()), with: boom },
      propagation: { inject: boom, extract: (context) => (what === "spans" ? context : boom()) },
    };
  };

  test.each(["everything", "spans"] as const)("changes nothing for tasks, and is logged once: %s", async (what) => {
    await using it = await memoryApp(define, { opentelemetry: failing(what), worker: false });
    const worker = await it.startWorker();
    const results = [
      await it.tasks.inner.applyAsync([1], { link: it.tasks.inner.s() }),
      await it.tasks.fail.delay(),
      await it.tasks.hooked.delay(),
    ];
    await it.settle(...results);
    await it.until("all has run", () => it.messages().length === 0);
    expect(await Promise.all(results.map((result) => result.state()))).toEqual(["SUCCESS", "FAILURE", "SUCCESS"]);
    expect(await results[0]?.get()).toBe(2);
    await worker.stop();
    const warned = it.logs.filter(({ message }) => message.startsWith("OpenTelemetry failed"));
    expect(warned).toHaveLength(2); // the caller's process, and the worker's
    expect(warned[0]).toMatchObject({ level: "warn", error: "Error: boom" });
  });
});

test.each([{}, opentelemetry.trace, "otel", null])("what is not the module is refused: %o", (given) => {
  const createWith = () => createApp("shop", { opentelemetry: given as unknown as OpenTelemetry });
  expect(createWith).toThrow(InvalidOption);
  expect(createWith).toThrow(/it takes the whole module: import \* as opentelemetry from "@opentelemetry\/api"/);
});
