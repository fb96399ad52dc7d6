// The shapes of a canvas on the wire, Celery's: a chain, group or chord is a signature whose "task" has a name of its own and
// whose keyword arguments hold the others. Everything else is a task, `celery.map` and `celery.starmap` too.
//
//   celery.chain   kwargs.tasks: its steps             celery.chord   kwargs.header: a group, or a list; kwargs.body
//   celery.group   kwargs.tasks: its members           celery.chunks  kwargs.task, kwargs.it, kwargs.n
//
// A unit is what has one id and one ending. The id of a chain is its last step's, that of a chord its body's.
import { InvalidOption } from "../errors.ts";
import { type Fail, isObject, list, signature } from "../wire/fields.ts";
import type { JsonObject, JsonValue } from "../wire/serializer.ts";
import { CHAIN, MAP, STARMAP, type WireSignature, wireSignature } from "../wire/signature.ts";

export { CHAIN };

export const GROUP = "celery.group";
export const CHORD = "celery.chord";
export const CHUNKS = "celery.chunks";
/** Stands for the body where members are waited for and nothing is called: the unit of a group inside a group. Ours. */
export const JOIN = "lovage.join";
/** Stands for a signature that is stored once, with the join it follows. Ours. */
export const STORED = "lovage.stored";

const malformed: Fail = (problem) =>
  new InvalidOption(`a canvas cannot be read: ${problem}; make it with chain, group or chord`);

/** Signatures made of other signatures. */
export function isCanvas({ task }: WireSignature): boolean {
  return task === CHAIN || task === GROUP || task === CHORD || task === CHUNKS;
}

/** The steps of a chain, or the members of a group. Throws InvalidOption. */
export function tasksOf({ task, kwargs }: WireSignature): readonly WireSignature[] {
  const name = `kwargs.tasks of ${task}`;
  return signatures(name, list(name, kwargs.tasks, malformed));
}

/** Throws InvalidOption. */
export function bodyOf({ kwargs }: WireSignature): WireSignature {
  return signature(`kwargs.body of ${CHORD}`, kwargs.body, malformed);
}

/** The header of a chord as a group: some write it as a list. Throws InvalidOption. */
export function headerOf({ kwargs: { header } }: WireSignature): WireSignature {
  const name = `kwargs.header of ${CHORD}`;
  if (!Array.isArray(header)) {
    const one = signature(name, header, malformed);
    return one.task === GROUP ? one : groupOf([one]);
  }
  return groupOf(signatures(name, header));
}

function signatures(name: string, values: readonly JsonValue[] | undefined): readonly WireSignature[] {
  if (values === undefined) throw malformed(`${name} is missing`);
  return values.map((value, i) => signature(`${name}[${i}]`, value, malformed));
}

/** Keyword arguments of a canvas that are its shape, and not its first tasks'. */
export const SHAPE: ReadonlySet<string> = new Set(["tasks", "header", "body", "kwargs", "task", "it", "n"]);

/** A chunks signature as the group it stands for. Throws InvalidOption. */
export function chunked(chunks: WireSignature): WireSignature {
  const { it, n, task } = chunks.kwargs;
  const items = list(`kwargs.it of ${CHUNKS}`, it, malformed);
  const each = signature(`kwargs.task of ${CHUNKS}`, task, malformed);
  if (items === undefined) throw malformed(`kwargs.it of ${CHUNKS} is missing`);
  if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 1)
    throw malformed(`kwargs.n of ${CHUNKS} is ${JSON.stringify(n)}, not a whole number from 1 up`);
  const parts = Array.from({ length: Math.ceil(items.length / n) }, (_, i) =>
    starmapOf(each, items.slice(i * n, (i + 1) * n)),
  );
  return { ...chunks, ...groupOf(parts), options: chunks.options, args: [] };
}

const json = (value: WireSignature): JsonObject => value as unknown as JsonObject; // it is, interfaces only have no index

export function chainOf(steps: readonly WireSignature[], options: JsonObject = {}): WireSignature {
  return wireSignature(CHAIN, { kwargs: { tasks: steps.map(json) }, options, subtask_type: "chain" });
}

export function groupOf(members: readonly WireSignature[], options: JsonObject = {}): WireSignature {
  return wireSignature(GROUP, { kwargs: { tasks: members.map(json) }, options, subtask_type: "group" });
}

export function chordOf(header: WireSignature, body: WireSignature, options: JsonObject = {}): WireSignature {
  const kwargs = { header: json(header), body: json(body), kwargs: {} };
  return wireSignature(CHORD, { kwargs, options, subtask_type: "chord" });
}

/** Immutable, as in Celery: what it is to do it has been told. */
function mapped(name: string, task: WireSignature, it: readonly JsonValue[]): WireSignature {
  return wireSignature(name, { kwargs: { task: json(task), it }, subtask_type: name.slice(7), immutable: true });
}
export const mapOf = mapped.bind(undefined, MAP);
export const starmapOf = mapped.bind(undefined, STARMAP);

/** Parts of a `starmap`, with `n` of its items each. */
export function chunksOf({ kwargs }: WireSignature, n: number): WireSignature {
  return wireSignature(CHUNKS, { kwargs: { ...kwargs, n }, subtask_type: "chunks", immutable: true });
}

/** The last of what runs: a task, the task of a join, or a group that nobody waits for. */
export function final(sig: WireSignature): WireSignature {
  if (sig.task === CHAIN) return final(tasksOf(sig).at(-1) ?? refuseEmpty());
  return sig.task === CHORD ? final(bodyOf(sig)) : sig;
}

/** The same canvas with another last unit. */
export function withFinal(sig: WireSignature, change: (last: WireSignature) => WireSignature): WireSignature {
  if (sig.task === CHAIN) {
    const steps = tasksOf(sig);
    return chainOf([...steps.slice(0, -1), withFinal(steps.at(-1) ?? refuseEmpty(), change)], sig.options);
  }
  if (sig.task === CHORD) return chordOf(headerOf(sig), withFinal(bodyOf(sig), change), sig.options);
  return change(sig);
}

export function refuseEmpty(): never {
  throw new InvalidOption("a chain has no steps; give it one or more");
}

/** The id of the unit that a signature is, where it is frozen. */
export function finalId(sig: WireSignature): string | undefined {
  return idOf(final(sig));
}

export function idOf({ options }: WireSignature): string | undefined {
  return typeof options.task_id === "string" ? options.task_id : undefined;
}

/** Signatures in a list of options: one stands for a list of one, as in Celery (maybe_list). Throws InvalidOption. */
export function listOption(
  { options }: WireSignature,
  name: "link" | "link_error" | "chain",
): readonly WireSignature[] {
  const value = options[name];
  if (value === undefined || value === null) return [];
  return signatures(`options.${name}`, isObject(value) ? [value] : list(`options.${name}`, value, malformed));
}

/** The same signature with more in a list of its options. */
export function withList(
  sig: WireSignature,
  name: "link" | "link_error",
  more: readonly WireSignature[],
): WireSignature {
  if (more.length === 0) return sig;
  return { ...sig, options: { ...sig.options, [name]: [...listOption(sig, name), ...more].map(json) } };
}
