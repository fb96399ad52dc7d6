// What Lovage uses of @opentelemetry/api 1.x, as far as types go: nothing of it is imported, so that a project without it loses nothing.

/** The module itself: `import * as opentelemetry from "@opentelemetry/api"`. */
export interface OpenTelemetry {
  readonly trace: {
    getTracer(name: string): {
      startSpan(
        name: string,
        options: {
          readonly kind: number;
          readonly attributes: Readonly<Record<string, string | number>>;
          /** Not read-only: the module's own type is not. */
          readonly links: { readonly context: ReturnType<OpenTelemetrySpan["spanContext"]> }[];
          /** Epoch ms. @default - now */
          readonly startTime?: number;
        },
        context: unknown,
      ): OpenTelemetrySpan;
    };
    getTracerProvider(): unknown;
    setSpan(context: unknown, span: OpenTelemetrySpan): unknown;
    getSpanContext(context: unknown): ReturnType<OpenTelemetrySpan["spanContext"]> | undefined;
  };
  readonly context: {
    active(): unknown;
    with<T>(context: unknown, body: () => T): T;
  };
  readonly propagation: {
    inject(context: unknown, carrier: object): void;
    extract(context: unknown, carrier: object): unknown;
  };
  readonly SpanKind: { readonly PRODUCER: number; readonly CONSUMER: number };
  readonly SpanStatusCode: { readonly ERROR: number };
}

/** A span of any SDK. */
export interface OpenTelemetrySpan {
  isRecording(): boolean;
  setAttribute(name: string, value: string | number): unknown;
  addEvent(name: string, attributes?: Readonly<Record<string, string | number>>): unknown;
  recordException(exception: { readonly name: string; readonly message: string; readonly stack?: string }): void;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };
  end(): void;
}
