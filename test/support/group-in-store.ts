// A group whose members are written into the store as if workers had ended them: nothing is sent.

import { memberId } from "../../lib/core/canvas-freeze.ts";
import * as changes from "../../lib/core/changes.ts";
import type { GroupFacts } from "../../lib/group-result.ts";
import { GroupResult } from "../../lib/group-result.ts";
import { countMember } from "../../lib/worker/join.ts";
import type { MemoryApp } from "./memory-app.ts";

const DAY = 86_400;

export class GroupInStore {
  readonly id: string;
  readonly size: number;
  readonly #it: MemoryApp<unknown>;

  constructor(it: MemoryApp<unknown>, id: string, size: number) {
    this.#it = it;
    this.id = id;
    this.size = size;
  }

  get ref(): { readonly group: string; readonly size: number } {
    return { group: this.id, size: this.size };
  }

  handle<R extends readonly unknown[] = readonly unknown[]>(facts: GroupFacts = { size: this.size }): GroupResult<R> {
    return new GroupResult<R>(this.id, this.#it.app.resultDeps(), facts);
  }

  idOf(index: number): string {
    return memberId(this.#it.app.key, this.id, index);
  }

  /** As a publisher does before it sends. */
  async open(head: { readonly size?: number; readonly published?: number } = { size: this.size }): Promise<void> {
    const now = this.#it.clock.now();
    await this.#it.joins.open({ id: this.id, createdAt: now, publishedAt: now, published: 0, ...head });
  }

  async start(index: number): Promise<void> {
    const now = this.#it.clock.now();
    const lease = { owner: "w-1", until: now + 60_000, lastDelivery: false };
    await this.#it.store.write(changes.claim(this.#right(index).claim, now, lease));
  }

  async succeed(index: number, value: unknown, resultExpiresSeconds = DAY): Promise<void> {
    const result = value === undefined ? undefined : JSON.stringify(value);
    const ended = { result, ignored: false, resultExpiresSeconds };
    await this.#it.store.write(changes.succeed(this.#right(index), this.#it.clock.now(), ended));
  }

  async fail(index: number, message: string): Promise<void> {
    const failure = { type: "RangeError", message };
    await this.#it.store.write(changes.fail(this.#right(index), this.#it.clock.now(), failure, DAY));
  }

  /** The member is itself a group, whose members have succeeded. */
  async succeedWith(index: number, inner: GroupInStore): Promise<void> {
    const unit = { id: this.idOf(index) };
    await this.#it.store.write(changes.succeedWaited(unit, inner.ref, this.#it.clock.now(), DAY));
  }

  /** Counts it, as where something waits for the group. */
  async count(index: number, failed = false): Promise<void> {
    await countMember(this.#it.joins, { id: this.id, size: this.size }, index, failed);
  }

  #right(index: number): changes.Right {
    const claim = { id: this.idOf(index), task: "add", workload: "default", attempt: 0, token: "t" };
    return { kind: "unclaimed", claim };
  }
}
