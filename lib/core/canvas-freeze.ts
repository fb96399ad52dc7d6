// Gives every unit of a canvas its id, in `options.task_id` as Celery does, so that whoever publishes it publishes the same.
// Ids that are there stay (Celery's workers froze them), but for those of a group's members. The others follow from the id of the unit they are part of:
//
//   chain   step k of id X         derived(X, "sK"), its last one X itself     member i of group G    derived(G, "I")
//   chord   of id X: its group     derived(X, "g"), its body X itself          "sK." and "b." lead to parts of the same X
//
// so a group needs only its id and its size for all ids of its members. The first unit may have an id chosen by its publisher: the
// root of what is published.
import type { WireSignature } from "../wire/signature.ts";
import {
  bodyOf,
  CHAIN,
  CHORD,
  chainOf,
  chordOf,
  final,
  finalId,
  GROUP,
  groupOf,
  headerOf,
  idOf,
  tasksOf,
  withFinal,
} from "./canvas-shape.ts";
import { derivedId, type IdKey } from "./ids.ts";

/** Id of member `index` of a group: its result is read by it. */
export function memberId(key: IdKey, group: string, index: number, untracked = false): string {
  return derivedId(key, group, String(index), untracked);
}

/** Names every unit of a canvas in normal form. `id` is its own, `first` that of its first unit. */
export function freeze(key: IdKey, sig: WireSignature, id: string, first?: string): WireSignature {
  return named(key, sig, finalId(sig) ?? id, "", first);
}

/**
 * Names every unit of a canvas in normal form; the id of its first one is `root`'s answer, which is told whether that one's result
 * is not wanted. Where it is but one unit its id is `chosen`; otherwise its last one's is.
 */
export function planned(
  key: IdKey,
  sig: WireSignature,
  root: (untracked: boolean) => string,
  chosen?: string,
): WireSignature {
  const first = leading(sig);
  const one = first === sig;
  if (chosen !== undefined) return freeze(key, sig, chosen, one ? chosen : derivedId(key, chosen, "first"));
  const id = root(isUntracked(first));
  return freeze(key, sig, one ? id : derivedId(key, id, "end", isUntracked(sig)), id);
}

/** The id of the first unit of a frozen canvas. */
export function firstId(sig: WireSignature): string {
  return idOf(leading(sig)) as string; // it is frozen
}

/** A task, or a group. */
function leading(sig: WireSignature): WireSignature {
  if (sig.task === CHAIN) return leading(tasksOf(sig)[0] as WireSignature); // no chain is empty here
  return sig.task === CHORD ? headerOf(sig) : sig;
}

function named(key: IdKey, sig: WireSignature, id: string, at: string, first?: string): WireSignature {
  if (sig.task === CHAIN) {
    const steps = tasksOf(sig);
    const last = steps.length - 1;
    return chainOf(
      steps.map((step, k) => {
        const start = k === 0 ? first : undefined;
        return k === last
          ? named(key, step, id, `${at}s${k}.`, start)
          : freeze(key, step, derivedId(key, id, `${at}s${k}`, isUntracked(step)), start);
      }),
    );
  }
  if (sig.task === CHORD) {
    const group = idOf(headerOf(sig)) ?? first ?? derivedId(key, id, `${at}g`);
    return chordOf(frozenGroup(key, headerOf(sig), group), named(key, bodyOf(sig), id, `${at}b.`));
  }
  const own = idOf(sig) ?? first ?? id;
  if (sig.task === GROUP) return frozenGroup(key, sig, own);
  return { ...sig, options: { ...sig.options, task_id: own } };
}

/** Members have no other ids than these: whoever reads their results knows the group and its size alone. */
function frozenGroup(key: IdKey, sig: WireSignature, group: string): WireSignature {
  const members = tasksOf(sig).map((member, i) =>
    freeze(key, withFinal(member, withoutId), memberId(key, group, i, isUntracked(member))),
  );
  return groupOf(members, { ...sig.options, task_id: group });
}

function withoutId(sig: WireSignature): WireSignature {
  const { task_id: _, ...options } = sig.options;
  return { ...sig, options };
}

/** Its result is not wanted, and its id says so. */
export function isUntracked(sig: WireSignature): boolean {
  return final(sig).options.ignore_result === true;
}
