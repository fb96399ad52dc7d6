// What a run leaves behind, as the checker sees it: the table, the queues, the side-effect log and what the publisher was promised.
// The faults only explain.
import { type Accepted, appender, type Effect, type FaultLine, FILES, readLines, type Unconfirmed } from "./lines.ts";
import type { QueueContent } from "./queues.ts";
import type { StoredTask } from "./table.ts";

export interface Evidence {
  readonly accepted: readonly Accepted[];
  readonly unconfirmed: readonly Unconfirmed[];
  readonly effects: readonly Effect[];
  readonly faults: readonly FaultLine[];
  /** The table at the end. */
  readonly records: ReadonlyMap<string, StoredTask>;
  /** The first terminal record seen of a task. */
  readonly sightings: ReadonlyMap<string, StoredTask>;
  /** The queues at the end. */
  readonly queues: readonly QueueContent[];
}

type Logs = "accepted" | "unconfirmed" | "effects" | "faults";
export type Seen = Pick<Evidence, "records" | "sightings" | "queues">;

/** The logs in a run's directory, with what was seen beside them. */
export function evidenceOf(directory: string, seen: Seen): Evidence {
  const logs: Pick<Evidence, Logs> = {
    accepted: readLines<Accepted>(directory, FILES.accepted),
    unconfirmed: readLines<Unconfirmed>(directory, FILES.unconfirmed),
    effects: readLines<Effect>(directory, FILES.effects),
    faults: readLines<FaultLine>(directory, FILES.faults),
  };
  return { ...logs, ...seen };
}

/** Beside the logs, so that a kept run can be checked again. */
export function keepSeen(directory: string, { records, sightings, queues }: Seen): void {
  for (const [file, lines] of [
    [SEEN.records, records.values()],
    [SEEN.sightings, sightings.values()],
    [SEEN.queues, queues],
  ] as const) {
    const append = appender<object>(directory, file);
    for (const line of lines) append(line);
  }
}

export function keptEvidence(directory: string): Evidence {
  const tasks = (file: string) => new Map(readLines<StoredTask>(directory, file).map((task) => [task.id, task]));
  return evidenceOf(directory, {
    records: tasks(SEEN.records),
    sightings: tasks(SEEN.sightings),
    queues: readLines<QueueContent>(directory, SEEN.queues),
  });
}

const SEEN = { records: "records.jsonl", sightings: "sightings.jsonl", queues: "queues.jsonl" } as const;
