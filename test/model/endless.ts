// Whether everything comes to rest once no more faults strike: in the graph of fair steps, which nobody can withhold for ever.

export interface Endless {
  /** A state from which it need not come to rest. */
  readonly at: number;
  readonly wrong: string;
  /** Whether a fair step to a state is one of those that never lead out. */
  readonly goesOn: (to: number, waits: boolean) => boolean;
}

/**
 * First: a state from which no way of fair steps leads to rest. Then: a cycle of fair steps of which none waits for time to pass.
 * Where there is neither, every fair way ends, whatever the tasks' code does. `fair`: from, to, and 1 where it waits, one step
 * after the other.
 */
export function endless(states: number, quiet: readonly number[], fair: readonly number[]): Endless | undefined {
  const rests = new Uint8Array(states);
  for (const n of quiet) rests[n] = 1;
  walk([...quiet], new Incoming(states, fair, true), (n) => {
    const isNew = rests[n] === 0;
    rests[n] = 1;
    return isNew;
  });
  const at = rests.indexOf(0);
  if (at >= 0) return { at, wrong: "nothing that happens by itself brings it to an end", goesOn: () => true };

  const incoming = new Incoming(states, fair, false);
  const ways = new Uint32Array(states); // out of each, that may be part of a cycle
  for (const from of incoming.from) ways[from] = number(ways[from]) + 1;
  const ends = [...ways.keys()].filter((n) => ways[n] === 0);
  walk(ends, incoming, (n) => {
    ways[n] = number(ways[n]) - 1;
    return ways[n] === 0;
  });
  const circling = ways.findIndex((left) => left > 0);
  const goesOn = (to: number, waits: boolean) => !waits && number(ways[to]) > 0;
  return circling < 0 ? undefined : { at: circling, wrong: "it can go round in circles, waiting for nothing", goesOn };
}

/** Every place that is read here was counted before. */
const number = (found: number | undefined) => found as number;

/** Where one comes from: to state n, `from[at[n]]` up to `from[at[n + 1]]`. */
class Incoming {
  readonly from: Uint32Array;
  readonly at: Uint32Array;

  constructor(states: number, fair: readonly number[], withWaiting: boolean) {
    const each = (step: (from: number, to: number) => void) => {
      for (let i = 0; i < fair.length; i += 3)
        if (withWaiting || fair[i + 2] === 0) step(number(fair[i]), number(fair[i + 1]));
    };
    this.at = new Uint32Array(states + 2);
    each((_, to) => this.#move(to + 2));
    for (let n = 2; n < this.at.length; n++) this.at[n] = number(this.at[n]) + number(this.at[n - 1]);
    this.from = new Uint32Array(number(this.at[states + 1]));
    each((from, to) => {
      this.from[number(this.at[to + 1])] = from;
      this.#move(to + 1);
    });
  }

  #move(n: number): void {
    this.at[n] = number(this.at[n]) + 1;
  }
}

/** Backwards from where it begins, on through every state of which `visit` says so. */
function walk(begin: number[], { from, at }: Incoming, visit: (n: number) => boolean): void {
  for (let n = begin.pop(); n !== undefined; n = begin.pop())
    for (const before of from.subarray(at[n], at[n + 1])) if (visit(before)) begin.push(before);
}
