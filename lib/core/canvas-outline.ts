// What is stored of a workflow when it is called, so that its units can be seen and cancelled later: which tasks, in which shape. No
// arguments, and no id that follows from the id of the unit it is part of (canvas-freeze.ts): members of a group that are alike are
// one entry, however many they are. canvas-units.ts makes the units of it again.
//
//   "add"                                                a task
//   {task: "add", id: …, untracked: true}                one whose id does not follow, or that was sent with ignoreResult
//   {chain: [outline, …]}
//   {group: 3, of: ["add", "sub"], runs: [0, 2, 1, 1]}   three members: two of the first kind, then one of the second
//   {group: 3, of: ["add"], body: outline}               a chord
import { calledTask, type WireSignature, wireSignature } from "../wire/signature.ts";
import { firstId, freeze, isUntracked, memberId } from "./canvas-freeze.ts";
import {
  bodyOf,
  CHAIN,
  CHORD,
  chainOf,
  chordOf,
  finalId,
  GROUP,
  groupOf,
  headerOf,
  idOf,
  tasksOf,
} from "./canvas-shape.ts";
import type { IdKey } from "./ids.ts";

export type Outline = string | OutlineTask | OutlineChain | OutlineGroup;

export interface OutlineTask {
  readonly task: string;
  /** @default - it follows from the id of the unit that it is part of */
  readonly id?: string;
  readonly untracked?: true;
}

export interface OutlineChain {
  readonly chain: readonly Outline[];
}

/** A group, or a chord where it has a body. */
export interface OutlineGroup {
  /** How many members. @default - they are a stream: its head tells */
  readonly group?: number;
  /** @default - it follows */
  readonly id?: string;
  /** Kinds of members. @default - there are too many to say */
  readonly of?: readonly Outline[];
  /** Which kind how often, in the order of the members: [kind, times, kind, times, …]. @default - all are of the first */
  readonly runs?: readonly number[];
  readonly body?: Outline;
}

/** A group with more kinds of members than this keeps their number only: its outline would cost more than its counting. */
const MOST_KINDS = 256;

/** The outline of a frozen canvas in normal form. `stream`: id of the group in it whose members are still to come. */
export function outlineOf(key: IdKey, frozen: WireSignature, stream?: string): Outline {
  const first = firstId(frozen);
  const outline = told(key, frozen, finalId(frozen) as string, first); // it is frozen
  return first === stream ? streamed(outline) : outline;
}

/** It begins with a group whose members nobody knows yet. */
function streamed(outline: Outline): Outline {
  if (typeof outline === "object" && "chain" in outline) {
    const [first, ...rest] = outline.chain;
    return { chain: [streamed(first as Outline), ...rest] }; // no chain is empty
  }
  const { body } = outline as OutlineGroup; // what begins with a group, and is no chain
  return body === undefined ? {} : { body };
}

/** The same without what is said only once. `id`, `first`: as in `freeze`. */
function told(key: IdKey, sig: WireSignature, id: string, first?: string): Outline {
  return spelled(key, sig, freeze(key, bare(sig), id, first));
}

/** No ids, no arguments, no members. */
function bare(sig: WireSignature): WireSignature {
  if (sig.task === CHAIN) return chainOf(tasksOf(sig).map(bare));
  if (sig.task === CHORD) return chordOf(groupOf([]), bare(bodyOf(sig)));
  if (sig.task === GROUP) return groupOf([]);
  return bareTask(sig.task, isUntracked(sig));
}

export function bareTask(task: string, untracked: boolean): WireSignature {
  return wireSignature(task, { options: untracked ? { ignore_result: true } : {} });
}

/** `derived`: the same canvas with the ids that follow. */
function spelled(key: IdKey, sig: WireSignature, derived: WireSignature): Outline {
  if (sig.task === CHAIN) {
    const others = tasksOf(derived);
    return { chain: tasksOf(sig).map((step, k) => spelled(key, step, others[k] as WireSignature)) }; // as many as there are
  }
  if (sig.task === CHORD) {
    const header = groupOutline(key, headerOf(sig), headerOf(derived));
    return { ...header, body: spelled(key, bodyOf(sig), bodyOf(derived)) };
  }
  if (sig.task === GROUP) return groupOutline(key, sig, derived);
  const untracked = isUntracked(sig);
  const own = idOf(sig) === idOf(derived) ? undefined : idOf(sig);
  const task = nameOf(sig);
  if (own === undefined && !untracked) return task;
  return { task, ...(own !== undefined && { id: own }), ...(untracked && { untracked }) };
}

/** "celery.starmap(resize)": what it calls for each of its items is told too. */
function nameOf(sig: WireSignature): string {
  const called = calledTask(sig);
  return called === sig.task ? called : `${sig.task}(${called})`;
}

function groupOutline(key: IdKey, sig: WireSignature, derived: WireSignature): OutlineGroup {
  const id = idOf(sig) as string; // it is frozen
  const members = tasksOf(sig).map((member, i) => told(key, member, memberId(key, id, i, isUntracked(member))));
  return { group: members.length, ...(id !== idOf(derived) && { id }), ...kindsOf(members) };
}

function kindsOf(members: readonly Outline[]): Pick<OutlineGroup, "of" | "runs"> {
  const places = new Map<string, number>();
  const of: Outline[] = [];
  const runs: [kind: number, times: number][] = [];
  for (const member of members) {
    const text = JSON.stringify(member);
    const kind = places.get(text) ?? of.push(member) - 1;
    places.set(text, kind);
    const run = runs.at(-1);
    if (run?.[0] === kind) run[1]++;
    else runs.push([kind, 1]);
  }
  if (of.length > MOST_KINDS) return {};
  return { of, ...(of.length > 1 && { runs: runs.flat() }) };
}
