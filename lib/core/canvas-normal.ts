// Brings a canvas into its normal form, in which whoever publishes it need not look further than one signature at a time:
//
// * no chain is a step of a chain, no chain has one step, and no group is a member of a group: they are spliced in, in order
// * no group is followed by anything: with what follows it, it is a chord
// * whoever is waited for has one ending: a group that ends a member of a group, or of a header, is a chord whose body is a join
// * chunks are a group of starmaps; a group of none at an end is a chord too, or nobody could tell whether it has come so far
// * what a canvas was given is its tasks': arguments its first ones', `link` its last one's, `linkError` every step's or member's
//   (a chord's: its body's, with `errback_on_header` its members' too), a countdown its first ones', other options all tasks'
//
// A canvas in normal form stays as it is. A group of one stays a group (Celery takes it out of a chain): a list is a list at any size.
import type { JsonObject, JsonValue } from "../wire/serializer.ts";
import { type WireSignature, wireSignature } from "../wire/signature.ts";
import {
  bodyOf,
  CHAIN,
  CHORD,
  CHUNKS,
  chainOf,
  chordOf,
  chunked,
  final,
  GROUP,
  groupOf,
  headerOf,
  isCanvas,
  JOIN,
  listOption,
  refuseEmpty,
  SHAPE,
  tasksOf,
  withFinal,
  withList,
} from "./canvas-shape.ts";
import { stampOptions, stampsOf } from "./canvas-stamp.ts";

/** Throws InvalidOption for an empty chain, and for what is no canvas. */
export function normalise(sig: WireSignature): WireSignature {
  const { chain, ...options } = sig.options;
  if (chain !== undefined && chain !== null) {
    const rest = listOption(sig, "chain").toReversed();
    return normalise(rest.length === 0 ? { ...sig, options } : chainOf([{ ...sig, options }, ...rest]));
  }
  switch (sig.task) {
    case CHAIN:
      return normalChain(sig);
    case GROUP:
      return normalGroup(sig);
    case CHUNKS:
      return normalGroup(chunked(sig));
    case CHORD:
      return normalChord(sig);
    default:
      return sig;
  }
}

function normalChain(sig: WireSignature): WireSignature {
  const { args, kwargs, immutable, starting, everywhere, link, linkError } = given(sig);
  const steps = tasksOf(sig);
  const told = steps.map((step, i) =>
    give(step, {
      ...(i === 0 && { args, kwargs, immutable, starting }),
      ...(i === steps.length - 1 && { link }),
      linkError,
      everywhere,
    }),
  );
  return joined(told.flatMap((step) => splice(normalise(step), CHAIN)));
}

/** Steps as one unit: from the last to the first, since a group is followed by a whole chord where another group follows it. */
export function joined(steps: readonly WireSignature[]): WireSignature {
  const out: WireSignature[] = [];
  for (const step of steps.toReversed()) {
    const next = out[0];
    if (next !== undefined && final(step).task === GROUP) out[0] = followed(step, next);
    else out.unshift(step);
  }
  const [first = refuseEmpty()] = out;
  return out.length === 1 ? first : known(chainOf(out));
}

/** A group of none, after something: nobody could see in its members whether it has come so far, so it is waited for. */
function known(sig: WireSignature): WireSignature {
  return withFinal(sig, (last) => (last.task === GROUP && tasksOf(last).length === 0 ? waitedFor(last, false) : last));
}

/** What ends in a group, with what follows it. */
function followed(sig: WireSignature, next: WireSignature): WireSignature {
  if (sig.task === CHORD) return chordOf(headerOf(sig), followed(bodyOf(sig), next), sig.options);
  if (sig.task !== CHAIN) return known(chordOf(counted(sig), next));
  const steps = tasksOf(sig); // the body of a chord: its last one is a group, or a chord that ends in one
  return chainOf(steps.map((step, i) => (i === steps.length - 1 ? followed(step, next) : step)));
}

/** A member has one ending, also where it ends in a group, and its result is wanted unless the whole group's is not. */
export function waitedFor(sig: WireSignature, untracked: boolean): WireSignature {
  return withFinal(sig, (last) => {
    if (last.task === GROUP) return chordOf(counted(last), wireSignature(JOIN));
    return untracked ? { ...last, options: { ...last.options, ignore_result: true } } : tracked(last);
  });
}

/** A group whose results somebody needs, whatever it was told. */
function counted(group: WireSignature): WireSignature {
  return normalGroup(tracked(group));
}

function tracked(sig: WireSignature): WireSignature {
  const { ignore_result: _, ...options } = sig.options;
  return { ...sig, options };
}

function normalGroup(sig: WireSignature): WireSignature {
  const { options } = sig;
  const told = given(sig);
  const members = tasksOf(sig).flatMap((member) => splice(normalise(give(member, told)), GROUP));
  const untracked = options.ignore_result === true;
  return groupOf(
    members.map((member) => waitedFor(member, untracked)),
    where(options, (name) => name === "task_id" || name === "ignore_result"),
  );
}

function normalChord(sig: WireSignature): WireSignature {
  const { args, kwargs, immutable, starting, everywhere, link, linkError } = given(sig);
  const onHeader = sig.options.errback_on_header === true ? linkError : [];
  const header = { args, kwargs, immutable, starting, everywhere, linkError: onHeader };
  const body = normalise(give(bodyOf(sig), { link, linkError, everywhere }));
  return chordOf(counted(give(headerOf(sig), header)), known(body));
}

/** The steps of a chain inside a chain, or the members of a group inside a group. */
function splice(sig: WireSignature, container: string): readonly WireSignature[] {
  return sig.task === container ? tasksOf(sig) : [sig];
}

/** What a canvas was given for its tasks. */
interface Given {
  readonly args?: readonly JsonValue[];
  readonly kwargs?: JsonObject;
  readonly immutable?: boolean;
  /** Options of those that start first. */
  readonly starting?: JsonObject;
  /** Options of every task in it that says nothing else. */
  readonly everywhere?: JsonObject;
  readonly link?: readonly WireSignature[];
  readonly linkError?: readonly WireSignature[];
}

/** Options that say when something starts. */
const STARTING: ReadonlySet<string> = new Set(["countdown", "eta"]);
/** Options that are the canvas's own: what it is, and where it stands. */
const OWN: ReadonlySet<string> = new Set([
  ...["task_id", "root_id", "parent_id", "reply_to", "link", "link_error", "chain", "chord", "group_id", "group_index"],
  "errback_on_header",
]);

function given(sig: WireSignature): Required<Given> {
  const { kwargs, options } = sig;
  const partial = kwargs.kwargs as JsonObject | undefined; // what is no object is spread as none
  return {
    args: sig.args,
    kwargs: { ...partial, ...where(kwargs, (name) => !SHAPE.has(name)) },
    immutable: sig.immutable,
    starting: where(options, (name) => STARTING.has(name)),
    everywhere: where(options, (name) => !STARTING.has(name) && !OWN.has(name)),
    link: listOption(sig, "link"),
    linkError: listOption(sig, "link_error"),
  };
}

function where(object: JsonObject, wanted: (name: string) => boolean): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => wanted(name)));
}

function give(sig: WireSignature, what: Given): WireSignature {
  const { args = [], kwargs = {}, immutable = false, starting, everywhere = {}, link = [], linkError = [] } = what;
  const told = {
    ...sig,
    ...(!sig.immutable && { args: [...args, ...sig.args], kwargs: withKwargs(sig, kwargs) }),
    immutable: sig.immutable || immutable,
    options: {
      ...everywhere,
      ...starting,
      ...sig.options,
      ...stampOptions({ ...stampsOf(everywhere), ...stampsOf(sig.options) }),
    },
  };
  return withList(withList(told, "link", link), "link_error", linkError);
}

function withKwargs(sig: WireSignature, more: JsonObject): JsonObject {
  if (!isCanvas(sig)) return { ...sig.kwargs, ...more };
  return { ...sig.kwargs, kwargs: { ...(sig.kwargs.kwargs as JsonObject | undefined), ...more } };
}
