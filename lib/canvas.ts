// Builders of workflows, by Celery's names. They only make signatures (core/canvas-shape.ts); what these do when they are called is
// planned and carried out by launch.ts, which is reached from here alone: a producer that calls single tasks does not carry it.
import type { App } from "./app.ts";
import { chainOf, chordOf, chunksOf, GROUP, groupOf, refuseEmpty } from "./core/canvas-shape.ts";
import { describe } from "./duration.ts";
import { InvalidOption } from "./errors.ts";
import type { GroupResult } from "./group-result.ts";
import { launcher } from "./launch.ts";
import { type StreamCaller, streamCaller } from "./launch-stream.ts";
import { check, flag } from "./options.ts";
import { readOptions, readSignature } from "./read-signature.ts";
import {
  type After,
  type Caller,
  type Gives,
  type Giving,
  type HandedOn,
  Signature,
  type Taking,
} from "./signature.ts";
import type { Full, Task, Whatever } from "./task.ts";
import type { JsonObject } from "./wire/serializer.ts";
import type { WireSignature } from "./wire/signature.ts";

/** A group as it was made. One of these in another one is unrolled, and a chain that ends in one is not. */
export interface Group<In extends readonly unknown[], R extends readonly unknown[]>
  extends Signature<In, R, GroupResult<R>> {
  /** Type only. */
  readonly "~group": true;
}

/** A signature, whatever it takes and gives. */
export type AnySignature = Taking<never> & Giving<Gives<unknown, unknown>>;

type At<L, I> = I extends keyof L ? L[I] : never;
type Last<L extends readonly unknown[]> = L extends readonly [...unknown[], infer X] ? X : never;
type OutOf<G> = G extends Gives<infer Out, unknown> ? Out : never;
type HandleOf<G> = G extends Gives<unknown, infer Handle> ? Handle : never;

type GivenBy<S> = S extends Giving<infer G> ? G : never;
type InOf<S> = S extends Taking<infer In> ? In : never;

/** What every one of them takes; where there are none, whatever comes. */
type InOfAll<S extends readonly AnySignature[]> = S extends readonly []
  ? Whatever
  : TakenByAll<Full<InOf<S[number]>>, S[number]>;
type TakenByAll<In, S> = In extends readonly unknown[] ? ([S] extends [Taking<In>] ? In : never) : never;

/** The results of a group's members, and of groups among them those of theirs. */
export type Results<S extends readonly AnySignature[]> =
  Extract<S[number], { readonly "~group": true }> extends never
    ? { -readonly [I in keyof S]: HandedOn<OutOf<GivenBy<S[I]>>> }
    : S extends readonly []
      ? []
      : S extends readonly [infer First extends AnySignature, ...infer Rest extends readonly AnySignature[]]
        ? [...ResultsOf<First>, ...Results<Rest>]
        : ResultsOf<S[number]>[number][];
type ResultsOf<S> = S extends { readonly "~group": true }
  ? Extract<OutOf<GivenBy<S>>, readonly unknown[]>
  : [HandedOn<OutOf<GivenBy<S>>>];

/**
 * Each step is handed the result of the one before it. Id, result and handle are the last step's. A group that is followed by a step is
 * a chord. Celery: `chain`. @throws InvalidOption
 */
export function chain<S extends AnySignature>(only: S): S;
export function chain<In extends readonly unknown[], G, T extends readonly unknown[]>(
  first: Taking<In> & Giving<G>,
  ...rest: { readonly [I in keyof T]: After<At<[G, ...T], I>> & Giving<T[I]> }
): Signature<In, OutOf<Last<[G, ...T]>>, HandleOf<Last<[G, ...T]>>>;
export function chain(...given: readonly unknown[]): Made {
  const steps = signatures("chain", given);
  const [only] = steps;
  if (only === undefined) return refuseEmpty();
  if (steps.length === 1) return only;
  return canvas(chainOf(steps.map(({ wire }) => wire)), steps);
}

/**
 * All of them at once, each with what the group is handed; the results come in this order. Groups in it are unrolled. One member,
 * or none, is a group too. Members of an async iterable are sent as they come, and not held: such a group begins its canvas. Celery: `group`. @throws InvalidOption
 */
export function group<const S extends readonly AnySignature[]>(members: S): Group<InOfAll<S>, Results<S>>;
export function group<S extends AnySignature>(
  members: Iterable<S> | AsyncIterable<S>,
): Group<InOfAll<readonly S[]>, Results<S[]>>;
export function group(members: Iterable<unknown> | AsyncIterable<unknown>): Made {
  if (typeof members === "object" && members !== null && Symbol.asyncIterator in members)
    return new Signature(groupOf([]), streamCaller(members, undefined));
  if (typeof members !== "object" || members === null || !(Symbol.iterator in members))
    throw new InvalidOption(
      `members of a group are ${describe(members)}; it takes a list of signatures, or what iterates over them`,
    );
  const all = signatures("group", [...members]);
  return canvas(groupOf(all.map(({ wire }) => wire)), all);
}

/** Options of a chord. */
export interface ChordOptions {
  /** Error callbacks of the chord are called for its header's members too. Celery: task_allow_error_cb_on_chord_header. @default false */
  readonly errbackOnHeader?: boolean;
}

/**
 * A group, and a task, or any canvas, that is handed the list of its results when all of them are there. It has the id and the result of
 * its body. Celery: `chord`. @throws InvalidOption
 */
export function chord<const S extends readonly AnySignature[], O, H>(
  header: S,
  body: After<Gives<Results<S>, GroupResult<Results<S>>>> & Giving<Gives<O, H>>,
  options?: ChordOptions,
): Signature<InOfAll<S>, O, H>;
export function chord<S extends AnySignature, O, H>(
  header: Iterable<S> | AsyncIterable<S>,
  body: After<Gives<Results<S[]>, GroupResult<Results<S[]>>>> & Giving<Gives<O, H>>,
  options?: ChordOptions,
): Signature<InOfAll<readonly S[]>, O, H>;
export function chord<In extends readonly unknown[], R extends readonly unknown[], O, H>(
  header: Signature<In, R, GroupResult<R>>,
  body: After<Gives<R, GroupResult<R>>> & Giving<Gives<O, H>>,
  options?: ChordOptions,
): Signature<In, O, H>;
export function chord(
  header: Iterable<unknown> | AsyncIterable<unknown> | Made,
  body: unknown,
  options: ChordOptions = {},
): Made {
  const head: Made = header instanceof Signature ? header : group(header as Iterable<Made>); // it checks them
  const [then] = signatures("chord", [body]);
  const { errbackOnHeader } = check("the chord", options, { errbackOnHeader: flag });
  const both = chordOf(head.wire, (then as Made).wire, errbackOnHeader ? { errback_on_header: true } : {});
  return canvas(both, [head, then as Made]); // signatures() has returned as many as it was given
}

/**
 * A group of `starmap`, each with `n` items of `it` at most: many small calls in few messages. Celery: `chunks`.
 * @throws InvalidOption, NotSerializable
 */
export function chunks<A extends readonly unknown[], R>(
  task: Pick<Task<A, R>, "starmap">,
  it: Iterable<NoInfer<A>>,
  n: number,
): Group<Whatever, HandedOn<R>[][]> {
  const mapped = task.starmap([...it]);
  if (!Number.isSafeInteger(n) || n < 1)
    throw new InvalidOption(`n of chunks is ${describe(n)}; it takes a whole number from 1 up`);
  return canvas(chunksOf(mapped.wire, n), [mapped]) as Group<Whatever, HandedOn<R>[][]>; // a group is one by its type alone
}

/**
 * A signature made of its JSON, of this app or of a Python one. What it takes and gives cannot be known; it may be said.
 * Celery: `signature(dict, app=app)`. @throws InvalidOption
 */
export function signature<In extends readonly unknown[] = readonly unknown[], Out = unknown, Handle = unknown>(
  wire: WireSignature | JsonObject,
  app: App,
): Signature<In, Out, Handle> {
  const read = readSignature(wire);
  return new Signature(read, launcher(app), readOptions(read.options));
}

type Made = Signature<never, unknown, unknown>;

/** They have been checked by the compiler, or by nobody. */
function signatures(owner: string, given: readonly unknown[]): readonly Made[] {
  return given.map((one, i) => {
    if (one instanceof Signature) return one;
    const hint =
      typeof one === "function"
        ? "its task was given itself: call its s() or si()"
        : "made with task.s(...), group([...]) and the like";
    throw new InvalidOption(`argument ${i} of ${owner} is ${describe(one)}; it takes signatures, ${hint}`);
  });
}

/** A canvas of the app of its parts. What it takes and gives is what its builder says. */
function canvas<In extends readonly unknown[], Out, Handle>(
  wire: WireSignature,
  parts: readonly Made[],
): Signature<In, Out, Handle> {
  const app = parts.map((part) => part["~caller"].app).find((one) => one !== undefined);
  const stream = parts.findIndex((part) => streamIn(part) !== undefined);
  if (stream > 0 || (stream === 0 && wire.task === GROUP)) {
    throw new InvalidOption(
      `argument ${stream} is a group whose members are a stream, and its canvas does not begin with it; begin with it, or make a list of it`,
    );
  }
  const members = parts[0] && streamIn(parts[0]);
  if (members) return new Signature(wire, streamCaller(members, app));
  return new Signature(wire, app ? launcher(app) : NOBODY);
}

const streamIn = (part: Made) => (part["~caller"] as Partial<StreamCaller>).members;

/** Who calls a group of none: it belongs to no app until it is a part of something. */
const NOBODY: Caller = {
  app: undefined,
  plans: true,
  send: async ({ task }) => {
    throw new InvalidOption(
      `a ${task.replace("celery.", "")} without a single task belongs to no app; call signature(it.toJSON(), app), or nothing`,
    );
  },
};
