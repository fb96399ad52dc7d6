// The side-effect log, task by task.
import type { Effect } from "./lines.ts";

type Begin = Extract<Effect, { what: "begin" }>;
type End = Extract<Effect, { what: "end" }>;
type Recorded = Extract<Effect, { what: "recorded" }>;

export interface Run extends Begin {
  /** Undefined where its process did not live to say so. */
  readonly end?: End;
}

export interface History {
  readonly id: string;
  /** By their beginnings. */
  readonly runs: readonly Run[];
  /** Endings that were said to be the recorded one. */
  readonly recorded: readonly Recorded[];
}

export function histories(effects: readonly Effect[]): ReadonlyMap<string, History> {
  const ends = new Map(effects.flatMap((effect) => (effect.what === "end" ? [[effect.run, effect] as const] : [])));
  const found = new Map<string, { id: string; runs: Run[]; recorded: Recorded[] }>();
  const of = (id: string) => {
    const history = found.get(id) ?? { id, runs: [], recorded: [] };
    found.set(id, history);
    return history;
  };
  for (const effect of effects) {
    if (effect.what === "recorded") of(effect.id).recorded.push(effect);
    if (effect.what !== "begin") continue;
    const end = ends.get(effect.run);
    of(effect.id).runs.push(end ? { ...effect, end } : effect);
  }
  for (const { runs } of found.values()) runs.sort((a, b) => a.at - b.at);
  return found;
}
