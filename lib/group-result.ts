// GroupResult: what a group's id tells about its members, in any process. Their ids follow from it and from how many they are.
import type { App } from "./app.ts";
import { memberId } from "./core/canvas-freeze.ts";
import { certify } from "./core/ids.ts";
import { isFinal } from "./core/states.ts";
import { DYNAMODB, GROUPS } from "./defaults.ts";
import { endingOf } from "./ending.ts";
import { LovageError, NotSupported, PayloadStoreUnavailable, StoreUnavailable, TaskUnknown } from "./errors.ts";
import { type Standing, standingsOf } from "./group-standings.ts";
import {
  demandJoins,
  type Member,
  type MemberIds,
  pagesOfIndexes,
  parts,
  readMembers,
  resultsOf,
  sliced,
  stateOf,
} from "./members.ts";
import { type GetOptions, type Look, polling } from "./polling.ts";
import { AsyncResult, type Handle, type Relatives, type ResultDeps } from "./result.ts";
import type { RevokeAnswer } from "./revoke.ts";
import { Unended } from "./unended.ts";
import type { JsonValue } from "./wire/serializer.ts";

export interface GroupGetOptions extends GetOptions {
  /** Throws the error of the first member that has failed. Otherwise the errors are in the place of its results. @default true */
  readonly propagate?: boolean;
}

/** What is known of a group where it was called. */
export interface GroupFacts extends Pick<Relatives, "parent"> {
  /** Members. @default - its head in the table says how many */
  readonly size?: number | undefined;
  /** It was sent with `ignoreResult`. @default - as its id says */
  readonly untracked?: boolean;
}

/** The group of an id stored earlier, in any process. Celery: GroupResult.restore. @throws TaskUnknown where there is no such group */
export async function groupResult<T = unknown>(
  id: string,
  app: App,
  facts: Pick<GroupFacts, "size"> = {},
): Promise<GroupResult<T[]>> {
  const group = new GroupResult<T[]>(id, app.resultDeps(), facts);
  await group.load();
  return group;
}

/** Errors of members, where they do not propagate. */
type OrError<Results extends readonly unknown[]> = { [I in keyof Results]: Results[I] | LovageError };
/** A member's index in the order of the call, and its result. */
type Indexed<T> = [index: number, value: T];

/** What calling a group returns. */
export class GroupResult<Results extends readonly unknown[] = readonly unknown[]> {
  readonly id: string;
  /** Of a workflow's handle, as far as the call made it: the step before. Celery: GroupResult.parent. */
  declare readonly parent?: Handle;
  /** Type only. */
  declare readonly "~results"?: Results;
  readonly #deps: ResultDeps;
  readonly #ids: MemberIds;
  #size: number | undefined;

  constructor(id: string, deps: ResultDeps, { size, untracked, parent }: GroupFacts = {}) {
    this.id = id;
    this.#deps = { ...deps, resultsOf: (group, own) => resultsOf(group, own) };
    this.#ids = { group: id, untracked: untracked ?? certify(id, deps.key).untracked };
    this.#size = size;
    if (parent) this.parent = parent;
  }

  /** How many members it has. Undefined where they are a stream that has not been seen to end. */
  get size(): number | undefined {
    return this.#size;
  }

  /** The handles of its members, in the order of the call. Throws NotSupported where nobody knows yet how many there are. */
  get results(): { readonly [I in keyof Results]: AsyncResult<Results[I]> } {
    if (this.#size === undefined)
      throw new NotSupported(`the members of group ${this.id} are a stream that has not ended; at(index) names one`);
    const all: unknown = Array.from({ length: this.#size }, (_, index) => this.at(index));
    return all as { readonly [I in keyof Results]: AsyncResult<Results[I]> }; // one for each
  }

  /** Celery's other name of its members. */
  get children(): readonly Handle[] {
    return this.results;
  }

  /** The handle of one member. Nothing is read. */
  at(index: number): AsyncResult<Results[number]> {
    return new AsyncResult(memberId(this.#deps.key, this.id, index, this.#ids.untracked), this.#deps);
  }

  /**
   * Waits for its members' results, and returns them in the order of the call; null for one without a result. All of them are held in
   * memory: `iterate()` does not do that.
   * @throws as `AsyncResult.get`, for the first member in that order that has failed
   */
  get(options?: GetOptions & { readonly propagate?: true }): Promise<Results>;
  get(options: GroupGetOptions): Promise<OrError<Results>>;
  async get({ propagate = true, ...options }: GroupGetOptions = {}): Promise<unknown> {
    const poll = polling(this.id, this.#deps.clock, options, "get()");
    const size = await poll(() => this.#whole());
    const results: unknown[] = [];
    while (results.length < size) {
      const ended = await poll(() => this.#prefix(results.length, size));
      for (const part of parts(ended)) results.push(...unwrapped(await poll(() => this.#endings(part)), propagate));
    }
    return results;
  }

  /**
   * The results as members end, each with its index. Never more than a page of them is held. Celery: iterate().
   * @throws as `AsyncResult.get`, for a member that has failed
   */
  iterate(options?: GetOptions & { readonly propagate?: true }): AsyncGenerator<Indexed<Results[number]>>;
  iterate(options: GroupGetOptions): AsyncGenerator<Indexed<Results[number] | LovageError>>;
  async *iterate({ propagate = true, ...options }: GroupGetOptions = {}): AsyncGenerator<Indexed<unknown>> {
    const poll = polling(this.id, this.#deps.clock, options, "iterate()");
    const left = new Unended();
    for (;;) {
      const ended = await poll(() => this.#newlyEnded(left));
      if (ended.length === 0) return;
      for (const part of parts(ended)) {
        const values = unwrapped(await poll(() => this.#endings(part)), propagate);
        for (const [i, { index }] of part.entries()) {
          left.end(index);
          yield [index, values[i]];
        }
      }
    }
  }

  /** Members that have succeeded. Reads an item for 64 members where something waits for the group; for each, where nothing does. */
  async completedCount(): Promise<number> {
    let count = 0;
    for await (const page of this.#standings()) count += page.filter(({ ended, failed }) => ended && !failed).length;
    return count;
  }

  /** All of its members have ended. */
  async ready(): Promise<boolean> {
    return await this.#every(({ ended }) => ended);
  }

  /** Some of its members have not ended. */
  async waiting(): Promise<boolean> {
    return !(await this.ready());
  }

  /** All of its members have succeeded. */
  async successful(): Promise<boolean> {
    return await this.#every(({ ended, failed }) => ended && !failed);
  }

  /** Some of its members have failed: they are FAILURE. */
  async failed(): Promise<boolean> {
    for await (const page of this.#standings()) {
      for (const few of sliced(page.filter(({ failed }) => failed).map(({ index }) => index))) {
        const members = await readMembers(few, this.#ids, this.#deps);
        if (members.some((member) => stateOf(member, this.#deps) === "FAILURE")) return true;
      }
    }
    return false;
  }

  /** Revokes its members, as `AsyncResult.revoke`. Returns how many of them gave which answer. @throws NotRevocable */
  async revoke(options: { readonly terminate?: boolean } = {}): Promise<Readonly<Record<RevokeAnswer, number>>> {
    const answers = { revoked: 0, requested: 0, ended: 0 };
    await this.#each(async (member) => {
      answers[await member.revoke(options)]++;
    });
    return answers;
  }

  /** Removes its members' results, as `AsyncResult.forget`; those of a group among them, too. @throws as that */
  async forget(): Promise<void> {
    await this.#each(async (member, index) => {
      const [found] = await readMembers([index], this.#ids, this.#deps);
      const { members } = found?.record ?? {};
      if (members) await new GroupResult(members.group, this.#deps, { size: members.size, untracked: false }).forget();
      await member.forget();
    });
  }

  toJSON(): string {
    return this.id;
  }

  /** Reads how many members it has, where that is not known. @throws TaskUnknown where there is no such group */
  async load(): Promise<this> {
    await this.#sent();
    return this;
  }

  /** How many members there are so far. */
  async #sent(): Promise<number> {
    if (this.#size !== undefined) return this.#size;
    const head = await (await demandJoins(this.#deps)).head(this.id);
    if (head === undefined) throw new TaskUnknown(this.id, this.#deps.app);
    this.#size = head.size;
    return head.size ?? head.published;
  }

  async #whole(): Promise<Look<number>> {
    const sent = await this.#sent();
    return this.#size === undefined ? waiting(`${sent} members were sent`) : { value: this.#size };
  }

  async *#standings(): AsyncGenerator<readonly Standing[]> {
    yield* standingsOf(this.#ids, await this.#sent(), this.#deps);
  }

  /** Of all members, and there will be no more. */
  async #every(isSo: (standing: Standing) => boolean): Promise<boolean> {
    for await (const page of this.#standings()) if (!page.every(isSo)) return false;
    return this.#size !== undefined;
  }

  /** Members from `from` on, as far as they have ended. */
  async #prefix(from: number, size: number): Promise<Look<readonly Member[]>> {
    const [indexes = []] = pagesOfIndexes(from, size);
    const members = await readMembers(indexes, this.#ids, this.#deps);
    const open = members.findIndex((member) => !isFinal(stateOf(member, this.#deps)));
    const first = members[open];
    if (open === 0 && first) return this.#waitingFor(first);
    return { value: members.slice(0, open < 0 ? undefined : open) };
  }

  /** Some members that have ended, or none where all have been seen to. */
  async #newlyEnded(left: Unended): Promise<Look<readonly Member[]>> {
    const sent = await this.#sent();
    left.grow(sent);
    if (left.count === 0) return this.#size === undefined ? waiting(`${sent} members were sent`) : { value: [] };
    let first: Member | undefined;
    for (let looked = 0; looked < Math.min(left.count, GROUPS.look); ) {
      const members = await readMembers(left.next(DYNAMODB.maxBatchGetItems), this.#ids, this.#deps);
      const ended = members.filter((member) => isFinal(stateOf(member, this.#deps)));
      if (ended.length > 0) return { value: ended };
      looked += members.length;
      first ??= members[0];
    }
    return first ? this.#waitingFor(first) : { value: [] };
  }

  #waitingFor(member: Member): Look<never> {
    return waiting(`its member ${member.index} is ${stateOf(member, this.#deps)}`);
  }

  async #endings(members: readonly Member[]): Promise<Look<readonly Ending[]>> {
    return { value: await Promise.all(members.map((member) => this.#ending(member))) };
  }

  async #ending(member: Member): Promise<Ending> {
    try {
      const value = await endingOf(member.endId, stateOf(member, this.#deps), member.record, this.#deps);
      return { value: value ?? null };
    } catch (error) {
      const outage = error instanceof StoreUnavailable || error instanceof PayloadStoreUnavailable;
      if (outage || !(error instanceof LovageError)) throw error;
      return { error };
    }
  }

  async #each(call: (member: AsyncResult<unknown>, index: number) => Promise<void>): Promise<void> {
    for (const indexes of pagesOfIndexes(0, await this.#sent(), GROUPS.lanes))
      await Promise.all(indexes.map((index) => call(this.at(index), index)));
  }
}

/** A member's result, or why it has none. */
type Ending = { readonly value: JsonValue } | { readonly error: LovageError };

function unwrapped(endings: readonly Ending[], propagate: boolean): readonly unknown[] {
  return endings.map((ending) => {
    if ("value" in ending) return ending.value;
    if (propagate) throw ending.error;
    return ending.error;
  });
}

/** For the message of ResultTimeout. */
const waiting = (why: string): { readonly state: string } => ({ state: `not complete (${why})` });
