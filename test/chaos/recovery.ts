// How long a task that was hit took to its end.
import type { Evidence } from "./evidence.ts";
import type { History, Run } from "./histories.ts";
import type { Accepted, FaultLine } from "./lines.ts";
import { isOver } from "./table.ts";

export interface Recovery {
  readonly id: string;
  /** The first fault that hit it. */
  readonly fault: string;
  readonly seconds: number;
}

/** A task nobody knows waits a hundred seconds for its deployment, whatever happens. */
const BY_ITSELF: ReadonlySet<string> = new Set(["unknown task", "unreadable", "unreadable, no id"]);

/**
 * Of every task that a fault hit before it had ended: its process was hurt while it ran, or a request about it failed, or DynamoDB
 * or SQS was away while it ran. From the first such fault to the end; what it waits by its own wish, such as the pause before a
 * retry, is in it, and so is its turn in the queue. What goes wrong with its publish is the publisher's to recover from.
 */
export function recoveries(
  { faults, records, accepted }: Evidence,
  histories: ReadonlyMap<string, History>,
  byId: ReadonlyMap<string, Accepted>,
): readonly Recovery[] {
  const first = new Map<string, FaultLine>();
  const hit = (id: string, fault: FaultLine) => {
    const known = first.get(id);
    if (known === undefined || fault.at < known.at) first.set(id, fault);
  };
  for (const fault of faults)
    for (const id of fault.ids ?? [])
      if (fault.kind !== "unanswered" && !ofPublish(fault, histories.get(id))) hit(id, fault);
  const lasting = faults.filter(({ ids, pid }) => ids === undefined && pid === undefined);
  const byPid = Map.groupBy(
    faults.filter(({ pid }) => pid !== undefined),
    ({ pid }) => pid,
  );
  for (const { id, runs } of histories.values()) {
    for (const run of runs) {
      for (const pid of new Set([run.pid, run.worker]))
        for (const fault of byPid.get(pid) ?? []) if (during(run, fault)) hit(id, fault);
      for (const fault of lasting) if (during(run, fault)) hit(id, fault);
    }
  }
  const ended = (id: string) => {
    const record = records.get(id);
    if (record !== undefined && isOver(record)) return record.endedAt;
    return histories.get(id)?.runs.find(({ end }) => end?.how === "value")?.end?.at;
  };
  const left = new Set(accepted.filter(({ task }) => BY_ITSELF.has(task)).map(({ id }) => id));
  return [...first].flatMap(([id, { at, kind }]) => {
    const end = ended(id);
    if (end === undefined || end < at || left.has(id) || !(byId.has(id) || histories.has(id))) return [];
    return [{ id, fault: kind, seconds: (end - at) / 1_000 }];
  });
}

/** Nothing of it has run yet: its first message is on its way. */
function ofPublish({ operation = "", at }: FaultLine, history: History | undefined): boolean {
  const first = history?.runs[0]?.at ?? Number.POSITIVE_INFINITY;
  return operation.startsWith("SendMessage") && at < first;
}

/** A run without an end was under way until whatever ended it. */
function during({ at, end }: Run, fault: FaultLine): boolean {
  return fault.at >= at && (end === undefined || fault.at <= end.at);
}

/** Nearest rank; 0 of nothing. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}
