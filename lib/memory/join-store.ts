// The whole JoinStore contract in one Map.
import type { Clock } from "../clock.ts";
import type { Count, Seal } from "../core/join.ts";
import { JOINS } from "../defaults.ts";
import { WorkflowLost } from "../errors.ts";
import type { JoinStore } from "../ports/join-store.ts";
import type { ResultStore } from "../ports/result-store.ts";
import { type Definition, type DefinitionRef, definitionKeys, textOf } from "../store/definition.ts";
import { EMPTY_SHARD, headKey, type JoinHead, type Place, type Shard, shardKey } from "../store/join.ts";
import type { TaskRecord } from "../store/record.ts";
import { workflowKey } from "../store/workflow.ts";

export interface MemoryJoinStoreOptions {
  readonly clock: Clock;
  /** Where the records of the members are. */
  readonly records: Pick<ResultStore, "read">;
}

interface Kept<T> {
  readonly value: T;
  /** Epoch ms. */
  readonly expiresAt: number;
}

export class MemoryJoinStore implements JoinStore {
  readonly #clock: Clock;
  readonly #records: Pick<ResultStore, "read">;
  readonly #heads = new Map<string, Kept<JoinHead>>();
  readonly #shards = new Map<string, Kept<Shard>>();
  readonly #parts = new Map<string, Kept<string>>();

  constructor({ clock, records }: MemoryJoinStoreOptions) {
    this.#clock = clock;
    this.#records = records;
  }

  async open(head: JoinHead): Promise<JoinHead> {
    return this.#live(this.#heads, headKey(head.id)) ?? this.#keep(this.#heads, headKey(head.id), head);
  }

  async head(join: string): Promise<JoinHead | undefined> {
    return this.#live(this.#heads, headKey(join));
  }

  async checkpoint(join: string, published: number, at: number): Promise<void> {
    const head = this.#live(this.#heads, headKey(join));
    if (head === undefined || head.published >= published) return;
    this.#keep(this.#heads, headKey(join), { ...head, published, publishedAt: at });
  }

  async sealHead(join: string, size: number): Promise<JoinHead | undefined> {
    const head = this.#live(this.#heads, headKey(join));
    if (head?.size !== undefined) return head;
    return head && this.#keep(this.#heads, headKey(join), { ...head, size, sealed: true });
  }

  async complete(join: string): Promise<void> {
    const head = this.#live(this.#heads, headKey(join));
    if (head) this.#keep(this.#heads, headKey(join), { ...head, completed: true });
  }

  async count(join: string, { place, bit, failed }: Count): Promise<Shard> {
    const shard = this.#shard(join, place);
    if (shard.done.has(bit)) return this.#keep(this.#shards, shardKey(join, place), shard);
    const after = {
      ...shard,
      done: new Set([...shard.done, bit]),
      ...(failed && { failed: new Set([...shard.failed, bit]) }),
    };
    return this.#keep(this.#shards, shardKey(join, place), after);
  }

  async sealShard(join: string, { place, size }: Seal): Promise<Shard> {
    return this.#keep(this.#shards, shardKey(join, place), { size, ...this.#shard(join, place) });
  }

  async shards(join: string, places: readonly Place[]): Promise<readonly (Shard | undefined)[]> {
    return places.map((place) => this.#live(this.#shards, shardKey(join, place)));
  }

  async define({ ref, parts }: Definition): Promise<void> {
    for (const [index, key] of definitionKeys(ref).entries()) this.#keep(this.#parts, key, parts[index] ?? "");
  }

  async definition(ref: DefinitionRef): Promise<string> {
    const text = textOf(
      ref,
      definitionKeys(ref).map((key) => this.#live(this.#parts, key)),
    );
    if (text === undefined) throw new WorkflowLost(`definition ${ref.digest} of workflow ${ref.root}`);
    return text;
  }

  async keepWorkflow(id: string, text: string): Promise<void> {
    this.#keep(this.#parts, workflowKey(id), text);
  }

  async workflows(ids: readonly string[]): Promise<readonly (string | undefined)[]> {
    return ids.map((id) => this.#live(this.#parts, workflowKey(id)));
  }

  records(ids: readonly string[]): Promise<readonly (TaskRecord | undefined)[]> {
    return Promise.all(ids.map((id) => this.#records.read(id)));
  }

  async close(): Promise<void> {}

  #shard(join: string, place: Place): Shard {
    return this.#live(this.#shards, shardKey(join, place)) ?? EMPTY_SHARD;
  }

  #live<T>(map: ReadonlyMap<string, Kept<T>>, key: string): T | undefined {
    const kept = map.get(key);
    return kept && kept.expiresAt > this.#clock.now() ? kept.value : undefined;
  }

  #keep<T>(map: Map<string, Kept<T>>, key: string, value: T): T {
    map.set(key, { value, expiresAt: this.#clock.now() + JOINS.lifetimeMs });
    return value;
  }
}
