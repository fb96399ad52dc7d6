// Makes a violating world smaller: leaves parts of it out (whole tasks and kinds of faults first, then one by one, by delta
// debugging) while it still breaks the same invariant.
import { World, type WorldOptions } from "./world.ts";

export interface Shrunk {
  readonly violations: readonly string[];
  /** What has to be there. */
  readonly parts: readonly string[];
  /** Of all parts there were. */
  readonly of: number;
  readonly worlds: number;
  /** The history up to the first violation. */
  readonly history: string;
  readonly lines: number;
}

/** `12.3s I2 claim of …` → `I2`: what it is about. */
const invariantOf = (violation: string | undefined): string | undefined => violation?.split(" ")[1];

/** Undefined where the seed violates nothing. */
export async function shrink(options: Omit<WorldOptions, "only" | "recorded">): Promise<Shrunk | undefined> {
  const first = new World(options);
  const invariant = invariantOf((await first.run())[0]);
  if (invariant === undefined) return undefined;
  let worlds = 1;
  /** The parts that happened, where these alone still break it. */
  const breaks = async (only: readonly string[]): Promise<readonly string[] | undefined> => {
    worlds++;
    const world = new World({ ...options, only: new Set(only) });
    const violations = await world.run();
    return violations.some((one) => invariantOf(one) === invariant) ? [...world.faults.parts] : undefined;
  };
  let parts: readonly string[] = [...first.faults.parts];
  for (const leftOut of groupsOf(parts)) parts = (await breaks(parts.filter((part) => !leftOut.has(part)))) ?? parts;
  parts = await minimal(parts, breaks);
  const last = new World({ ...options, only: new Set(parts), recorded: true });
  const violations = await last.run();
  const history = last.history?.print(last.names(), untilOf(violations, invariant)) ?? "";
  const named = violations.map((violation) => last.named(violation));
  return { violations: named, parts, of: first.faults.parts.size, worlds, history, lines: history.split("\n").length };
}

/** What may go together: all faults of a kind, all that happens to a process. */
function groupsOf(parts: readonly string[]): readonly ReadonlySet<string>[] {
  const groups = new Map<string, Set<string>>();
  for (const part of parts) {
    const [, who = part, fault = ""] = /^([^:]+): (.+?)(?: #\d+)?$/.exec(part) ?? [];
    for (const name of [`fault ${fault}`, `who ${who}`]) groups.set(name, (groups.get(name) ?? new Set()).add(part));
  }
  return [...groups.values()].sort((a, b) => b.size - a.size);
}

/** Zeller's ddmin: leaves out halves, then quarters, … then one at a time, until none can go. */
async function minimal(
  all: readonly string[],
  breaks: (only: readonly string[]) => Promise<readonly string[] | undefined>,
): Promise<readonly string[]> {
  let parts = all;
  let pieces = 2;
  while (parts.length > 1 && pieces <= parts.length) {
    const size = Math.ceil(parts.length / pieces);
    let smaller: readonly string[] | undefined;
    for (let i = 0; i < parts.length && smaller === undefined; i += size)
      smaller = await breaks([...parts.slice(0, i), ...parts.slice(i + size)]);
    if (smaller !== undefined && smaller.length < parts.length) {
      parts = smaller;
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) break;
    else pieces = Math.min(parts.length, pieces * 2);
  }
  return parts;
}

/** When the invariant was broken, in ms; a verdict at the end is about all of it. */
function untilOf(violations: readonly string[], invariant: string): number {
  const at = violations.find((one) => invariantOf(one) === invariant)?.split("s ")[0];
  return at === undefined ? Number.POSITIVE_INFINITY : Number(at) * 1_000 + 100;
}
