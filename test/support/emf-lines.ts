// What a worker in this process writes to stdout of its metrics, while a test lasts.
import { onTestFinished, vi } from "vitest";
import type { MetricsLevel } from "../../lib/core/metrics.ts";

export interface EmfDocument extends Readonly<Record<string, unknown>> {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
}

/** Switches metrics on, and collects what is written. Lines that are no metrics go where they belong. */
export function emfLines(level: MetricsLevel): EmfDocument[] {
  const documents: EmfDocument[] = [];
  const write = process.stdout.write.bind(process.stdout);
  vi.stubEnv("LOVAGE_METRICS", level);
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((text, ...rest) => {
    if (!String(text).startsWith('{"_aws"')) return write(text, ...(rest as []));
    documents.push(...parse(String(text)));
    return true;
  });
  onTestFinished(() => {
    spy.mockRestore();
    vi.unstubAllEnvs();
  });
  return documents;
}

/** Every line has to be one document, and the last has to have its end. */
export function parse(text: string): readonly EmfDocument[] {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new Error(`no end of line: ${text}`);
  return lines.map((line) => JSON.parse(line));
}

/** Without what all have: `{ Task, Successes: 3, … }`. */
export function members({ _aws, App, ...rest }: EmfDocument): Readonly<Record<string, unknown>> {
  return rest;
}

/** Sum of a metric over all documents. */
export function sum(documents: readonly EmfDocument[], name: string): number {
  return documents
    .flatMap((document) => (document[name] as number | readonly number[] | undefined) ?? [])
    .reduce((a, b) => a + b, 0);
}
