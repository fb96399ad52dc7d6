// What an app costs, as data: its workloads with their bills, and how they add up.
import type { App } from "../app.ts";
import { busyMonth, perMillion } from "../core/cost/cost.ts";
import { idleMonth, idleMonthOfApp } from "../core/cost/idle.ts";
import { type CostLine, total } from "../core/cost/line.ts";
import { PRICE_LIST } from "../core/cost/prices.ts";
import type { CostedTask, Work } from "../core/cost/usage.ts";
import { TASK_DEFAULTS } from "../defaults.ts";
import { demandWorkload } from "./target.ts";

/** US dollars. */
export interface Bill {
  readonly dollars: number;
  readonly lines: readonly CostLine[];
}

export interface WorkloadEstimate {
  readonly name: string;
  readonly kind: "lambda" | "fargate";
  /** Each has an equal part; none: a task with default options was taken. */
  readonly tasks: readonly string[];
  readonly perMillion: Bill;
  /** US dollars for a million of which each is sent, received and acknowledged alone. */
  readonly perMillionAlone: number;
  readonly idleMonth: Bill;
  /** What a month with tasks costs besides, however many they are. */
  readonly busyMonth: Bill;
  /** US dollars for a month with `tasksPerMonth`. */
  readonly month: number;
}

export interface Estimate {
  readonly app: string;
  readonly prices: typeof PRICE_LIST;
  readonly assumed: Work & { /** Of each workload. */ readonly tasksPerMonth: number };
  readonly workloads: readonly WorkloadEstimate[];
  /** Of the app, whatever workloads it has. */
  readonly shared: Bill;
  /** US dollars, of all of it. */
  readonly idleMonth: number;
  readonly month: number;
}

const { claim, ignoreResult, resultExpiresSeconds, timeLimitSeconds } = TASK_DEFAULTS;
const DEFAULT_TASK: CostedTask = {
  claim,
  ignoreResult,
  resultExpires: resultExpiresSeconds,
  timeLimit: timeLimitSeconds,
};
const MILLION = 1_000_000;

/** Throws InvalidOption: no such workload, arguments or results that are larger than what carries them. */
export function estimate(app: App, names: readonly string[], work: Work, tasksPerMonth: number): Estimate {
  const workloads = names.map((name) => workloadEstimate(app, name, work, tasksPerMonth));
  const shared = bill(idleMonthOfApp());
  return {
    app: app.name,
    prices: PRICE_LIST,
    assumed: { ...work, tasksPerMonth },
    workloads,
    shared,
    idleMonth: shared.dollars + sum(workloads.map((one) => one.idleMonth.dollars)),
    month: shared.dollars + sum(workloads.map(({ month }) => month)),
  };
}

function workloadEstimate(app: App, name: string, work: Work, tasksPerMonth: number): WorkloadEstimate {
  const workload = demandWorkload(app, name);
  const own = [...app.tasks.values()].map(({ settings }) => settings).filter((one) => one.workload === name);
  const tasks = own.length === 0 ? [DEFAULT_TASK] : own;
  const mix = { workload, tasks, work, payloads: app.payloads };
  const million = bill(perMillion(mix));
  const idle = bill(idleMonth(workload.kind));
  const busy = bill(busyMonth(tasks.length));
  return {
    name,
    kind: workload.kind,
    tasks: own.map((one) => one.name),
    perMillion: million,
    perMillionAlone: total(perMillion({ ...mix, work: { ...work, together: 1 } })),
    idleMonth: idle,
    busyMonth: busy,
    month: idle.dollars + (tasksPerMonth === 0 ? 0 : busy.dollars + (million.dollars * tasksPerMonth) / MILLION),
  };
}

function bill(lines: readonly CostLine[]): Bill {
  return { dollars: total(lines), lines };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, one) => total + one, 0);
}
