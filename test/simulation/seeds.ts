// Runs worlds one after the other: what a thread of `npm run simulate` does, and a test.
import { CanvasWorld } from "./canvases.ts";
import type { Mutant } from "./mutant.ts";
import { World } from "./world.ts";

export interface Seeds {
  readonly from: number;
  /** How many. */
  readonly seeds: number;
  readonly batched: boolean;
  /** Worlds of one random canvas each. @default false */
  readonly canvas?: boolean;
  readonly mutant?: Mutant | undefined;
  /** Stops at the first world with a violation. @default false */
  readonly first?: boolean;
}

export interface Violated {
  readonly seed: number;
  readonly violations: readonly string[];
}

export interface Summary {
  schedules: number;
  readonly violated: Violated[];
  readonly faults: Record<string, number>;
  /** Latest end after the last fault, in ms: what BOUND_MS is the bound of. */
  latestEnd: number;
}

export const emptySummary = (): Summary => ({ schedules: 0, violated: [], faults: {}, latestEnd: 0 });

export function addTo(total: Summary, { schedules, violated, faults, latestEnd }: Summary): void {
  total.schedules += schedules;
  total.violated.push(...violated);
  total.latestEnd = Math.max(total.latestEnd, latestEnd);
  for (const [kind, n] of Object.entries(faults)) total.faults[kind] = (total.faults[kind] ?? 0) + n;
}

Error.stackTraceLimit = 0; // nobody reads the stacks of errors that are faults

export async function runSeeds({ from, seeds, first = false, canvas = false, ...options }: Seeds): Promise<Summary> {
  const total = emptySummary();
  for (let seed = from; seed < from + seeds; seed++) {
    addTo(total, canvas ? await runCanvas(seed) : await runWorld(seed, options));
    if (first && total.violated.length > 0) break;
  }
  return total;
}

async function runWorld(seed: number, options: Pick<Seeds, "batched" | "mutant">): Promise<Summary> {
  const world = new World({ seed, ...options });
  const violations = await world.run();
  const latestEnd = world.weather.abandoned ? 0 : world.checker.lastEnd - world.lastFault;
  return { schedules: 1, violated: violatedBy(seed, violations), faults: world.faults.counts, latestEnd };
}

/** `spoilt`, beside the faults: worlds that were not compared, because one of their tasks became a dead letter. */
async function runCanvas(seed: number): Promise<Summary> {
  const world = new CanvasWorld(seed);
  const violations = await world.run();
  const faults = { ...world.faults.counts, ...(world.spoilt && { spoilt: 1 }) };
  return { schedules: 1, violated: violatedBy(seed, violations), faults, latestEnd: world.latestEnd };
}

const violatedBy = (seed: number, violations: readonly string[]): Violated[] =>
  violations.length === 0 ? [] : [{ seed, violations }];
