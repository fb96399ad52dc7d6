// Which faults there are, and whether one happens here and now. Each process has dice of its own for each kind of fault, so
// that taking one fault away leaves the others where they were: a failing world can be made smaller.
import { seededRandom } from "../../lib/testing/fake-clock.ts";

/** The faults of docs/semantics.md, as far as they can happen to processes and calls; the rest are made by a world's cast. */
export const FAULTS = [
  // processes
  "killed before a call",
  "killed after a call",
  "killed in user code",
  "killed between calls",
  "child out of memory",
  "pause",
  "paused past its lease",
  "clock skew",
  "worker shut down",
  "deploy",
  // Lambda
  "Lambda timeout",
  "Lambda batch response lost",
  "Lambda batch entry kept",
  // calls
  "DynamoDB throttled",
  "DynamoDB outage",
  "SQS call failed",
  "SQS outage",
  "S3 call failed",
  "S3 outage",
  "lost answer",
  "late answer",
  "late effect",
  "sdk retry",
  // messages
  "duplicate",
  "late delivery after delete",
  "lost delete",
  "stale receipt",
  "stale delete took effect",
  "throttled delivery",
  "retention passed",
  "unreadable message",
  "unreadable message with an id",
  "poison message",
  "unknown task",
] as const;
export type Fault = (typeof FAULTS)[number];

/** What batches of statements may do besides. */
export const BATCH_FAULTS = [
  "batch answer lost",
  "batch applied in part",
  "batch failed",
  "batch heard twice",
  "batch late",
  "statement refused",
] as const;
export type BatchFault = (typeof BATCH_FAULTS)[number];

/** Nothing is wrong where they happen: they do not explain that somebody else takes over. */
const HARMLESS: ReadonlySet<string> = new Set([
  "sdk retry",
  "clock skew",
  "duplicate",
  "late delivery after delete",
  "throttled delivery",
]);

export const isHarmless = (fault: Fault | BatchFault): boolean => HARMLESS.has(fault);

/** FNV-1a. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** A generator of its own for whatever `name` is. */
export const randomOf = (seed: number, name: string): (() => number) => seededRandom(hash(`${seed} ${name}`));

export class Faults {
  readonly counts: Record<string, number> = {};
  /** Whatever happened that could be left out, by name. */
  readonly parts = new Set<string>();
  readonly #seed: number;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #active: () => boolean;
  #note: (who: string, fault: string) => void = () => {};

  /** `only`: the parts that may happen. @default - all */
  constructor(seed: number, active: () => boolean, only?: ReadonlySet<string>) {
    this.#seed = seed;
    this.#active = active;
    this.#only = only;
  }

  get active(): boolean {
    return this.#active();
  }

  onFault(note: (who: string, fault: string) => void): void {
    this.#note = note;
  }

  /** Whether this part of the world is there. */
  has(part: string): boolean {
    if (this.#only !== undefined && !this.#only.has(part)) return false;
    this.parts.add(part);
    return true;
  }

  /** It happened, by itself or because of what has been rolled. */
  count(who: string, fault: Fault | BatchFault): void {
    this.counts[fault] = (this.counts[fault] ?? 0) + 1;
    this.#note(who, fault);
  }

  dice(who: string): Dice {
    return new Dice(this, this.#seed, who);
  }
}

export class Dice {
  readonly who: string;
  readonly #faults: Faults;
  readonly #seed: number;
  readonly #streams = new Map<string, { n: number; readonly random: () => number }>();

  constructor(faults: Faults, seed: number, who: string) {
    this.#faults = faults;
    this.#seed = seed;
    this.who = who;
  }

  #next(name: string): { readonly n: number; readonly value: number; readonly size: number } {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = { n: 0, random: randomOf(this.#seed, `${this.who} ${name}`) };
      this.#streams.set(name, stream);
    }
    return { n: stream.n++, value: stream.random(), size: stream.random() };
  }

  /** A number that is no fault. */
  draw(name: string): number {
    return this.#next(name).value;
  }

  /** Whether the fault happens, and how badly: uniform in [0, 1). Counted by the caller where `quiet`. */
  roll(fault: Fault | BatchFault, rate = 0, quiet = false): number | undefined {
    if (rate <= 0 || !this.#faults.active) return undefined;
    const { n, value, size } = this.#next(fault);
    if (value >= rate || !this.#faults.has(`${this.who}: ${fault} #${n}`)) return undefined;
    if (!quiet) this.#faults.count(this.who, fault);
    return size;
  }
}
