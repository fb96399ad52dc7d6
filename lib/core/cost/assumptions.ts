// How the units of each line were counted, in words and with the numbers.
import { RECORD_LIFETIME_MS } from "../../defaults.ts";
import { heartbeatEveryMs } from "../visibility.ts";
import { argumentsOf } from "./carried.ts";
import type { Mix } from "./cost.ts";
import { REMOVED_AFTER_DAYS, SIZES, TIMES } from "./sizes.ts";
import { cpus, runSeconds, sharing, slots, type Usage, writesOf } from "./usage.ts";

const DAY_MS = 86_400_000;

export function assumptions(mix: Mix): Readonly<Record<keyof Usage, string>> {
  const { workload, tasks, work, payloads } = mix;
  const { sent, received, deleted } = sharing(workload, work.together, argumentsOf(work.argsBytes, payloads).inline);
  const runs = distinct(tasks.map((task) => time(runSeconds(task, workload, work))));
  const memory = `${workload.memoryMb} MB`;
  const busy = `${runs} each, ${slots(workload)} at a time, never idle`;
  const beat = `one for every ${round(heartbeatEveryMs(workload.heartbeatVisibilitySeconds) / 1_000)} s that a task runs`;
  const kept = `for ${RECORD_LIFETIME_MS / DAY_MS} days, or resultExpires if longer, and ${REMOVED_AFTER_DAYS} until they are removed`;
  const ofInvocation =
    workload.kind === "lambda" ? `, ${SIZES.invocationLog + SIZES.metricsDocument} an invocation` : "";
  return {
    sends: `${sent} tasks a request, billed for each started 64 KB`,
    receives: `${received} a request, none of them empty`,
    deletes: `${deleted} a request`,
    visibilityChanges: beat,
    writes: `${writesOfMix(mix)}; one more for each started KB of a record after the first`,
    heartbeats: `${beat}, where it is claimed`,
    reads: `${work.reads} for each result, by started 4 KB; a get() that waits looks more often`,
    records: kept,
    puts: "arguments and results over the thresholds of payloads",
    gets: "arguments once, a result for each look at it",
    objects: "arguments for 32 days, results for 16, or resultExpires if longer",
    invocations: `${received} tasks each`,
    compute: `${runs} at ${memory}, ${received} side by side; ${TIMES.invocation * 1_000} ms of its own and ${TIMES.write * 1_000} for each write`,
    vcpu: `${cpus(workload)} vCPU: ${busy}`,
    memory: `${memory}: ${busy}`,
    addresses: "one for each container while it runs, in public subnets",
    logs: `${SIZES.logLine} bytes of log and ${SIZES.metricsOfTask} of metrics a task${ofInvocation}`,
  };
}

const MODES = ["with ignoreResult", "with claim: false", "claimed"] as const;

/** "2 a task", or "1.5 a task: 0 with ignoreResult, 2 claimed". */
function writesOfMix({ tasks }: Mix): string {
  const counts = tasks.map(writesOf);
  const mean = counts.reduce((sum: number, one) => sum + one, 0) / counts.length;
  const kinds = [...new Set(counts)].sort();
  const parts = kinds.map((one) => (kinds.length === 1 ? MODES[one] : `${one} ${MODES[one]}`));
  return `${round(mean)} a task (${parts.join(", ")})`;
}

function distinct(values: readonly string[]): string {
  return [...new Set(values)].join(" or ");
}

function time(seconds: number): string {
  return seconds < 1 ? `${round(seconds * 1_000)} ms` : `${round(seconds)} s`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
