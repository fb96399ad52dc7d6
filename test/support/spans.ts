// The OpenTelemetry SDK of a test file, with everything it has collected. Registered once: its API is global.
import * as opentelemetry from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";

const exporter = new InMemorySpanExporter();
export const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register(); // with W3C's propagators

export { opentelemetry };

/** Forgets what was collected so far. */
export function resetSpans(): void {
  exporter.reset();
}

export function spans(): readonly ReadableSpan[] {
  return exporter.getFinishedSpans();
}

/** The only span of this name about this task. */
export function spanOf(name: string, task: string): ReadableSpan {
  const found = spans().filter((span) => span.name === name && span.attributes["celery.task_name"] === task);
  if (found.length !== 1) throw new Error(`${found.length} spans "${name}" of ${task}, among ${shown()}`);
  return found[0] as ReadableSpan;
}

/** `a > b > c`: each span is the parent of the next, and nobody else's trace is in it. */
export function lineage(...line: readonly ReadableSpan[]): boolean {
  return line.every((span, i) => {
    const parent = line[i - 1]?.spanContext();
    return (
      parent === undefined ||
      (span.parentSpanContext?.spanId === parent.spanId && span.spanContext().traceId === parent.traceId)
    );
  });
}

/** A span of the caller's own around `body`. */
export async function within<T>(name: string, body: () => Promise<T>): Promise<T> {
  return opentelemetry.trace.getTracer("test").startActiveSpan(name, async (span) => {
    try {
      return await body();
    } finally {
      span.end();
    }
  });
}

function shown(): string {
  return spans()
    .map(({ name, attributes }) => `${name} of ${attributes["celery.task_name"]}`)
    .join(", ");
}
