// A signature: a call that has not been made, with some of its arguments. It is a value: what changes it returns another one.
//
// Its types: `In` is what is missing, a union of the lists of arguments that complete it; `Out` what it gives; `Handle` what its call
// returns. A step of a workflow has to take what the one before it gives (`Taking`), and that is all that is compared.
import type { App } from "./app.ts";
import { type CallOptions, stamps as checkStamps, wireOptions } from "./call-options.ts";
import { type Stamping, stamped, stampsOf } from "./core/canvas-stamp.ts";
import type { GroupResult } from "./group-result.ts";
import type { AsyncResult } from "./result.ts";
import type { JsonObject, JsonValue } from "./wire/serializer.ts";
import { CHAIN, type WireSignature, wireSignature } from "./wire/signature.ts";

/** Whatever can be called with the arguments `Args`, before its own. */
export interface Taking<Args extends readonly unknown[]> {
  readonly wire: WireSignature;
  /** Type only: a function of one parameter, so that what takes more is taken for what takes less. */
  readonly "~takes"?: ((args: Args) => void) | undefined;
}

/** Whatever gives `G`. Type only. */
export interface Giving<G> {
  readonly "~gives"?: G | undefined;
}

/** A result, and the handle that a call returns. */
export interface Gives<Out, Handle> {
  readonly out: Out;
  readonly handle: Handle;
}

/** A result as it is handed on: no value is null, as in JSON. */
export type HandedOn<T> = 0 extends 1 & T // any stays any
  ? T
  : [T] extends [never]
    ? never
    : // biome-ignore lint/suspicious/noConfusingVoidType: what a task gives that returns nothing
      [T] extends [void]
      ? null
      : undefined extends T
        ? Exclude<T, undefined> | null
        : T;

/** Whatever takes what a step gives. A group's results are taken as an array, or one by one. */
export type After<G> =
  G extends Gives<infer Out, infer Handle>
    ? Handle extends GroupResult<infer Results>
      ? Taking<[Out]> | Taking<[AsyncIterable<Results[number]>]>
      : Taking<[HandedOn<Out>]>
    : never;

/** Sends signatures. */
export interface Caller {
  /** Undefined where there is no task yet. */
  readonly app: App | undefined;
  /** It sends canvases, and not just tasks. */
  readonly plans: boolean;
  /** `args` are those that it lacks; `options` all that were set, and those of the call. */
  send(wire: WireSignature, args: readonly unknown[], options: CallOptions<never>): Promise<unknown>;
}

type LinkOption = { readonly wire: WireSignature } | readonly { readonly wire: WireSignature }[];

/** Options of a signature. */
export type SignatureOptions<Out> = Omit<CallOptions<Out>, "hops">;

export class Signature<In extends readonly unknown[], Out, Handle = AsyncResult<Out>>
  implements Taking<In>, Giving<Gives<Out, Handle>>
{
  /** As it travels: Celery's dict. */
  readonly wire: WireSignature;
  declare readonly "~takes"?: ((args: In) => void) | undefined;
  declare readonly "~gives"?: Gives<Out, Handle> | undefined;
  readonly "~caller": Caller;
  readonly #options: SignatureOptions<never>;

  constructor(wire: WireSignature, caller: Caller, options: SignatureOptions<never> = {}) {
    this.wire = wire;
    this["~caller"] = caller;
    this.#options = options;
  }

  /** Calls it with the arguments it lacks, which come before its own. @throws as `Task.delay` */
  delay(...args: In): Promise<Handle> {
    return this.applyAsync(args);
  }

  /** Calls it, with options, which win over those that were set. @throws as `Task.applyAsync` */
  applyAsync(args: In, options?: CallOptions<HandedOn<Out>>): Promise<Handle> {
    const all = { ...this.#options, ...options } as CallOptions<never>; // as in `set`
    return this["~caller"].send(this.wire, args, all) as Promise<Handle>; // whoever made it with this caller gave it its types
  }

  /** The same with other options for its call. Celery's changes the signature. @throws InvalidOption, NotSerializable */
  set(options: SignatureOptions<HandedOn<Out>>): this {
    const all = { ...this.#options, ...options } as SignatureOptions<never>; // its callbacks take its results, or more
    const wire = { ...this.wire, options: { ...this.wire.options, ...wireOptions(all) } };
    return new Signature(wire, this["~caller"], all) as this; // nobody derives a class of it
  }

  /** A copy, as in Celery. Nothing needs it here: a signature never changes. */
  clone(): this {
    return this.set({});
  }

  /** The same with one more callback, which is handed its result. Celery's changes the signature, and returns the callback. */
  link(callback: Taking<[HandedOn<Out>]>): this {
    return this.#adding("link", callback);
  }

  /** The same with one more error callback, which is handed the id of the task that failed. */
  linkError(errback: Taking<[string]>): this {
    return this.#adding("linkError", errback);
  }

  /**
   * The same with stamps on every task in it, and on its callbacks: JSON by name, or what gives that for a task. They are among its
   * `ctx.stamps`, stay with retries, and what replaces a task has them too. Celery's changes the signature. @throws InvalidOption
   */
  stamp(stamps: JsonObject | Stamping): this {
    const given = typeof stamps === "function" ? stamps : () => stamps;
    const stamping = (sig: WireSignature) => checkStamps(given(sig), "stamps");
    const linked = (links: LinkOption) => [links].flat().map((one) => ({ wire: stamped(one.wire, stamping) }));
    const wire = stamped(this.wire, stamping);
    const { link, linkError } = this.#options;
    const options = {
      ...this.#options,
      ...{ stamps: stampsOf(wire.options) },
      ...(link && { link: linked(link) }),
      ...(linkError && { linkError: linked(linkError) }),
    };
    return new Signature(wire, this["~caller"], options) as this; // as in `set`
  }

  /** The two after each other: `next` is handed its result. More than two read better as `chain(a, b, c)`. */
  pipe<O, H>(next: After<Gives<Out, Handle>> & Giving<Gives<O, H>>): Signature<In, O, H> {
    const other = next as unknown as Signature<[], O, H>; // what else takes what this one gives
    const tasks = [this.wire, other.wire] as unknown as JsonValue; // interfaces only have no index
    const own = this["~caller"];
    return new Signature(
      wireSignature(CHAIN, { kwargs: { tasks }, subtask_type: "chain" }),
      own.plans ? own : other["~caller"],
    );
  }

  /** What `JSON.stringify` writes; `signature()` reads it. */
  toJSON(): WireSignature {
    return this.wire;
  }

  #adding(name: "link" | "linkError", one: Taking<never>): this {
    const all = { [name]: [this.#options[name] ?? [], one].flat() };
    return this.set(all as SignatureOptions<HandedOn<Out>>); // of its type, by the types of `link` and `linkError`
  }
}
