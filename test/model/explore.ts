// Breadth first through every world that can be reached, so that what is found is found by a shortest way.
import { type Bound, firstWorld } from "./bounds.ts";
import { endless } from "./endless.ts";
import { broken } from "./invariants.ts";
import { RULES, type Rules } from "./rules.ts";
import { steps } from "./steps.ts";
import { Trace } from "./trace.ts";
import { keyOf, type World } from "./world.ts";

export interface Violation {
  readonly invariant: string;
  readonly wrong: string;
  /** From the beginning, one line for each step. */
  readonly trace: readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Steps to the farthest state, by its shortest way. */
  readonly depth: number;
  /** Rows of docs/protocol.md that were taken. */
  readonly rows: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
  readonly violation?: Violation;
}

/** Nobody owes anything: every message is settled, but those that stay on a dead-letter queue for a human. */
const isQuiet = ({ executions, messages }: World) =>
  executions.length === 0 && messages.every(({ kind, dead }) => kind === "nameless" && dead);

export function explore(bound: Bound, rules: Rules = RULES): Exploration {
  const first = firstWorld(bound);
  const numbers = new Map([[keyOf(first), 0]]);
  const parents = [-1];
  const quiet: number[] = [];
  const fair: number[] = [];
  const rows = new Set<string>();
  const kinds = new Set<string>();
  let frontier: (readonly [number, World])[] = [[0, first]];
  let transitions = 0;
  let depth = -1;
  const result = (violation?: Violation): Exploration => ({
    ...{ states: numbers.size, transitions, depth, kinds },
    rows: new Set([...rows].join(" ").split(" ")),
    ...(violation && { violation }),
  });
  const trace = () => new Trace(bound, rules, numbers, parents);

  for (; frontier.length > 0; depth++) {
    const next: typeof frontier = [];
    for (const [n, world] of frontier) {
      if (isQuiet(world)) quiet.push(n);
      for (const step of steps(world, bound, rules)) {
        transitions++;
        kinds.add(step.kind);
        rows.add(step.rows);
        const wrong = broken(world, step, bound);
        if (wrong) return result({ ...wrong, trace: trace().to(n, step) });
        const key = keyOf(step.to);
        let number = numbers.get(key);
        if (number === undefined) {
          number = numbers.size;
          numbers.set(key, number);
          parents.push(n);
          next.push([number, step.to]);
        }
        if (step.fair) fair.push(n, number, step.waits ? 1 : 0);
      }
    }
    frontier = next;
  }
  const found = endless(numbers.size, quiet, fair);
  if (found === undefined) return result();
  const invariant = "I5 no silence: without further faults everything ends";
  return result({ invariant, wrong: found.wrong, trace: trace().round(found) });
}
