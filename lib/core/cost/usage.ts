// What one task uses, in the units that AWS bills: values in, values out. A task that is neither retried nor fails.
import { RECORD_LIFETIME_MS, SQS } from "../../defaults.ts";
import type { TaskSettings } from "../../settings.ts";
import { argsNeededUntil, daysFor, type PayloadLimits } from "../../store/payload.ts";
import type { Workload } from "../../workload.ts";
import { heartbeatEveryMs } from "../visibility.ts";
import { argumentsOf, NOTHING, resultOf } from "./carried.ts";
import { GB, REMOVED_AFTER_DAYS, SIZES, TIMES } from "./sizes.ts";

/** What is taken for granted about the tasks. */
export interface Work {
  /** Of a task's code. */
  readonly durationSeconds: number;
  /** JSON, as it travels. */
  readonly argsBytes: number;
  readonly resultBytes: number;
  /** Tasks that are sent, received and acknowledged together, 1 to 10, where the workload takes as many. */
  readonly together: number;
  /** Times that somebody reads the result. */
  readonly reads: number;
}

export type CostedTask = Pick<TaskSettings, "claim" | "ignoreResult" | "resultExpires" | "timeLimit">;

export type CostedWorkload = Pick<
  Workload,
  | "kind"
  | "work"
  | "batchSize"
  | "memoryMb"
  | "concurrency"
  | "prefetch"
  | "heartbeatVisibilitySeconds"
  | "lambda"
  | "fargate"
>;

/** Of one task. */
export interface Usage {
  /** SQS requests. */
  readonly sends: number;
  readonly receives: number;
  readonly deletes: number;
  readonly visibilityChanges: number;
  /** DynamoDB write units: claim and finish; heartbeats. */
  readonly writes: number;
  readonly heartbeats: number;
  /** DynamoDB read units. */
  readonly reads: number;
  /** GB-months. */
  readonly records: number;
  /** S3 requests, and GB-months. */
  readonly puts: number;
  readonly gets: number;
  readonly objects: number;
  /** Lambda requests, and GB-s. */
  readonly invocations: number;
  readonly compute: number;
  /** Fargate: vCPU-hours, GB-hours, hours of a public address. */
  readonly vcpu: number;
  readonly memory: number;
  readonly addresses: number;
  /** GB. */
  readonly logs: number;
}

const KB = 1_024;
const DAY_MS = 86_400_000;
const DAYS_OF_MONTH = 30;

/** Throws InvalidOption where such a task cannot be: arguments or result are larger than what carries them. */
export function usageOf(
  task: CostedTask,
  workload: CostedWorkload,
  work: Work,
  payloads: PayloadLimits | undefined,
): Usage {
  const args = argumentsOf(work.argsBytes, payloads);
  const result = task.ignoreResult ? NOTHING : resultOf(work.resultBytes, payloads);
  const { sent, received, deleted } = sharing(workload, work.together, args.inline);
  const seconds = runSeconds(task, workload, work) + TIMES.write * writesOf(task);
  const beats = heartbeats(workload, runSeconds(task, workload, work));
  const record = SIZES.record + result.inline;
  const keptMs = Math.max(RECORD_LIFETIME_MS, task.resultExpires * 1_000);
  return {
    sends: steps(sent * args.inline) / sent,
    receives: steps(received * args.inline) / received,
    deletes: 1 / deleted,
    visibilityChanges: beats,
    writes: writeUnits(task, record),
    heartbeats: writesOf(task) === 2 ? beats : 0,
    reads: task.ignoreResult ? 0 : work.reads * Math.ceil(record / (4 * KB)),
    records: task.ignoreResult ? 0 : storage(record + SIZES.itemOverhead, keptMs / DAY_MS + REMOVED_AFTER_DAYS),
    puts: args.objects + result.objects,
    gets: args.objects + result.objects * work.reads,
    objects:
      storage(args.objects * work.argsBytes, daysFor(argsNeededUntil(0))) +
      storage(result.objects * work.resultBytes, daysFor(keptMs)),
    ...compute(workload, seconds, received),
    logs: logBytes(workload, received) / GB,
  };
}

/** Write requests of a task that succeeds. */
export function writesOf({ claim, ignoreResult }: CostedTask): 0 | 1 | 2 {
  if (ignoreResult) return 0;
  return claim ? 2 : 1;
}

/** A write unit for every started KB: a claim and a heartbeat write a record below one, the finish the whole of it. */
function writeUnits(task: CostedTask, recordBytes: number): number {
  const finish = Math.ceil(recordBytes / KB);
  return [0, finish, 1 + finish][writesOf(task)] as number; // an index of it
}

/** Its time limit cuts it off, and on Lambda the function's timeout. Seconds. */
export function runSeconds({ timeLimit }: CostedTask, { lambda }: CostedWorkload, { durationSeconds }: Work): number {
  return Math.min(durationSeconds, timeLimit, lambda?.timeoutSeconds ?? Number.POSITIVE_INFINITY);
}

/** SQS bills a request for every started 64 KB of it. */
function steps(bytes: number): number {
  return Math.ceil(bytes / SQS.billedStepBytes);
}

/** How many tasks share a send, a receive (and an invocation), a delete. */
export function sharing(workload: CostedWorkload, together: number, messageBytes: number) {
  const most = Math.min(together, SQS.maxBatchEntries, Math.floor(SQS.maxMessageBytes / messageBytes));
  const received = Math.min(most, workload.kind === "lambda" ? workload.batchSize : inHand(workload));
  return { sent: most, received, deleted: received };
}

/** Messages a container receives at a time. CPU-heavy runs end one by one, and each frees one slot. */
function inHand(workload: CostedWorkload): number {
  return workload.work === "cpu" ? 1 : slots(workload) * workload.prefetch;
}

/** Runs at a time in one container. */
export function slots(workload: CostedWorkload): number {
  return workload.concurrency ?? Math.max(1, Math.floor(cpus(workload)));
}

/** Of one container. */
export function cpus({ fargate }: CostedWorkload): number {
  return fargate?.cpu ?? 1;
}

/** Of a long-running worker: Lambda's visibility timeout lasts for the whole invocation. */
function heartbeats({ kind, heartbeatVisibilitySeconds }: CostedWorkload, seconds: number): number {
  return kind === "lambda" ? 0 : Math.floor((seconds * 1_000) / heartbeatEveryMs(heartbeatVisibilitySeconds));
}

type Compute = Pick<Usage, "invocations" | "compute" | "vcpu" | "memory" | "addresses">;

/** `seconds`: how long a task holds its place. The tasks of an invocation run side by side, as do those of a container. */
function compute(workload: CostedWorkload, seconds: number, received: number): Compute {
  const memory = workload.memoryMb / KB;
  if (workload.kind === "lambda") {
    const gbSeconds = ((seconds + TIMES.invocation) * memory) / received;
    return { invocations: 1 / received, compute: gbSeconds, vcpu: 0, memory: 0, addresses: 0 };
  }
  const hours = seconds / slots(workload) / 3_600;
  return { invocations: 0, compute: 0, vcpu: hours * cpus(workload), memory: hours * memory, addresses: hours };
}

function logBytes({ kind }: CostedWorkload, received: number): number {
  const own = SIZES.logLine + SIZES.metricsOfTask;
  return kind === "lambda" ? own + (SIZES.invocationLog + SIZES.metricsDocument) / received : own;
}

/** GB-months of so many bytes, kept for so many days. */
function storage(bytes: number, days: number): number {
  return ((bytes / GB) * days) / DAYS_OF_MONTH;
}
