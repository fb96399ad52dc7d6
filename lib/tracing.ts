// Spans of calls and runs, by OpenTelemetry's semantic conventions for messaging
// (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/):
//
//  send <queue>      PRODUCER, from the call until SQS has accepted it. Its context travels in the message's headers, at the top
//                    level, where Celery's instrumentation puts it and looks for it (opentelemetry-instrumentation-celery).
//  process <queue>   CONSUMER, each run of a task's code, in the process that runs it. Its parent is the send (worker/run-span.ts).
//
// A retry is the same message, so its runs have one parent. What OpenTelemetry throws is logged once, and changes nothing.
import type { Logger } from "./log.ts";
import type { OpenTelemetry, OpenTelemetrySpan } from "./opentelemetry.ts";
import type { Failure } from "./store/record.ts";
import { toFailure } from "./wire/failure.ts";
import { isReservedHeader } from "./wire/headers.ts";
import type { JsonObject } from "./wire/serializer.ts";

/** A call on its way. */
export interface Sending {
  /** The headers, with the context that a worker goes on from. A context of the caller's own stays. */
  headers(own: JsonObject): JsonObject;
  /** Runs `send` as a child of this span, and ends it when `send` does. */
  during<T>(send: () => Promise<T>): Promise<T>;
  failed(error: unknown): void;
}

/** A span that has begun. */
export interface Begun {
  readonly span: OpenTelemetrySpan;
  /** With the span in it. */
  readonly context: unknown;
}

export class Tracing {
  readonly api: OpenTelemetry;
  readonly #tracer: ReturnType<OpenTelemetry["trace"]["getTracer"]>;
  readonly #log: () => Logger;
  #complained = false;

  constructor(api: OpenTelemetry, log: () => Logger) {
    this.api = api;
    this.#log = log;
    this.#tracer = api.trace.getTracer("lovage");
  }

  /** A call begins. `parent`: headers of the message whose task makes it, where that is not what runs here. */
  send(queue: string, task: string, id: string, parent?: JsonObject): Sending | undefined {
    const begun = this.safely(() => {
      const { context, propagation, SpanKind } = this.api;
      const from = parent === undefined ? context.active() : propagation.extract(context.active(), carrier(parent));
      return this.begin(`send ${queue}`, SpanKind.PRODUCER, attributesOf("send", queue, task, id), from);
    });
    if (begun === undefined) return undefined;
    const ended = (error?: { readonly thrown: unknown }) =>
      void this.safely(() => {
        if (error) this.fail(begun.span, toFailure(error.thrown));
        begun.span.end();
      });
    return {
      headers: (own) => {
        const injected = this.inject(begun.context);
        const given = Object.keys(injected).some((name) => Object.hasOwn(own, name));
        return given ? own : { ...own, ...injected };
      },
      during: async (send) => {
        try {
          const answer = await this.within(begun.context, send);
          ended();
          return answer;
        } catch (thrown) {
          ended({ thrown });
          throw thrown;
        }
      },
      failed: (thrown) => ended({ thrown }),
    };
  }

  /** Runs user code that comes after a task where its trace goes on. */
  after<T>(headers: JsonObject, code: () => Promise<T>): Promise<T> {
    const { context, propagation } = this.api;
    const from = this.safely(() => ({ context: propagation.extract(context.active(), carrier(headers)) }));
    return from === undefined ? code() : this.within(from.context, code);
  }

  /** Has the SDK hand over what it has collected: before a function is frozen, or a process ends. Never rejects. */
  async flush(): Promise<void> {
    const flushed = this.safely(() => {
      const proxy = this.api.trace.getTracerProvider() as { getDelegate?(): unknown }; // the API's own; an SDK's has none
      const provider = (proxy.getDelegate?.() ?? proxy) as { forceFlush?(): unknown }; // every SDK's has one
      return { done: provider.forceFlush?.() };
    });
    try {
      await flushed?.done;
    } catch (error) {
      this.#complain(error);
    }
  }

  /** Begins a span whose parent is in `from`. */
  begin(
    name: string,
    kind: number,
    attributes: Readonly<Record<string, string | number>>,
    from: unknown,
    startTime?: number,
  ): Begun {
    const { context, trace } = this.api;
    const ambient = trace.getSpanContext(context.active());
    const elsewhere = ambient !== undefined && ambient.spanId !== trace.getSpanContext(from)?.spanId;
    const links = elsewhere ? [{ context: ambient }] : [];
    const options = { kind, attributes, links, ...(startTime !== undefined && { startTime }) };
    const span = this.#tracer.startSpan(name, options, from);
    return { span, context: trace.setSpan(from, span) };
  }

  /** Ends nothing: says of a span that it failed. */
  fail(span: OpenTelemetrySpan, failure: Failure): void {
    span.recordException(exception(failure));
    span.setAttribute("error.type", failure.type);
    span.setStatus({ code: this.api.SpanStatusCode.ERROR, message: failure.message });
  }

  /** The headers that carry a context. */
  inject(context: unknown): Readonly<Record<string, string>> {
    const headers = {};
    this.safely(() => this.api.propagation.inject(context, headers));
    return carrier(headers);
  }

  /** Runs `code` in the context, and without it where that cannot be. */
  within<T>(context: unknown, code: () => Promise<T>): Promise<T> {
    let running: Promise<T> | undefined;
    this.safely(() => {
      this.api.context.with(context, () => {
        running = code();
      });
    });
    return running ?? code();
  }

  /** What `use` returns; undefined where OpenTelemetry throws. */
  safely<T>(use: () => T): T | undefined {
    try {
      return use();
    } catch (error) {
      this.#complain(error);
      return undefined;
    }
  }

  #complain(error: unknown): void {
    if (this.#complained) return;
    this.#complained = true;
    const { type, message, stack } = toFailure(error);
    this.#log().warn(
      { error: `${type}: ${message}`, stack },
      "OpenTelemetry failed; tasks go on, without some of their spans",
    );
  }
}

/** What both kinds of span say. */
export function attributesOf(operation: "send" | "process", queue: string, task: string, id: string) {
  return {
    "messaging.system": "aws_sqs",
    "messaging.operation.name": operation,
    "messaging.operation.type": operation,
    "messaging.destination.name": queue,
    "messaging.message.conversation_id": id,
    "celery.task_name": task,
  };
}

/** What propagators read and write: text, and nothing that is the message's own. */
export function carrier(headers: JsonObject): Readonly<Record<string, string>> {
  const text: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (typeof value === "string" && !isReservedHeader(name)) text[name] = value;
  return text;
}

export function exception({ type, message, stack }: Failure) {
  return { name: type, message, ...(stack !== undefined && { stack }) };
}
