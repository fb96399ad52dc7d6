// One simulated join: workers that count members, the publisher that says how many they are, and the watchdog, over the in-memory
// store. Every call of the store is one step, and the seed says whose comes next, who dies at it, and what is heard twice.
import { expectedBits, type Join, newHead } from "../../lib/core/join.ts";
import { MemoryJoinStore } from "../../lib/memory/join-store.ts";
import type { JoinStore } from "../../lib/ports/join-store.ts";
import { EMPTY_SHARD, type Shard, shardKey } from "../../lib/store/join.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { FakeClock, seededRandom } from "../../lib/testing/fake-clock.ts";
import { type Completion, countMember, sealJoin } from "../../lib/worker/join.ts";
import { heal } from "../../lib/worker/join-heal.ts";
import { around, Stopped } from "../support/stoppable-joins.ts";

const WORKERS = 8;
const GROUP = "group";
const EDGES = [1, 2, 63, 64, 65, 128, 129, 4_095, 4_096, 4_097, 4_160, 4_161, 5_000];

/** Takes one rule away. */
export interface JoinMutant {
  readonly name: string;
  readonly store: (store: JoinStore) => JoinStore;
}

export interface JoinWorldOptions {
  readonly seed: number;
  readonly mutant?: JoinMutant;
}

export class JoinWorld {
  readonly faults: Record<string, number> = {};
  readonly size: number;
  readonly #random: () => number;
  readonly #store: JoinStore;
  readonly #join: Join;
  readonly #failed: ReadonlySet<number>;
  /** Messages that nobody will see again. */
  readonly #lost: ReadonlySet<number>;
  /** Somebody takes members for overdue that are still to end: how they are counted is anybody's guess, but one for all. */
  readonly #hasty: boolean;
  readonly #storm: number;
  /** Members that have ended, and may have been counted. */
  readonly #ended = new Set<number>();
  readonly #completions: Completion[] = [];
  readonly #violations: string[] = [];
  #waiting: (() => void)[] = [];
  #calm = false;
  #overdue = false;

  constructor({ seed, mutant }: JoinWorldOptions) {
    const random = seededRandom(seed * 6_151);
    this.#random = random;
    this.#hasty = seed % 4 === 0;
    this.size = this.#hasty ? 1 + Math.floor(random() * 2) : sizeOf(random);
    this.#join = random() < (this.#hasty ? 0.1 : 0.5) ? { id: GROUP } : { id: GROUP, size: this.size };
    this.#storm = seed % 3 === 0 ? 0 : random() * 0.15;
    const failing = this.#hasty || random() < 0.3 ? 0 : (random() * 3) / this.size;
    const losing = this.#hasty || random() < 0.6 ? 0 : 2 / this.size;
    const members = Array.from({ length: this.size }, (_, index) => index);
    this.#failed = new Set(members.filter(() => random() < failing));
    this.#lost = new Set(members.filter(() => random() < losing));
    const records = { read: async (id: string) => this.#record(Number(id)) };
    const memory = new MemoryJoinStore({ clock: new FakeClock(), records });
    this.#store = around(mutant?.store(memory) ?? memory, (call, work) => this.#step(call, work));
  }

  /** Answers with what was wrong. */
  async run(): Promise<readonly string[]> {
    let over = false;
    const all = this.#live().then(() => {
      over = true;
    });
    while (!over) {
      await new Promise(setImmediate); // everybody comes to his next call
      const next = Math.floor(this.#random() * this.#waiting.length);
      for (const go of this.#waiting.splice(next, 1)) go();
    }
    await all;
    return this.#violations;
  }

  async #live(): Promise<void> {
    const { size } = this.#join;
    await this.#untilDone(() => this.#store.open(newHead(this.#join, 0)));
    await this.#untilDone(() => this.#store.checkpoint(GROUP, this.size, 0));
    const deliveries = Array.from({ length: this.size }, (_, index) => index).filter((index) => !this.#lost.has(index));
    await Promise.all([
      ...Array.from({ length: WORKERS }, () => this.#work(deliveries)),
      size === undefined ? this.#seal() : undefined,
      this.#watch(false),
      this.#hasty ? this.#watch(true) : undefined,
    ]);
    this.#calm = true;
    if (this.#lost.size === 0 && this.#completions.length === 0) {
      this.#violations.push("every message was handled, and nobody was told that all have ended");
    }
    for (const index of this.#lost) if (index % 2 === 0) this.#ended.add(index); // its worker died before it counted
    await this.#watch(true);
    this.#check();
  }

  /** Takes messages, in any order, until none is left. One whose worker died comes again, and some come again all the same. */
  async #work(deliveries: number[]): Promise<void> {
    while (deliveries.length > 0) {
      const [index = 0] = deliveries.splice(Math.floor(this.#random() * deliveries.length), 1);
      if (this.#hasty) await this.#turns(8); // it runs
      this.#ended.add(index);
      const again = await this.#tell(() => countMember(this.#store, this.#join, index, this.#failed.has(index)));
      if (again || this.#hit(0.05, "duplicate")) deliveries.push(index);
    }
  }

  async #seal(): Promise<void> {
    await this.#turns((1.5 * this.size) / WORKERS);
    while (await this.#tell(() => sealJoin(this.#store, GROUP, this.size)));
  }

  async #watch(overdue: boolean): Promise<void> {
    if (!this.#calm) await this.#turns(this.size / WORKERS);
    this.#overdue ||= overdue;
    const most = 1 + Math.floor(this.#random() * this.size);
    for (let from: number | undefined = 0; from !== undefined; ) {
      const start: number = from;
      from = undefined;
      const again = await this.#tell(async () => {
        const head = await this.#store.head(GROUP);
        if (head === undefined) throw new Error("it was opened");
        const healed = await heal(this.#store, head, { memberId: String, overdue, from: start, most });
        from = healed.next;
        return healed.completion;
      });
      if (again) from = start;
    }
  }

  /** Whether it died, and has to be done again. */
  async #tell(work: () => Promise<Completion | undefined>): Promise<boolean> {
    try {
      const completion = await work();
      if (completion === undefined) return false;
      this.#completions.push(completion);
      if (!this.#overdue && this.#ended.size < this.size) {
        this.#violations.push(`told with ${this.#ended.size} of ${this.size} ended`);
      }
      return false;
    } catch (error) {
      if (error instanceof Stopped) return true;
      this.#violations.push(`threw ${error}`);
      return false;
    }
  }

  async #untilDone(work: () => Promise<unknown>): Promise<void> {
    for (let done = false; !done; ) {
      done = await work().then(
        () => true,
        () => false,
      );
    }
  }

  #record(index: number): TaskRecord | undefined {
    if (!this.#ended.has(index)) return undefined;
    return { id: String(index), state: this.#failed.has(index) ? "FAILURE" : "SUCCESS", attempt: 0 };
  }

  #check(): void {
    const [first, ...others] = this.#completions.map((completion) => JSON.stringify(completion));
    if (first === undefined) {
      this.#violations.push("it never ended");
      return;
    }
    const other = others.find((one) => one !== first);
    if (other !== undefined) this.#violations.push(`told two things: ${first} and ${other}`);
    const failed = [...this.#failed, ...[...this.#lost].filter((index) => index % 2 === 1)];
    const expected = { join: GROUP, size: this.size, ...(failed.length > 0 && { failed: Math.min(...failed) }) };
    if (!this.#hasty && first !== JSON.stringify(expected)) {
      this.#violations.push(`told ${first} instead of ${JSON.stringify(expected)}`);
    }
  }

  /** Lets others go first: as many steps of its own, at most. Everybody has about as many, so it is a part of the whole. */
  async #turns(most: number): Promise<void> {
    for (let steps = this.#random() * most; steps > 1; steps--) await this.#turn();
  }

  #turn(): Promise<void> {
    return new Promise((go) => this.#waiting.push(go));
  }

  async #step<T>(call: string, work: () => Promise<T>): Promise<T> {
    await this.#turn();
    if (this.#hit(this.#storm, "died before a call")) throw new Stopped(call);
    const answer = await work();
    if (this.#hit(0.05, "heard twice")) return await work();
    if (this.#hit(this.#storm, "died after a call")) throw new Stopped(call);
    return answer;
  }

  #hit(rate: number, fault: string): boolean {
    if (this.#calm || this.#random() >= rate) return false;
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
    return true;
  }
}

/** Mostly small: many of them say more than a large one. */
function sizeOf(random: () => number): number {
  const kind = random();
  if (kind < 0.7) return 1 + Math.floor(random() * 200);
  if (kind < 0.97) return EDGES[Math.floor(random() ** 2 * EDGES.length)] ?? 1;
  return 1 + Math.floor(random() * 5_000);
}

const wholeOf = (shard: Shard) => expectedBits({ id: GROUP }, { level: 0, shard: 0 }, shard);

export const JOIN_MUTANTS: readonly JoinMutant[] = [
  {
    name: "a count that is repeated does not go up",
    store: (store) => ({
      ...around(store, (_, work) => work()),
      count: async (join, count) => {
        const [before] = await store.shards(join, [count.place]);
        const after = await store.count(join, count);
        return before?.done.has(count.bit) ? EMPTY_SHARD : after;
      },
    }),
  },
  {
    name: "the last count of a member says how it ended",
    store: (store) => {
      const overruled = new Map<string, Set<number>>();
      const seen = (key: string, shard: Shard): Shard => ({
        ...shard,
        failed: new Set([...shard.failed, ...(overruled.get(key) ?? [])]),
      });
      return {
        ...around(store, (_, work) => work()),
        shards: async (join, places) =>
          (await store.shards(join, places)).map((shard, i) => {
            const place = places[i];
            return shard && place && seen(shardKey(join, place), shard);
          }),
        count: async (join, count) => {
          const key = shardKey(join, count.place);
          if (count.failed) overruled.set(key, new Set([...(overruled.get(key) ?? []), count.bit]));
          return seen(key, await store.count(join, count));
        },
      };
    },
  },
  {
    name: "a bit that comes twice counts twice",
    store: (store) => ({
      ...around(store, (_, work) => work()),
      count: async (join, count) => {
        const [before = EMPTY_SHARD] = await store.shards(join, [count.place]);
        const free = Array.from({ length: wholeOf(before) }, (_, bit) => bit).find((bit) => !before.done.has(bit));
        const bit = before.done.has(count.bit) ? (free ?? count.bit) : count.bit;
        return await store.count(join, { ...count, bit });
      },
    }),
  },
  {
    name: "only the head is sealed",
    store: (store) => ({
      ...around(store, (_, work) => work()),
      sealShard: async (join, { place }) => (await store.shards(join, [place]))[0] ?? EMPTY_SHARD,
    }),
  },
];
