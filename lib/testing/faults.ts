// What is to go wrong, in the order it was asked for. Shared by the faulty broker and the faulty store.
import type { Clock } from "../clock.ts";
import { type Duration, describe } from "../duration.ts";
import { InvalidOption } from "../errors.ts";
import { check, duration, oneOf, type Rule, whole } from "../options.ts";

export interface FaultOptions {
  /** How many calls it happens to. @default 1 */
  readonly times?: number;
}

/** refuse: nothing happens, and it fails. lose: it happens, and its answer is lost. delay: it takes long. */
type Kind = "refuse" | "lose" | "delay";

interface Fault<Operation> {
  readonly kind: Kind;
  readonly operation: Operation;
  /** Of these calls only. */
  readonly of: string | undefined;
  readonly ms: number;
  left: number;
}

const times: Rule<number> = (value, name) => (value === Number.POSITIVE_INFINITY ? value : whole(1)(value, name));

/** How often. Throws InvalidOption. */
export function timesOf(owner: string, options: FaultOptions): number {
  return check(owner, options, { times }).times ?? 1;
}

export class Faults<Operation extends string> {
  readonly #clock: Clock;
  readonly #operations: readonly Operation[];
  readonly #fail: (message: string) => Error;
  #faults: Fault<Operation>[] = [];

  /** `fail` makes the error of an operation that fails. */
  constructor(clock: Clock, operations: readonly Operation[], fail: (message: string) => Error) {
    this.#clock = clock;
    this.#operations = operations;
    this.#fail = fail;
  }

  /** Throws InvalidOption. */
  add(kind: Kind, operation: Operation, count: number, { time = 0, of }: { time?: Duration; of?: string } = {}): void {
    oneOf(...this.#operations)(operation, "the operation of a fault");
    if (of !== undefined && typeof of !== "string")
      throw new InvalidOption(`the change of a fault is ${describe(of)}; it takes a word such as "claim"`);
    this.#faults.push({ kind, operation, of, left: count, ms: duration(time, "the delay of a fault") * 1_000 });
  }

  clear(): void {
    this.#faults = [];
  }

  /** Carries `action` out, with what is to go wrong with it. `of` says what the call is about. */
  async around<T>(operation: Operation, action: () => Promise<T>, of?: string): Promise<T> {
    const delay = this.#take("delay", operation, of);
    if (delay) await this.#clock.sleep(delay.ms);
    if (this.#take("refuse", operation, of)) throw this.#fail(`${operation} failed, as the test asked`);
    const answer = await action();
    if (this.#take("lose", operation, of)) throw this.#fail(`the answer to ${operation} was lost, as the test asked`);
    return answer;
  }

  #take(kind: Kind, operation: Operation, of: string | undefined): Fault<Operation> | undefined {
    const fault = this.#faults.find(
      (one) => one.kind === kind && one.operation === operation && (one.of === undefined || one.of === of),
    );
    if (fault === undefined) return undefined;
    fault.left--;
    if (fault.left === 0) this.#faults.splice(this.#faults.indexOf(fault), 1);
    return fault;
  }
}
