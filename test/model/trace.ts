// The way to a state, in words. Its steps are taken again one by one: executions keep their names on the way.
import { type Bound, firstWorld } from "./bounds.ts";
import type { Endless } from "./endless.ts";
import type { Step } from "./moment.ts";
import type { Rules } from "./rules.ts";
import { steps } from "./steps.ts";
import { keyOf, type World } from "./world.ts";

export class Trace {
  readonly #bound: Bound;
  readonly #rules: Rules;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #parents: readonly number[];

  constructor(bound: Bound, rules: Rules, numbers: ReadonlyMap<string, number>, parents: readonly number[]) {
    this.#bound = bound;
    this.#rules = rules;
    this.#numbers = numbers;
    this.#parents = parents;
  }

  /** The shortest way to state `n`, and one step more. */
  to(n: number, last: Step): readonly string[] {
    const way = this.#way(n);
    const world = way.at(-1)?.to ?? firstWorld(this.#bound);
    const named = steps(world, this.#bound, this.#rules).find(
      (step) => step.kind === last.kind && step.rows === last.rows && keyOf(step.to) === keyOf(last.to),
    );
    return [...way, named ?? last].map(said);
  }

  /** To where it never ends, and on by fair steps, until nothing is left to do or it has been there before. */
  round({ at, goesOn }: Endless): readonly string[] {
    const way = this.#way(at);
    const lines = way.map(said);
    let world: World | undefined = way.at(-1)?.to ?? firstWorld(this.#bound);
    const visited: string[] = [];
    while (world) {
      const been = visited.indexOf(keyOf(world));
      if (been >= 0) return [...lines, `and so on, from step ${way.length + been + 1}`];
      visited.push(keyOf(world));
      const next: Step | undefined = steps(world, this.#bound, this.#rules).find(
        ({ fair, waits, to }) => fair && goesOn(this.#numbers.get(keyOf(to)) ?? 0, waits),
      );
      if (next) lines.push(said(next));
      world = next?.to;
    }
    return [...lines, "and nothing more happens by itself"];
  }

  #way(n: number): readonly Step[] {
    const numbers: number[] = [];
    for (let at = n; at > 0; at = this.#parents[at] ?? 0) numbers.unshift(at);
    let world = firstWorld(this.#bound);
    return numbers.map((number) => {
      const step = steps(world, this.#bound, this.#rules).find(({ to }) => this.#numbers.get(keyOf(to)) === number);
      if (step === undefined) throw new Error(`state ${number} cannot be reached again`);
      world = step.to;
      return step;
    });
  }
}

const FAULTS = ["crash", "lost answer", "duplicate", "pause", "skew"];

const said = ({ kind, says }: Step): string => (FAULTS.includes(kind) ? `fault: ${says()}` : says());
