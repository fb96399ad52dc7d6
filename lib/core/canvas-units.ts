// The units of a workflow with their ids, made of its outline (canvas-outline.ts). Members of a group are made one by one, when they
// are asked for: a group needs only its id for all of them.
import type { WireSignature } from "../wire/signature.ts";
import { freeze, isUntracked, memberId } from "./canvas-freeze.ts";
import { bareTask, type Outline, type OutlineGroup } from "./canvas-outline.ts";
import { bodyOf, chainOf, chordOf, groupOf, headerOf, idOf, JOIN, tasksOf } from "./canvas-shape.ts";
import type { IdKey } from "./ids.ts";

export type Unit = TaskUnit | ChainUnit | GroupUnit;

export interface TaskUnit {
  readonly kind: "task";
  readonly id: string;
  /** Undefined where its group has too many kinds of members: its record tells. */
  readonly task: string | undefined;
  /** It waits for a group, and is not run. */
  readonly waits?: true;
}

export interface ChainUnit {
  readonly kind: "chain";
  /** Its last step's. */
  readonly id: string;
  readonly steps: readonly Unit[];
}

export interface GroupUnit {
  readonly kind: "group";
  /** The group's own, from which its members' ids follow. */
  readonly id: string;
  /** Undefined where its members are a stream. */
  readonly size: number | undefined;
  member(index: number): Unit;
  /** What is handed its results, or waits for it. @default - nothing does */
  readonly body?: Unit;
}

/** The unit of an outline. `id`, `first`: as in `freeze`. */
export function unitOf(key: IdKey, outline: Outline, id: string, first?: string): Unit {
  if (typeof outline === "string") return taskUnit(first ?? id, outline);
  return unit(key, outline, freeze(key, skeleton(outline), id, first));
}

/** Its canvas without what the outline says of ids, and without members. */
function skeleton(outline: Outline): WireSignature {
  if (typeof outline === "string") return bareTask(outline, false);
  if ("task" in outline) return bareTask(outline.task, outline.untracked === true);
  if ("chain" in outline) return chainOf(outline.chain.map(skeleton));
  return outline.body === undefined ? groupOf([]) : chordOf(groupOf([]), skeleton(outline.body));
}

/** `derived`: its skeleton with the ids that follow. */
function unit(key: IdKey, outline: Outline, derived: WireSignature): Unit {
  const id = idOf(derived) as string; // of a task, or of a group that nothing waits for
  if (typeof outline === "string") return taskUnit(id, outline);
  if ("task" in outline) return taskUnit(outline.id ?? id, outline.task);
  if ("chain" in outline) {
    const parts = tasksOf(derived);
    const steps = outline.chain.map((step, k) => unit(key, step, parts[k] as WireSignature)); // one for each
    return { kind: "chain", id: wholeId(steps.at(-1) as Unit), steps }; // no chain is empty
  }
  if (outline.body === undefined) return groupUnit(key, outline, outline.id ?? id);
  const header = groupUnit(key, outline, outline.id ?? (idOf(headerOf(derived)) as string)); // it is frozen
  return { ...header, body: unit(key, outline.body, bodyOf(derived)) };
}

/** The id of what a unit ends with: a chord's is its body's. */
export function wholeId(of: Unit): string {
  return of.kind === "group" && of.body !== undefined ? wholeId(of.body) : of.id;
}

function taskUnit(id: string, task: string): TaskUnit {
  return { kind: "task", id, task, ...(task === JOIN && { waits: true }) };
}

function groupUnit(key: IdKey, { group: size, of, runs }: OutlineGroup, id: string): GroupUnit {
  const kindAt = kindsIn(runs);
  const member = (index: number): Unit => {
    const outline = of?.[kindAt(index)];
    if (outline === undefined) return { kind: "task", id: memberId(key, id, index), task: undefined };
    return unitOf(key, outline, memberId(key, id, index, isUntracked(skeleton(outline))));
  };
  return { kind: "group", id, size, member };
}

/** Which kind a member is of. */
function kindsIn(runs: readonly number[] = []): (index: number) => number {
  const ends: number[] = [];
  for (let at = 1; at < runs.length; at += 2) ends.push((ends.at(-1) ?? 0) + (runs[at] as number)); // below the length
  return (index) => {
    if (ends.length === 0) return 0;
    let low = 0;
    for (let high = ends.length - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if (index < (ends[middle] as number))
        high = middle; // between the two
      else low = middle + 1;
    }
    return runs[2 * low] as number; // it has an end
  };
}
