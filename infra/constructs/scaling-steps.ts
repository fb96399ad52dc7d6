// How many containers a backlog takes. Pure: no CDK in here.
//
// The backlog is what waits and what is in flight: of messages that wait alone none is left while every worker is busy.
// For `n` of them as many workers run as have slots for them all, at most `maxWorkers`. So where a worker has one slot, as for
// CPU-heavy work on one vCPU, no more workers are ever busy than are to run, and scaling in finds only idle ones. Where it has
// more, some may hold one message each: those are protected until they are idle.
import { CONTAINER_SCALING } from "../../lib/defaults.ts";
import type { WorkloadSettings } from "./validate.ts";

/** From a backlog of `from` messages on, up to the next step's, `workers` run. */
export interface ScalingStep {
  readonly from: number;
  readonly workers: number;
}

/**
 * Runs at a time in one container: the workload's `concurrency`, or one for each of its vCPUs. It is told to the worker, for
 * what Node counts in a container on Fargate may be the machine's.
 */
export function slotsOf({ concurrency, fargate }: Pick<WorkloadSettings, "concurrency" | "fargate">): number {
  return concurrency ?? Math.max(1, Math.floor(fargate?.cpu ?? 1));
}

/** The steps for a backlog of one message and more. At most as many as one policy takes: beyond that each is a multiple of the one before. */
export function scalingSteps(slots: number, maxWorkers: number): readonly ScalingStep[] {
  const counts = workerCounts(maxWorkers);
  return counts.map((workers, i) => ({ from: (counts[i - 1] ?? 0) * slots + 1, workers }));
}

/** 1 to `most`, each greater than the one before. */
function workerCounts(most: number): readonly number[] {
  const { maxSteps } = CONTAINER_SCALING;
  if (most <= maxSteps) return Array.from({ length: most }, (_, i) => i + 1);
  // Never fewer than in an exact progression, so that the last is the most.
  const counts = Array.from({ length: maxSteps }, (_, i) => Math.round(most ** (i / (maxSteps - 1))));
  return [...new Set(counts)];
}
