// A group whose members come one by one, from a stream, and are not held: as many as there are. It begins a workflow, alone or as the
// header of a chord; whoever has the stream starts its members, one wave each, and says at the end how many they were.
import { InvalidOption } from "../errors.ts";
import type { WireSignature } from "../wire/signature.ts";
import { firstId, planned } from "./canvas-freeze.ts";
import { normalise } from "./canvas-normal.ts";
import type { Called } from "./canvas-plan.ts";
import { bodyOf, CHAIN, CHORD, chainOf, finalId, GROUP, groupOf, headerOf, idOf, tasksOf } from "./canvas-shape.ts";
import type { Join, Line } from "./canvas-start.ts";
import type { Routes } from "./follow-ups.ts";

export interface StreamPlan {
  /** Of the whole: the group, or what follows it. */
  readonly id: string;
  readonly group: string;
  /** The group as it was made, with no member: what it says is said to each of them. */
  readonly template: WireSignature;
  /** Undefined where nothing follows the group: nobody counts then. */
  readonly join: Join | undefined;
  readonly line: Line;
  /** Every unit with its id, but for the group's members. */
  readonly frozen: WireSignature;
}

/** `sig`: a group of none, a chord whose header is one, or a chain that begins with either. Throws InvalidOption. */
export function planStream(sig: WireSignature, { taskId, root, line = {} }: Called, { key }: Routes): StreamPlan {
  const frozen = planned(key, normalise(sig), root, taskId);
  const group = firstId(frozen);
  const join = joinOf(frozen, group);
  return {
    id: finalId(frozen) as string, // it is frozen
    group,
    template: templateOf(sig),
    join,
    line: { hops: 0, ...line, rootId: line.rootId ?? group },
    frozen,
  };
}

/** The members that one of the stream stands for, in normal form: a group among them is unrolled. */
export function streamed(template: WireSignature, member: WireSignature): readonly WireSignature[] {
  return tasksOf(normalise({ ...template, kwargs: { ...template.kwargs, ...groupOf([member]).kwargs } }));
}

/** What a chord and a chain say goes to the group that they begin with, too. */
function templateOf(sig: WireSignature): WireSignature {
  if (sig.task === GROUP) return sig;
  const { args, immutable } = sig;
  const first = sig.task === CHORD ? headerOf(sig) : (tasksOf(sig)[0] as WireSignature); // it was planned: no chain is empty
  if (args.length > 0) return templateOf({ ...first, args: [...args, ...first.args], immutable });
  return templateOf(first);
}

function joinOf(frozen: WireSignature, group: string): Join | undefined {
  if (frozen.task === GROUP) return undefined;
  const [first = frozen, ...rest] = frozen.task === CHAIN ? tasksOf(frozen) : [];
  if (first.task !== CHORD || idOf(headerOf(first)) !== group)
    throw new InvalidOption(
      "a group that is a stream is not at the beginning of its canvas; begin with it, or give it a list",
    );
  const body = bodyOf(first);
  const next = rest.length === 0 ? body : chainOf([...(body.task === CHAIN ? tasksOf(body) : [body]), ...rest]);
  return { group, next, stored: true };
}
