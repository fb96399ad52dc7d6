// What a canvas means: evaluated in place, depth first, with no messages, ids or joins. What Lovage does step by step is compared
// with it. It knows the shapes of the wire and nothing of lib/core.
import type { JsonValue } from "../../lib/wire/serializer.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";

export type TaskTable = Readonly<Record<string, (...args: readonly JsonValue[]) => JsonValue>>;

/** One run of a task: its name, then its arguments as JSON. */
export type Call = string;

export const callOf = (task: string, args: readonly JsonValue[]): Call => `${task}${JSON.stringify(args)}`;

/** The error callback of these tests. What it is handed first, an id, is the same everywhere here. */
export const NOTED = "noted";
/** A task that puts the canvas `kwargs.by` in its place. */
export const SWAP = "swap";
export const FAILED_ID = "<the failed task>";

export interface Evaluated {
  /** Undefined where it failed. */
  readonly value: JsonValue | undefined;
  readonly calls: readonly Call[];
}

/**
 * `group`: the members of a group, or of one that ends a chain, one of which may have failed; whatever follows them is to be told.
 * `unit`: anything else, and whoever was to be told has been.
 */
type Ending = { readonly kind: "group" | "unit"; readonly value: JsonValue | undefined };

interface Extras {
  readonly link: readonly WireSignature[];
  readonly errbacks: readonly WireSignature[];
}

export function evaluate(sig: WireSignature, args: readonly JsonValue[], tasks: TaskTable): Evaluated {
  const calls: Call[] = [];
  const { value } = new Evaluation(tasks, calls).unit(sig, args, { link: [], errbacks: [] });
  return { value, calls };
}

class Evaluation {
  readonly #tasks: TaskTable;
  readonly #calls: Call[];

  constructor(tasks: TaskTable, calls: Call[]) {
    this.#tasks = tasks;
    this.#calls = calls;
  }

  unit(sig: WireSignature, handed: readonly JsonValue[], outer: Extras): Ending {
    const args = sig.immutable ? sig.args : [...handed, ...sig.args];
    const extras = {
      link: [...list(sig.options.link), ...outer.link],
      errbacks: [...list(sig.options.link_error), ...outer.errbacks],
    };
    switch (sig.task) {
      case "celery.chain":
        return this.#chain(list(sig.kwargs.tasks), args, extras);
      case "celery.group":
        return this.#group(list(sig.kwargs.tasks), args, extras);
      case "celery.chunks":
        return this.#group(parts(sig), [], extras);
      case "celery.chord":
        return this.#chord(sig, args, extras);
      default:
        return this.#task(sig, args, extras);
    }
  }

  #chain(steps: readonly WireSignature[], args: readonly JsonValue[], { link, errbacks }: Extras): Ending {
    let ending: Ending = { kind: "unit", value: undefined };
    for (const [i, step] of steps.entries()) {
      const extras = { link: i === steps.length - 1 ? link : [], errbacks };
      if (i > 0 && ending.value === undefined) {
        if (ending.kind === "group") this.#neverRan(step, errbacks);
        return { kind: "unit", value: undefined };
      }
      ending = this.unit(step, i === 0 ? args : [ending.value as JsonValue], extras);
    }
    return ending;
  }

  #group(members: readonly WireSignature[], args: readonly JsonValue[], extras: Extras): Ending {
    const values = members.flatMap((member) => {
      const { value } = this.unit(member, args, extras);
      return isGroup(member) && Array.isArray(value) ? value : [value];
    });
    const failed = values.some((value) => value === undefined);
    return { kind: "group", value: failed ? undefined : (values as JsonValue[]) };
  }

  #chord(sig: WireSignature, args: readonly JsonValue[], { link, errbacks }: Extras): Ending {
    const onHeader = sig.options.errback_on_header === true ? errbacks : [];
    const header = Array.isArray(sig.kwargs.header) ? undefined : (sig.kwargs.header as unknown as WireSignature);
    const body = sig.kwargs.body as unknown as WireSignature;
    const { value } = header
      ? this.unit(header, args, { link: [], errbacks: onHeader })
      : this.#group(list(sig.kwargs.header), args, { link: [], errbacks: onHeader });
    if (value !== undefined) return this.unit(body, [value], { link, errbacks });
    this.#neverRan(body, errbacks);
    return { kind: "unit", value: undefined };
  }

  #task(sig: WireSignature, args: readonly JsonValue[], extras: Extras): Ending {
    const { link, errbacks } = extras;
    this.#calls.push(callOf(sig.task, args));
    if (sig.task === SWAP) return this.#swap(sig.kwargs.by as unknown as WireSignature, extras);
    try {
      const value = run(this.#tasks, sig, args);
      for (const callback of link) this.unit(callback, [value], { link: [], errbacks: [] });
      return { kind: "unit", value };
    } catch {
      this.#tell(errbacks);
      return { kind: "unit", value: undefined };
    }
  }

  /** Whatever it is replaced by has one ending for its callbacks. */
  #swap(by: WireSignature, { link, errbacks }: Extras): Ending {
    const { value } = this.unit(by, [], { link: [], errbacks: [] });
    if (value === undefined) this.#tell(errbacks);
    else for (const callback of link) this.unit(callback, [value], { link: [], errbacks: [] });
    return { kind: "unit", value };
  }

  /** What a failed group would have started fails: its own error callbacks are called. */
  #neverRan(sig: WireSignature, outer: readonly WireSignature[]): void {
    const errbacks = [...list(sig.options.link_error), ...outer];
    if (sig.task === "celery.chain") {
      const [first] = list(sig.kwargs.tasks);
      if (first) this.#neverRan(first, errbacks);
    } else if (sig.task === "celery.group") {
      for (const member of list(sig.kwargs.tasks)) this.#neverRan(member, errbacks);
    } else if (sig.task === "celery.chunks") {
      for (const _ of parts(sig)) this.#tell(errbacks);
    } else if (sig.task === "celery.chord") {
      const onHeader = sig.options.errback_on_header === true ? errbacks : [];
      const { header } = sig.kwargs;
      if (!Array.isArray(header)) this.#neverRan(header as unknown as WireSignature, onHeader);
      else for (const member of list(header)) this.#neverRan(member, onHeader);
    } else this.#tell(errbacks);
  }

  #tell(errbacks: readonly WireSignature[]): void {
    for (const errback of errbacks) this.unit(errback, [FAILED_ID], { link: [], errbacks: [] });
  }
}

/** A task, or one call after another where it is celery.map or celery.starmap. */
export function run(
  tasks: TaskTable,
  sig: Pick<WireSignature, "task" | "kwargs">,
  args: readonly JsonValue[],
): JsonValue {
  const { task, kwargs } = sig;
  const mapped = kwargs.task as unknown as WireSignature;
  const each = (kwargs.it ?? []) as readonly JsonValue[];
  const call = (given: readonly JsonValue[]) => run(tasks, mapped, [...given, ...mapped.args]);
  if (task === "celery.map") return each.map((item) => call([item]));
  if (task === "celery.starmap") return each.map((item) => call(item as readonly JsonValue[]));
  const handler = tasks[task];
  if (handler === undefined) throw new TypeError(`no task is called ${task}`);
  return handler(...args);
}

/** Unrolled where it is a member of a group: its results are the outer one's. */
function isGroup(sig: WireSignature): boolean {
  const steps = list(sig.kwargs.tasks);
  if (sig.task === "celery.chain") return steps.length === 1 && isGroup(steps[0] as WireSignature);
  return sig.task === "celery.group" || sig.task === "celery.chunks";
}

function parts({ kwargs }: WireSignature): readonly WireSignature[] {
  const it = kwargs.it as readonly JsonValue[];
  const n = kwargs.n as number;
  return Array.from({ length: Math.ceil(it.length / n) }, (_, i) => ({
    task: "celery.starmap",
    args: [],
    kwargs: { task: kwargs.task as JsonValue, it: it.slice(i * n, (i + 1) * n) },
    options: {},
    subtask_type: "starmap",
    immutable: true,
  }));
}

function list(value: JsonValue | undefined): readonly WireSignature[] {
  return (value ?? []) as unknown as readonly WireSignature[];
}
