// How far the model is explored: the stories, and how often each fault may strike in one.
import type { Limits, Outcome } from "./rules.ts";
import type { Call, MessageKind, Mode, World } from "./world.ts";

export interface Bound {
  readonly name: string;
  readonly mode: Mode;
  /** What is on the queue at first. "none": a publisher with a chosen id sends it. */
  readonly message: MessageKind | "none";
  /** A worker may be of a version that does not know the task. */
  readonly unknownTask: boolean;
  /** Its callbacks and redrives run, too, or it is enough that they were sent. */
  readonly follow: "run" | "sent";
  /** Messages in workers' hands at a time. The dead-letter consumer has one more. */
  readonly workers: number;
  /** "dies": it takes its worker with it, as often as it runs. */
  readonly outcomes: readonly (Outcome | "dies")[];
  readonly limits: Limits;
  /** Faults in one history, of any kinds: crashes, lost answers, duplicates, pauses. */
  readonly faults: number;
  readonly calls: Readonly<Record<Call, number>>;
}

const NO_CALLS = { publish: 0, revoke: 0, forget: 0, purge: 0, redrive: 0 };

const TASK: Bound = {
  name: "a task and its callbacks",
  mode: "tracked",
  message: "plain",
  unknownTask: false,
  follow: "sent",
  workers: 2,
  outcomes: ["success", "failure", "retry"],
  limits: { maxRetries: 1, maxReceives: 2, maxResends: 1, unknownPauses: 1 },
  faults: 2,
  calls: NO_CALLS,
};

const bound = (name: string, rest: Partial<Bound>): Bound => ({ ...TASK, name, ...rest });
const calls = (some: Partial<Record<Call, number>>) => ({ calls: { ...NO_CALLS, ...some } });

/** Explored by `npm test`, each to its end. */
export const BOUNDS: readonly Bound[] = [
  TASK,
  bound("its callbacks, too", { follow: "run", faults: 1 }),
  bound("what hands a task back", { outcomes: ["requeue", "interrupted"], faults: 1 }),
  bound("a task that kills its worker", { outcomes: ["dies"] }),
  bound("revoke and forget", { faults: 1, ...calls({ revoke: 1, forget: 1 }) }),
  bound("a revoke of what runs", { outcomes: ["ignored", "retry"], faults: 1, ...calls({ revoke: 1 }) }),
  bound("a chosen id", { message: "none", outcomes: ["success"], faults: 1, ...calls({ publish: 2 }) }),
  bound("a purge", { faults: 1, ...calls({ purge: 2 }) }),
  bound("redrives", { outcomes: ["failure"], faults: 1, ...calls({ redrive: 2, forget: 1 }) }),
  bound("without a claim", { mode: "unclaimed" }),
  bound("without a claim, retried", {
    ...{ mode: "unclaimed", outcomes: ["retry"], faults: 1, limits: { ...TASK.limits, maxRetries: 2 } },
  }),
  bound("without a claim, revoked", { mode: "unclaimed", faults: 1, ...calls({ revoke: 1, forget: 1 }) }),
  bound("ignoreResult", { mode: "untracked" }),
  bound("an eta", { message: "early", faults: 1 }),
  bound("expires", { message: "expires", faults: 1, ...calls({ purge: 1 }) }),
  bound("a task this worker does not know", { unknownTask: true, faults: 1 }),
  bound("a message that cannot be read", { message: "unreadable", ...calls({ purge: 1 }) }),
  bound("one without an id", { message: "nameless", ...calls({ purge: 1 }) }),
];

/** Explored by `npm run model -- --deep`. */
export const DEEP_BOUNDS: readonly Bound[] = [
  bound("three faults", { faults: 3 }),
  bound("three workers", { workers: 3 }),
  bound("three receives", { limits: { ...TASK.limits, maxReceives: 3 } }),
  bound("its callbacks, too", { follow: "run" }),
  bound("every end of a run", {
    outcomes: ["success", "ignored", "failure", "retry", "requeue", "interrupted"],
    faults: 1,
  }),
  bound("a task that kills its worker", {
    outcomes: ["dies", "retry"],
    faults: 1,
    limits: { ...TASK.limits, maxReceives: 3 },
  }),
  bound("revoke and forget", calls({ revoke: 1, forget: 1 })),
  bound("a revoke of what runs", { outcomes: ["ignored", "retry"], ...calls({ revoke: 1 }) }),
  bound("a revoke of what is handed back", {
    outcomes: ["ignored", "requeue", "interrupted"],
    faults: 1,
    ...calls({ revoke: 1 }),
  }),
  bound("a chosen id", { message: "none", faults: 1, ...calls({ publish: 2, revoke: 1 }) }),
  bound("a purge", calls({ purge: 2 })),
  bound("redrives", { outcomes: ["success", "failure"], ...calls({ redrive: 2, forget: 1 }) }),
  bound("redrives that run", { outcomes: ["failure"], follow: "run", faults: 1, ...calls({ redrive: 1 }) }),
  bound("without a claim", { mode: "unclaimed", faults: 3 }),
  bound("without a claim, handed back", { mode: "unclaimed", outcomes: ["success", "failure", "retry", "requeue"] }),
  bound("without a claim, revoked", { mode: "unclaimed", ...calls({ revoke: 1, forget: 1 }) }),
  bound("ignoreResult", { mode: "untracked", faults: 3, ...calls({ revoke: 1 }) }),
  bound("an eta", { message: "early" }),
  bound("expires", { message: "expires", ...calls({ purge: 1 }) }),
  bound("a task this worker does not know", { unknownTask: true, outcomes: ["success", "retry"] }),
  bound("a message that cannot be read", { message: "unreadable", faults: 3, ...calls({ purge: 1 }) }),
  bound("one without an id", { message: "nameless", faults: 3, ...calls({ purge: 1 }) }),
];

/** Where a mutant shows. */
export function mutated({ within = TASK.name, faults }: { readonly within?: string; readonly faults?: number }): Bound {
  const found = BOUNDS.find(({ name }) => name === within);
  if (found === undefined) throw new Error(`no bound has the name "${within}"`);
  return { ...found, faults: faults ?? found.faults };
}

/** A bound in words. */
export function said({ mode, message, follow, workers, outcomes, limits, faults, calls, unknownTask }: Bound): string {
  const asked = Object.entries(calls).flatMap(([call, times]) => (times > 0 ? [`${times} × ${call}`] : []));
  return [
    `1 task, ${mode}, ${message === "none" ? "of a chosen id" : `${message} message`}; its callbacks ${follow}`,
    `${workers} workers and a dead-letter consumer`,
    `faults of any kind: at most ${faults}`,
    ...(unknownTask ? ["some workers do not know it"] : []),
    ...(asked.length > 0 ? [asked.join(", ")] : []),
    `ends of a run: ${outcomes.join(", ")}`,
    `retries: ${limits.maxRetries}, receives: ${limits.maxReceives}, rounds after the first: ${limits.maxResends}`,
  ].join("; ");
}

export function firstWorld({ message, faults, calls }: Bound): World {
  const id = message === "nameless" ? "?" : "t";
  const sent = message !== "none";
  return {
    records: {},
    messages: sent ? [{ id, kind: message, attempt: 0, receives: 0, resends: 0, dead: false }] : [],
    executions: [],
    accepted: sent ? [id] : [],
    done: [],
    left: { faults, ...calls },
  };
}
