// How the units of a workflow stand, read from their records. What has ended stays as it is, and is read once.
import type { Clock } from "./clock.ts";
import type { GroupUnit } from "./core/canvas-units.ts";
import { certify, type IdKey } from "./core/ids.ts";
import { conclude, isFinal, type State } from "./core/states.ts";
import { DYNAMODB, WORKFLOWS } from "./defaults.ts";
import type { JoinStore } from "./ports/join-store.ts";
import { infoOf, type TaskInfo } from "./result.ts";

/** How many members of a group are in which state. */
export interface Tally {
  readonly states: Readonly<Partial<Record<State, number>>>;
  /** The first that have ended, and not well. */
  readonly failed: readonly number[];
}

const { maxBatchGetItems: PAGE } = DYNAMODB;

export class UnitStates {
  readonly #joins: JoinStore;
  readonly #key: IdKey;
  readonly #clock: Clock;
  readonly #ended = new Map<string, TaskInfo>();
  /** Pages of groups all of whose members have ended. */
  readonly #pages = new Map<string, Tally>();

  constructor(joins: JoinStore, key: IdKey, clock: Clock) {
    this.#joins = joins;
    this.#key = key;
    this.#clock = clock;
  }

  /** What is known of tasks, by their ids. */
  async read(ids: readonly string[]): Promise<ReadonlyMap<string, TaskInfo>> {
    const open = ids.filter((id) => !this.#ended.has(id));
    const found = new Map<string, TaskInfo>();
    for (let start = 0; start < open.length; start += PAGE) {
      for (const info of await this.#look(open.slice(start, start + PAGE))) {
        found.set(info.id, info);
        if (isFinal(info.state)) this.#ended.set(info.id, info);
      }
    }
    for (const id of ids) {
      const known = this.#ended.get(id);
      if (known) found.set(id, known);
    }
    return found;
  }

  /** Members of a group; of a stream that has not ended those that were surely sent. */
  async sizeOf({ id, size }: GroupUnit): Promise<number> {
    if (size !== undefined) return size;
    const head = await this.#joins.head(id);
    return head?.size ?? head?.published ?? 0;
  }

  /** How the first `size` members of a group stand. None of them is kept. */
  async tally(group: GroupUnit, size: number): Promise<Tally> {
    const pages: Tally[] = [];
    const starts = Array.from({ length: Math.ceil(size / PAGE) }, (_, page) => page * PAGE);
    const lane = async () => {
      for (let start = starts.shift(); start !== undefined; start = starts.shift())
        pages[start / PAGE] = await this.#page(group, start, Math.min(start + PAGE, size));
    };
    await Promise.all(Array.from({ length: WORKFLOWS.pages }, lane));
    return sum(pages);
  }

  async #page(group: GroupUnit, from: number, to: number): Promise<Tally> {
    const name = `${group.id} ${from} ${to}`;
    const known = this.#pages.get(name);
    if (known) return known;
    const ids = Array.from({ length: to - from }, (_, i) => group.member(from + i).id);
    const members = await this.#look(ids);
    const tally = sum(
      members.map(({ state }, i) => ({
        states: { [state]: 1 },
        failed: isFinal(state) && state !== "SUCCESS" && state !== "UNTRACKED" ? [from + i] : [],
      })),
    );
    if (members.every(({ state }) => isFinal(state))) this.#pages.set(name, tally);
    return tally;
  }

  async #look(ids: readonly string[]): Promise<readonly TaskInfo[]> {
    const records = await this.#joins.records(ids);
    const now = this.#clock.now();
    return ids.map((id, i) => infoOf(id, conclude(records[i], certify(id, this.#key), now), records[i]));
  }
}

function sum(tallies: readonly Tally[]): Tally {
  const states: Partial<Record<State, number>> = {};
  for (const { states: some } of tallies)
    for (const [state, count] of Object.entries(some) as [State, number][])
      states[state] = (states[state] ?? 0) + count; // its own keys
  return { states, failed: tallies.flatMap(({ failed }) => failed).slice(0, WORKFLOWS.failuresShown) };
}
