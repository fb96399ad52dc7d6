// CloudWatch's embedded metric format: a line of JSON in a log that CloudWatch Logs makes metrics of.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
import { METRICS } from "./metrics.ts";
import type { Ending } from "./outcome.ts";

export type Count = "retries" | "failures" | "successes";

/** What was measured since the last document, of one task or of a whole workload. At most EMF.maxValues numbers in a list. */
export interface Measured {
  /** Milliseconds. */
  readonly duration: readonly number[];
  /** Milliseconds. */
  readonly queueLatency: readonly number[];
  readonly retries: number;
  readonly failures: number;
  readonly successes: number;
}

export interface Dimensions {
  readonly app: string;
  readonly workload: string;
  /** @default - of the whole workload */
  readonly task?: string;
}

const COUNTS: Readonly<Record<Ending["kind"], Count | undefined>> = {
  success: "successes",
  failure: "failures",
  retry: "retries",
  rejected: "failures",
  revoked: undefined,
};

/** What an ending counts as; undefined where it is none of the task's: revoked, or given back. */
export function countOf(ending: Ending): Count | undefined {
  return ending.kind === "rejected" && ending.requeue ? undefined : COUNTS[ending.kind];
}

/**
 * Milliseconds a message waited from when it was due until a worker took it up. `sentAt` is SQS's clock, `now` this machine's:
 * never negative.
 */
export function queueLatency(sentAt: number, eta: number | undefined, now: number): number {
  return Math.max(0, now - Math.max(sentAt, eta ?? 0));
}

const UNITS = {
  duration: "Milliseconds",
  queueLatency: "Milliseconds",
  retries: "Count",
  failures: "Count",
  successes: "Count",
} as const satisfies Record<keyof Measured, string>;
const NAMES = Object.keys(UNITS) as readonly (keyof Measured)[]; // its keys, in this order

/** One line. `now` in epoch ms. Counts of zero are left out: a metric that never had a value costs nothing. */
export function emfDocument(now: number, { app, workload, task }: Dimensions, measured: Measured): string {
  const { namespace, dimensions: name } = METRICS;
  const names = NAMES.filter((metric) => {
    const value = measured[metric];
    return typeof value === "number" ? value > 0 : value.length > 0;
  });
  const perWorkload = [name.app, name.workload];
  return JSON.stringify({
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [
        {
          Namespace: namespace,
          Dimensions: task === undefined ? [perWorkload] : [perWorkload, [...perWorkload, name.task]],
          Metrics: names.map((metric) => ({ Name: METRICS[metric], Unit: UNITS[metric] })),
        },
      ],
    },
    [name.app]: app,
    [name.workload]: workload,
    ...(task !== undefined && { [name.task]: dimensionValue(task) }),
    ...Object.fromEntries(names.map((metric) => [METRICS[metric], measured[metric]])),
  });
}

/** CloudWatch takes printable ASCII, not all of it white space, that begins with no colon (API reference, "Dimension"). */
function dimensionValue(text: string): string {
  const ascii = text.replaceAll(/[^ -~]/g, "?").replace(/^:/, "?");
  return ascii.trim() === "" ? "?" : ascii;
}
