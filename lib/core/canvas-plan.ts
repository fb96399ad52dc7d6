// What a canvas does, as values: who publishes it, and whoever ends one of its units, asks here what is to be done.
//
//   1. plan          its first wave, when it is called
//   2. afterSuccess  a task has succeeded: its callbacks, then the next step of its chain, or else its count in its group
//   3. afterFailure  a task has failed: its error callbacks; the steps that never will be are failed with it; its count
//   4. afterRevoked  the same without callbacks
//   5. joined        the last member of a group was counted and none has failed: what follows it
//   6. joinFailed    one has failed: what would have followed fails as if it had run
//   7. replaced      a task has put a canvas in its place (`ctx.replace`)
//
// All of it follows from the message alone, ids too, so whoever asks twice is told the same twice.
import { InvalidOption } from "../errors.ts";
import type { Envelope } from "../wire/envelope.ts";
import { type JsonValue, MAX_PARSE_DEPTH } from "../wire/serializer.ts";
import { calledTask, type WireSignature } from "../wire/signature.ts";
import { firstId, freeze, memberId, planned } from "./canvas-freeze.ts";
import { normalise, waitedFor } from "./canvas-normal.ts";
import {
  bodyOf,
  CHAIN,
  CHORD,
  chainOf,
  chordOf,
  final,
  finalId,
  GROUP,
  headerOf,
  idOf,
  listOption,
  tasksOf,
  withFinal,
  withList,
} from "./canvas-shape.ts";
import { stamped, stampsOf } from "./canvas-stamp.ts";
import {
  type Handed,
  type Join,
  type Line,
  type Membership,
  membershipOf,
  NOTHING,
  start,
  startAt,
  startMember,
  together,
  type Wave,
} from "./canvas-start.ts";
import type { Routes } from "./follow-ups.ts";
import { nextHop } from "./hops.ts";
import { derivedId, type IdKey } from "./ids.ts";

/** A canvas that is called. */
export interface Plan extends Wave {
  /** Of the whole: a chain's last step, a chord's body, a group. */
  readonly id: string;
  readonly rootId: string;
  /** In normal form, every unit with its id. */
  readonly frozen: WireSignature;
}

export interface Called {
  /** First arguments of the first tasks. */
  readonly args: readonly JsonValue[];
  /** Id chosen for the whole. @default - derived from that of the first unit */
  readonly taskId?: string;
  /** A fresh id for the first unit, which says whether its result is not wanted. */
  root(untracked: boolean): string;
  /** Where it is called inside a task, or what is told of one. @default - it begins a workflow */
  readonly line?: Partial<Line>;
}

/** Parts of a message around its canvas: the message's own, and the arrays that steps lie in. */
const DEPTH_LEFT = 16;

/** Throws InvalidOption for an empty chain, for what is no canvas, and for one that is nested too deep to be read again. */
export function plan(sig: WireSignature, { args, taskId, root, line = {} }: Called, routes: Routes): Plan {
  demandShallow(sig);
  const normal = normalise(sig);
  demandShallow(normal);
  const frozen = planned(routes.key, normal, root, taskId);
  const rootId = line.rootId ?? firstId(frozen);
  const wave = start(frozen, args, { hops: 0, ...line, rootId }, routes);
  return { ...wave, id: finalId(frozen) as string, rootId, frozen }; // it is frozen
}

function demandShallow(sig: WireSignature): void {
  const most = MAX_PARSE_DEPTH - DEPTH_LEFT;
  if (!isDeeper(sig as unknown as JsonValue, most)) return;
  throw new InvalidOption(
    `a canvas is nested deeper than the ${most} levels of JSON that workers read; let a task in it call the rest (ctx.replace)`,
  );
}

function isDeeper(value: JsonValue, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

/** Starts a member that nobody has spelled out before: of a group that is a stream. `join`: undefined where nobody counts. */
export function startStreamed(
  sig: WireSignature,
  index: number,
  group: string,
  join: Join | undefined,
  handed: Handed,
  line: Line,
  routes: Routes,
): Wave {
  const frozen = freeze(routes.key, waitedFor(normalise(sig), false), memberId(routes.key, group, index));
  if (join) return startMember(frozen, index, join, handed, line, routes);
  return start(placedIn(frozen, { group, groupIndex: index }), handed, line, routes);
}

/** A unit that ended without having run: its record says how. */
export interface Unlived {
  readonly id: string;
  readonly task: string;
  readonly workload: string;
}

/** What an ending brings about. `ended` are recorded, before anything is counted, with the ending of the task. */
export interface Consequences extends Wave {
  readonly ended: readonly Unlived[];
}

/** `handed`: its result, or where that lies. */
export function afterSuccess(task: Envelope, handed: Handed, routes: Routes): Consequences {
  const line = lineOf(task);
  const links = task.link.map((link, i) => startAt(link, `link:${i}`, handed, line, routes));
  const rest = restOf(task, routes);
  const next = rest ? start(rest, handed, line, routes) : counted(standing(task), false);
  return { ...together([...links, next]), ended: [] };
}

/** Its error callbacks are handed its id. */
export function afterFailure(task: Envelope, routes: Routes): Consequences {
  const line = lineOf(task);
  const errbacks = task.linkError.map((errback, i) => startAt(errback, `link_error:${i}`, [task.id], line, routes));
  const { ended, ...wave } = afterRevoked(task, routes);
  return { ...together([...errbacks, wave]), ended };
}

export function afterRevoked(task: Envelope, routes: Routes): Consequences {
  const rest = restOf(task, routes);
  const ended = rest ? unitsOf(rest).map(({ unit }) => unlived(unit, routes)) : [];
  return { ...counted(rest ? standingOf(rest) : standing(task), true), ended };
}

/** It has ended well and has no value to hand on: nothing of its chain comes. In its group it counts as a value of null. */
export function afterIgnored(task: Envelope, routes: Routes): Consequences {
  return task.chain.length > 0 ? afterRevoked(task, routes) : { ...counted(standing(task), false), ended: [] };
}

/** All members of `join` have succeeded. */
export function joined(
  { group, size, next }: Required<Pick<Join, "group" | "size" | "next">>,
  line: Line,
  routes: Routes,
): Wave {
  return start(bodyIn(group, next, routes), { group, size }, line, routes);
}

/**
 * A member of `join` has failed, or was revoked: what would have been started ends as if it had failed, and the rest with it. `revoked`:
 * ids of those that were, before that: they have no error callbacks.
 */
export function joinFailed(
  { group, next }: Pick<Join, "group" | "next">,
  line: Line,
  routes: Routes,
  revoked: ReadonlySet<string> = new Set(),
): Consequences {
  const units = unitsOf(bodyIn(group, next, routes), true);
  const errbacks = units.flatMap(({ unit, first }) => {
    const id = idOf(unit) as string; // it is frozen
    const from = { ...line, parentId: id };
    return first && !revoked.has(id)
      ? listOption(unit, "link_error").map((errback, i) => startAt(errback, `link_error:${i}`, [id], from, routes))
      : [];
  });
  const ended = units.map(({ unit }) => unlived(unit, routes));
  return { ...together([...errbacks, counted(standingOf(next), true)]), ended };
}

/** What a task has put in its place, every unit with its id. Throws InvalidOption. */
export function replacementOf(key: IdKey, task: string, sig: WireSignature): WireSignature {
  return freeze(key, waitedFor(normalise(sig), false), derivedId(key, task, "r"));
}

/** A task has put a canvas in its place: its result, its callbacks and its place in the workflow are now those of unit `id`. */
export function replaced(task: Envelope, sig: WireSignature, routes: Routes): Wave & { readonly id: string } {
  demandShallow(sig);
  const marked = stamped(sig, ({ options }) => ({ ...task.stamps, ...stampsOf(options) }));
  const frozen = replacementOf(routes.key, task.id, task.stamps ? marked : sig);
  // Its message would find a record that says: replaced, begin again.
  if (unitsOf(frozen).some(({ unit }) => idOf(unit) === task.id))
    throw new InvalidOption(`a part of what replaces task ${task.id} has its id (task_id); leave that out`);
  const rest = restOf(task, routes);
  const linked = withFinal(withErrbacks(frozen, task.linkError), (last) => withList(last, "link", task.link));
  const unit = rest ? linked : placedIn(linked, task);
  const steps = rest === undefined ? [] : rest.task === CHAIN ? tasksOf(rest) : [rest];
  const wave = start(unit, [], lineOf(task), routes, steps.toReversed());
  return { ...wave, id: finalId(frozen) as string }; // it is frozen
}

function lineOf(task: Envelope) {
  return { rootId: task.rootId, parentId: task.id, hops: nextHop(task) };
}

/** What is left of its chain, as one unit. A Python worker may have left ids out: they follow from the task's. */
function restOf(task: Envelope, routes: Routes): WireSignature | undefined {
  if (task.chain.length === 0) return undefined;
  return freeze(routes.key, normalise(chainOf(task.chain.toReversed())), derivedId(routes.key, task.id, "chain"));
}

/** As `restOf`, for what follows a group. */
function bodyIn(group: string, next: WireSignature, routes: Routes): WireSignature {
  return freeze(routes.key, normalise(next), derivedId(routes.key, group, "b"));
}

function standing({ chord, group, groupIndex }: Envelope): Membership | undefined {
  return membershipOf(placeOf({ chord, group, groupIndex }));
}

function standingOf(sig: WireSignature): Membership | undefined {
  return membershipOf(final(sig).options);
}

function counted(membership: Membership | undefined, failed: boolean): Wave {
  return membership ? { ...NOTHING, counts: [{ ...membership, failed }] } : NOTHING;
}

type Place = Pick<Envelope, "chord" | "group" | "groupIndex">;

function placeOf({ chord, group, groupIndex }: { [K in keyof Place]?: Place[K] | undefined }) {
  return {
    ...(chord !== undefined && { chord }),
    ...(group !== undefined && { group_id: group }),
    ...(groupIndex !== undefined && { group_index: groupIndex }),
  };
}

function placedIn(sig: WireSignature, place: Place): WireSignature {
  return withFinal(sig, (last) => ({ ...last, options: { ...last.options, ...placeOf(place) } }));
}

interface Unit {
  readonly unit: WireSignature;
  /** It would have been among the first that start. */
  readonly first: boolean;
}

function unitsOf(sig: WireSignature, first = false): readonly Unit[] {
  switch (sig.task) {
    case CHAIN:
      return tasksOf(sig).flatMap((step, i) => unitsOf(step, first && i === 0));
    case GROUP:
      return tasksOf(sig).flatMap((member) => unitsOf(member, first));
    case CHORD:
      return [...unitsOf(headerOf(sig), first), ...unitsOf(bodyOf(sig))];
    default:
      return [{ unit: sig, first }];
  }
}

function unlived(unit: WireSignature, { route }: Routes): Unlived {
  const { queue } = unit.options;
  const { workload } = route(calledTask(unit), typeof queue === "string" ? queue : undefined);
  return { id: idOf(unit) as string, task: unit.task, workload }; // it is frozen
}

/** One of them fires, whichever step fails: a chord's body fails with its members. */
function withErrbacks(sig: WireSignature, errbacks: readonly WireSignature[]): WireSignature {
  if (sig.task === CHAIN) return chainOf(tasksOf(sig).map((step) => withErrbacks(step, errbacks)));
  if (sig.task === CHORD) return chordOf(headerOf(sig), withErrbacks(bodyOf(sig), errbacks));
  return withList(sig, "link_error", errbacks);
}
