import type { WorkerDescription } from "../worker/worker.ts";
import { facts, type Style, span, table } from "./output.ts";

interface Limits {
  readonly grace: number;
  readonly stall: number;
  readonly waitSeconds: number;
  readonly debug?: boolean | undefined;
}

/** What it is connected to, what it serves, and its limits. */
export function workerScreen(worker: WorkerDescription, limits: Limits, path: string, style: Style): string {
  const { workloads } = worker;
  const head = facts(
    {
      queues: worker.broker,
      results: `${worker.store}, table ${worker.app}`,
      ...(worker.payloads && { payloads: worker.payloads }),
      app: path,
      worker: `${worker.owner}, Node ${worker.node}`,
    },
    style,
  );
  const rows = workloads.map((one) => [
    one.name,
    runsOf(one.work, one.concurrency),
    String(one.inHandAtMost),
    span(one.visibilitySeconds),
    String(one.maxReceiveCount),
    one.work === "cpu" ? `${one.memoryMb} MB` : "shared",
    worker.deadLetters ? "ended here" : "left alone",
  ]);
  const serves = table(
    ["workload", "runs", "in hand at most", "lease", "receives", "memory", "dead letters"],
    rows,
    style,
  );
  const tasks = facts(
    Object.fromEntries(workloads.map((one) => [one.name, one.tasks.join(", ") || "those that calls send here"])),
    style,
  );
  return [
    `${style.bold(worker.app)} worker`,
    head,
    serves,
    `  ${style.dim("tasks")}\n${tasks}`,
    facts(
      {
        stop: `Ctrl-C or SIGTERM, then up to ${span(limits.grace)} for what runs; again to stop at once`,
        stall: `ends itself after ${span(limits.stall)} without progress`,
        health: worker.health && `${worker.health}/healthz, /readyz`,
        poll: `${limits.waitSeconds} s${limits.debug ? "; every decision is logged" : ""}`,
      },
      style,
    ),
  ].join("\n\n");
}

export function runsOf(work: "io" | "cpu", concurrency: number): string {
  if (work === "io") return `${concurrency} at a time`;
  return concurrency === 1 ? "1 process" : `${concurrency} processes`;
}
