// The shards of one join as plain sets, with everything counted that is done to them. What a JoinStore does, without being one.
import { type Count, climb, countOf, type Join, type Seal } from "../../lib/core/join.ts";
import { type Place, shardKey } from "../../lib/store/join.ts";

interface MutableShard {
  readonly done: Set<number>;
  readonly failed: Set<number>;
  size?: number;
}

export class CountingTree {
  readonly join: Join;
  readonly #shards = new Map<string, MutableShard>();
  /** Writes that changed a shard, by its key. */
  readonly firstWrites = new Map<string, number>();
  writes = 0;
  /** Writes that found the root full, with whether anything failed. */
  readonly completions: boolean[] = [];
  /** Those of them that made it full. */
  transitions = 0;

  constructor(join: Join) {
    this.join = join;
  }

  get shards(): number {
    return this.#shards.size;
  }

  shard(place: Place): MutableShard {
    const key = shardKey(this.join.id, place);
    const shard = this.#shards.get(key) ?? { done: new Set(), failed: new Set() };
    this.#shards.set(key, shard);
    return shard;
  }

  countMember(index: number, failed: boolean): void {
    this.#count(countOf(this.join, index, failed));
  }

  seal({ place, size }: Seal): void {
    const shard = this.shard(place);
    const before = climb(this.join, place, shard).kind;
    shard.size ??= size;
    this.#goUp(place, before !== "complete");
  }

  #count({ place, bit, failed }: Count): void {
    const shard = this.shard(place);
    const changes = !shard.done.has(bit);
    const before = climb(this.join, place, shard).kind;
    if (changes) {
      shard.done.add(bit);
      if (failed) shard.failed.add(bit);
      const key = shardKey(this.join.id, place);
      this.firstWrites.set(key, (this.firstWrites.get(key) ?? 0) + 1);
    }
    this.#goUp(place, before !== "complete");
  }

  #goUp(place: Place, wasOpen: boolean): void {
    this.writes++;
    const next = climb(this.join, place, this.shard(place));
    if (next.kind === "count") this.#count(next.count);
    if (next.kind !== "complete") return;
    this.completions.push(next.failed);
    if (wasOpen) this.transitions++;
  }
}
