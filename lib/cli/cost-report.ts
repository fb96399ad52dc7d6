// An estimate as a person reads it: first what all of it comes to, then where that comes from.
import { type CostLine, dearest, total } from "../core/cost/line.ts";
import type { Estimate, WorkloadEstimate } from "./cost-estimate.ts";
import { type Style, span, table } from "./output.ts";

const NUMBERS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
const PRICES = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 5 });

export function costReport(found: Estimate, style: Style): string {
  return [
    `${style.bold(found.app)}: US dollars, list prices of ${found.prices.region} on ${found.prices.asOf}, no free tier`,
    summary(found, style),
    ...found.workloads.flatMap((one) => ofWorkload(one, style)),
    titled("the app, an idle month", lines(found.shared.lines, style), style),
    assumed(found),
  ].join("\n\n");
}

const SUMMARY = ["workload", "runs on", "million tasks", "each alone", "idle month"];

function summary({ workloads, shared, idleMonth, month, assumed: { tasksPerMonth } }: Estimate, style: Style): string {
  const head = [...SUMMARY, `month of ${NUMBERS.format(tasksPerMonth)}`];
  const rows = workloads.map((one) => [
    one.name,
    one.kind,
    money(one.perMillion.dollars),
    money(one.perMillionAlone),
    money(one.idleMonth.dollars),
    money(one.month),
  ]);
  const app = ["(the app)", "", "", "", money(shared.dollars), money(shared.dollars)];
  const all = ["total", "", "", "", money(idleMonth), money(month)];
  return table(head, [...rows, app, all], style, head.slice(2));
}

function ofWorkload(one: WorkloadEstimate, style: Style): readonly string[] {
  const most = dearest(one.perMillion.lines);
  const share = most && ` Most of it: ${most.what}, ${percent(most, one.perMillion.lines)} %.`;
  return [
    titled(
      `${one.name}, a million tasks`,
      `${lines(one.perMillion.lines, style)}\n\n  ${mixOf(one)}${share ?? ""}`,
      style,
    ),
    titled(`${one.name}, an idle month`, lines(one.idleMonth.lines, style), style),
    titled(`${one.name}, besides in a month with tasks`, lines(one.busyMonth.lines, style), style),
  ];
}

function mixOf({ tasks }: WorkloadEstimate): string {
  if (tasks.length === 0) return "It has no task yet: one with default options was taken.";
  return tasks.length === 1 ? `All of them ${tasks[0]}.` : `In equal parts: ${tasks.join(", ")}.`;
}

const LINE = ["what", "units", "", "price", "$", "%", "how it is counted"];
const RIGHT = ["units", "price", "$", "%"];

function lines(all: readonly CostLine[], style: Style): string {
  const rows = all.map((one) => [
    one.what,
    NUMBERS.format(one.units),
    one.unit,
    `${PRICES.format(one.price)}${one.pricePer === 1 ? "" : "/M"}`,
    money(one.dollars),
    percent(one, all),
    one.assumption,
  ]);
  return table(LINE, [...rows, ["total", "", "", "", money(total(all)), "", ""]], style, RIGHT);
}

function percent({ dollars }: CostLine, all: readonly CostLine[]): string {
  const whole = total(all);
  return whole === 0 ? "" : NUMBERS.format(Math.round((100 * dollars) / whole));
}

function titled(title: string, body: string, { bold }: Style): string {
  return `${bold(title)}\n${body}`;
}

function assumed({ assumed: { durationSeconds, argsBytes, resultBytes, together, reads } }: Estimate): string {
  const bytes = `${NUMBERS.format(argsBytes)} bytes of arguments, ${NUMBERS.format(resultBytes)} of result`;
  return [
    `Assumed of every task: ${span(durationSeconds)} of code, ${bytes}, which is looked at ${times(reads)}. Where the workload takes as`,
    `many, ${together} share a request. None fails or is retried. --help has the options. A month has 30 days. Not counted: NAT gateways,`,
    "data transfer, cold starts, containers that start or wait, taxes.",
  ].join("\n");
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function money(dollars: number): string {
  if (dollars > 0 && dollars < 0.005) return "<0.01";
  return dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
