// How the units of a workflow stand, read from their records. What has ended stays as it is, and is read once.
import type { Clock } from "./clock.ts";
import { firstId } from "./core/canvas-freeze.ts";
import { outlineOf } from "./core/canvas-outline.ts";
import { replacementOf } from "./core/canvas-plan.ts";
import { finalId } from "./core/canvas-shape.ts";
import { type GroupUnit, type Unit, unitOf, wholeId } from "./core/canvas-units.ts";
import { certify, type IdKey } from "./core/ids.ts";
import { conclude, isFinal, type State } from "./core/states.ts";
import { DYNAMODB, JOINS, WORKFLOWS } from "./defaults.ts";
import { RecordUnreadable } from "./errors.ts";
import type { JoinStore } from "./ports/join-store.ts";
import { followAll } from "./replacement.ts";
import { infoOf, type TaskInfo } from "./result.ts";
import type { TaskRecord } from "./store/record.ts";
import { storedJson } from "./store/stored.ts";
import { signature } from "./wire/fields.ts";

/** What is known of a task. */
export interface Known {
  readonly info: TaskInfo;
  /** What it has put in its place (`ctx.replace`). */
  readonly replacement?: Unit;
}

/** How many members of a group are in which state. */
export interface Tally {
  readonly states: Readonly<Partial<Record<State, number>>>;
  /** The first that have ended, and not well. */
  readonly failed: readonly number[];
}

/** A member of a group. */
interface Standing {
  readonly index: number;
  readonly state: State;
}

const { maxBatchGetItems: PAGE } = DYNAMODB;
const { fanOut } = JOINS;

export class UnitStates {
  readonly #joins: JoinStore;
  readonly #key: IdKey;
  readonly #clock: Clock;
  readonly #ended = new Map<string, Known>();
  /** Pages of groups all of whose members have ended. */
  readonly #pages = new Map<string, Tally>();

  constructor(joins: JoinStore, key: IdKey, clock: Clock) {
    this.#joins = joins;
    this.#key = key;
    this.#clock = clock;
  }

  /** What is known of tasks, by their ids. */
  async read(ids: readonly string[]): Promise<ReadonlyMap<string, Known>> {
    const open = ids.filter((id) => !this.#ended.has(id));
    const found = new Map<string, Known>();
    for (let start = 0; start < open.length; start += PAGE) {
      const page = open.slice(start, start + PAGE);
      for (const [i, record] of (await this.#joins.records(page)).entries()) {
        const known = this.#known(page[i] as string, record); // one for each
        found.set(known.info.id, known);
        if (isFinal(known.info.state) || known.replacement) this.#ended.set(known.info.id, known);
      }
    }
    for (const id of ids) {
      const known = this.#ended.get(id);
      if (known) found.set(id, known);
    }
    return found;
  }

  /** Members of a group; of a stream that has not ended those that were surely sent. */
  async sizeOf({ id, size }: GroupUnit): Promise<{ readonly sent: number; readonly size: number | undefined }> {
    if (size !== undefined) return { sent: size, size };
    const head = await this.#joins.head(id);
    return { sent: head?.size ?? head?.published ?? 0, size: head?.size };
  }

  /** How the first `size` members of a group stand. None of them is kept. */
  async tally(group: GroupUnit, size: number): Promise<Tally> {
    const counted = group.body !== undefined && size > WORKFLOWS.recordsRead;
    const length = counted ? PAGE * fanOut : PAGE;
    const starts = Array.from({ length: Math.ceil(size / length) }, (_, page) => page * length);
    const pages: Tally[] = [];
    const lane = async () => {
      for (let from = starts.shift(); from !== undefined; from = starts.shift())
        pages[from / length] = await this.#page(group, from, Math.min(from + length, size), counted);
    };
    await Promise.all(Array.from({ length: WORKFLOWS.pages }, lane));
    return sum(pages);
  }

  async #page(group: GroupUnit, from: number, to: number, counted: boolean): Promise<Tally> {
    const name = `${group.id} ${from} ${to}`;
    const known = this.#pages.get(name);
    if (known) return known;
    const members = counted ? await this.#counted(group, from, to) : await this.#recorded(group, from, to);
    const tally = tallyOf(members);
    if (members.every(({ state }) => isFinal(state))) this.#pages.set(name, tally);
    return tally;
  }

  async #recorded(group: GroupUnit, from: number, to: number): Promise<readonly Standing[]> {
    const ids = Array.from({ length: to - from }, (_, i) => wholeId(group.member(from + i)));
    const ends = await followAll(ids, (some) => this.#joins.records(some));
    return ends.map(({ id, record }, i) => ({ index: from + i, state: this.#stateOf(id, record) }));
  }

  /** What its shards say, 64 members in each: that one runs they do not tell, nor how it failed. `from` is the first of a shard. */
  async #counted({ id }: GroupUnit, from: number, to: number): Promise<readonly Standing[]> {
    const places = Array.from({ length: Math.ceil((to - from) / fanOut) }, (_, i) => ({
      level: 0,
      shard: from / fanOut + i,
    }));
    const shards = await this.#joins.shards(id, places);
    return Array.from({ length: to - from }, (_, i) => {
      const shard = shards[Math.floor(i / fanOut)];
      const bit = i % fanOut;
      const ended = shard?.done.has(bit) ? "SUCCESS" : "PENDING";
      return { index: from + i, state: shard?.failed.has(bit) ? "FAILURE" : ended };
    });
  }

  #known(id: string, record: TaskRecord | undefined): Known {
    const info = infoOf(id, this.#stateOf(id, record), record);
    if (record?.replacement === undefined) return { info };
    const { state: _, ...facts } = info; // REPLACED is no state that anybody is told
    return {
      info: { ...facts, state: "STARTED", replacement: record.replacement },
      replacement: this.#replaced(record),
    };
  }

  #replaced({ id, replacementSig = "" }: TaskRecord): Unit {
    const unreadable = (problem: string) => new RecordUnreadable(id, "replacement_sig", problem);
    const sig = signature("it", storedJson(id, "replacement_sig", replacementSig), unreadable);
    const frozen = replacementOf(this.#key, id, sig);
    return unitOf(this.#key, outlineOf(this.#key, frozen), finalId(frozen) as string, firstId(frozen)); // it is frozen
  }

  #stateOf(id: string, record: TaskRecord | undefined): State {
    return conclude(record, certify(id, this.#key), this.#clock.now());
  }
}

function tallyOf(members: readonly Standing[]): Tally {
  const failed = members.filter(({ state }) => isFinal(state) && state !== "SUCCESS" && state !== "UNTRACKED");
  const counts = members.map(({ state }) => ({ states: { [state]: 1 }, failed: [] }));
  return { states: sum(counts).states, failed: failed.slice(0, WORKFLOWS.failuresShown).map(({ index }) => index) };
}

function sum(tallies: readonly Tally[]): Tally {
  const states: Partial<Record<State, number>> = {};
  for (const { states: some } of tallies)
    for (const [state, count] of Object.entries(some) as [State, number][])
      states[state] = (states[state] ?? 0) + count; // its own keys
  return { states, failed: tallies.flatMap(({ failed }) => failed).slice(0, WORKFLOWS.failuresShown) };
}
