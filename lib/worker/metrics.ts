// What a worker measures of its tasks, as lines of CloudWatch's embedded metric format on stdout (core/emf.ts). Logs go to stderr.
//
// Running a task only adds numbers to a list. Lines are written at the end of a Lambda invocation, every minute by a worker that
// runs for long, and where a list is full: what waits here never grows.
import type { App } from "../app.ts";
import type { Clock } from "../clock.ts";
import { countOf, emfDocument, queueLatency } from "../core/emf.ts";
import { type MetricsLevel, NOT_REGISTERED } from "../core/metrics.ts";
import type { Ending } from "../core/outcome.ts";
import { EMF, WORKER_DEFAULTS } from "../defaults.ts";
import { readMetricsLevel } from "../environment.ts";
import type { Delivery } from "../ports/broker.ts";

/** When a run took up its message, and how long its code ran. */
export interface Timing {
  /** Milliseconds. */
  readonly queueLatency: number;
  /** Milliseconds. */
  readonly duration: number;
}

/** Of one task, or of a whole workload. */
interface Series {
  readonly workload: string;
  readonly task: string | undefined;
  readonly duration: number[];
  readonly queueLatency: number[];
  retries: number;
  failures: number;
  successes: number;
}

export interface TaskMetricsOptions {
  readonly app: string;
  readonly level: Exclude<MetricsLevel, "off">;
  readonly clock: Clock;
  /** Writes lines, each with its end. */
  readonly write: (lines: string) => void;
}

export class TaskMetrics {
  readonly #options: TaskMetricsOptions;
  readonly #series = new Map<string, Series>();
  #cancel: () => void = () => {};

  constructor(options: TaskMetricsOptions) {
    this.#options = options;
  }

  /** An ending that has been recorded. `task`: undefined where no such task is registered. `timing`: of the run that came to it. */
  ended(workload: string, task: string | undefined, ending: Ending, timing: Timing | undefined): void {
    const count = countOf(ending);
    if (count === undefined) return;
    const series = this.#seriesOf(workload, task ?? NOT_REGISTERED);
    series[count]++;
    if (timing === undefined) return;
    series.duration.push(timing.duration);
    series.queueLatency.push(timing.queueLatency);
    if (series.duration.length === EMF.maxValues) this.#write([series]);
  }

  /** Writes what was measured since it was last written. */
  flush(): void {
    this.#write([...this.#series.values()]);
  }

  /** Writes every minute, until `stop`. */
  start(): void {
    this.#cancel = this.#options.clock.timer(WORKER_DEFAULTS.metricsSeconds * 1_000, () => {
      this.flush();
      this.start();
    });
  }

  /** Writes for the last time. */
  stop(): void {
    this.#cancel();
    this.flush();
  }

  #seriesOf(workload: string, name: string): Series {
    const task = this.#options.level === "task" ? name : undefined;
    const key = JSON.stringify([workload, task]);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { workload, task, duration: [], queueLatency: [], retries: 0, failures: 0, successes: 0 };
      this.#series.set(key, series);
    }
    return series;
  }

  #write(all: readonly Series[]): void {
    const { app, clock, write } = this.#options;
    const now = clock.now();
    const measured = all.filter(({ retries, failures, successes }) => retries + failures + successes > 0);
    if (measured.length === 0) return;
    write(
      measured
        .map((series) => {
          const { workload, task } = series;
          const line = emfDocument(now, { app, workload, ...(task !== undefined && { task }) }, series);
          series.duration.length = 0;
          series.queueLatency.length = 0;
          series.retries = series.failures = series.successes = 0;
          return `${line}\n`;
        })
        .join(""),
    );
  }
}

/** What LOVAGE_METRICS asks for; undefined where that is nothing. Throws InvalidOption. */
export function taskMetrics({ name, clock }: Pick<App, "name" | "clock">): TaskMetrics | undefined {
  const level = readMetricsLevel();
  return level === "off" ? undefined : new TaskMetrics({ app: name, level, clock, write: toStdout });
}

/** Measures a run, from the moment its message is taken up. Returns what `ended` calls when the code has ended. */
export function measure({ sentAt }: Delivery, eta: number | undefined, clock: Clock): () => Timing {
  const latency = queueLatency(sentAt, eta, clock.now());
  const began = clock.monotonic();
  return () => ({ queueLatency: latency, duration: hundredths(clock.monotonic() - began) });
}

/** What is finer is noise, and every digit is paid for as a log. */
const hundredths = (ms: number) => Math.round(ms * 100) / 100;

let guarded = false;

/** Not by the console: Lambda puts a time and a request before what that prints. Nobody may be reading any more: that is no error. */
function toStdout(lines: string): void {
  if (!guarded) process.stdout.on("error", () => {});
  guarded = true;
  process.stdout.write(lines);
}
