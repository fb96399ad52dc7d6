// What the watchdog mends: members that ended and were not counted, and shards whose bit is missing above.
import { expect, test } from "vitest";
import { claim, fail, recordPending, replace, revokeUnstarted, succeed } from "../../lib/core/changes.ts";
import { newHead } from "../../lib/core/join.ts";
import { MemoryJoinStore } from "../../lib/memory/join-store.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { JoinStore } from "../../lib/ports/join-store.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { countMember, sealJoin } from "../../lib/worker/join.ts";
import { type HealOptions, heal } from "../../lib/worker/join-heal.ts";
import { around, Stopped, stoppable } from "../support/stoppable-joins.ts";

const FAILURE = { type: "Error", message: "no" };
const memberId = (index: number) => `member-${index}`;
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

class Group {
  readonly clock = new FakeClock();
  readonly records = new MemoryResultStore({ clock: this.clock });
  readonly memory = new MemoryJoinStore({ clock: this.clock, records: this.records });
  /** Members whose records were read. */
  readonly looked: number[] = [];
  shardsRead = 0;
  readonly store: JoinStore = {
    ...around(this.memory, (_, work) => work()),
    records: (ids) => {
      this.looked.push(...ids.map((id) => Number(id.split("-")[1])));
      return this.memory.records(ids);
    },
    shards: (join, places) => {
      this.shardsRead += places.length;
      return this.memory.shards(join, places);
    },
  };
  readonly size: number | undefined;

  constructor(size?: number) {
    this.size = size;
  }

  async open(): Promise<this> {
    await this.store.open(newHead({ id: "g", size: this.size }, this.clock.now()));
    return this;
  }

  async end(
    index: number,
    how: "SUCCESS" | "FAILURE" | "REVOKED" | "REPLACED" | "STARTED" | "PENDING",
    by = "",
  ): Promise<void> {
    const now = this.clock.now();
    const right = { id: memberId(index), task: "t", workload: "default", attempt: 0, token: "mine" };
    const held = { kind: "claimed", claim: right } as const;
    if (how === "PENDING") await this.records.write(recordPending(right.id, "t", "default", now));
    if (how === "REVOKED") await this.records.write(revokeUnstarted(right.id, now, FAILURE, 60));
    if (how === "PENDING" || how === "REVOKED") return;
    await this.records.write(claim(right, now, { owner: "w", until: now + 60_000, lastDelivery: false }));
    const value = { result: "1", ignored: false, resultExpiresSeconds: 60 };
    if (how === "SUCCESS") await this.records.write(succeed(held, now, value));
    if (how === "REPLACED") await this.records.write(replace(held, now, { id: by, sig: "{}" }, 60));
    if (how === "FAILURE") await this.records.write(fail(held, now, FAILURE, 60));
  }

  async count(...indexes: readonly number[]): Promise<void> {
    for (const index of indexes) await countMember(this.store, { id: "g", size: this.size }, index, false);
  }

  async heal(options: Partial<HealOptions> = {}, store = this.store) {
    const head = await this.store.head("g");
    if (head === undefined) throw new Error("it was not opened");
    return await heal(store, head, { memberId, overdue: false, ...options });
  }
}

test("members that have ended are counted, those that have not are waited for", async () => {
  const group = await new Group(70).open();
  await group.count(...upTo(64));
  await group.end(64, "SUCCESS");
  await group.end(65, "FAILURE");
  await group.end(66, "REVOKED");
  await group.end(67, "STARTED");
  await group.end(68, "PENDING");
  expect(await group.heal()).toEqual({});
  expect((await group.store.shards("g", [{ level: 0, shard: 1 }]))[0]).toEqual({
    done: new Set([0, 1, 2]),
    failed: new Set([1, 2]),
  });
  for (const index of [67, 68, 69]) {
    expect(await group.heal()).toEqual({});
    await group.count(index);
  }
  expect(await group.heal()).toEqual({ completion: { join: "g", size: 70, failed: 65 } });
});

test("a member that was replaced is counted as the one in its place has ended", async () => {
  const group = await new Group(4).open();
  for (const [index, by] of [10, 11, 12, 13].entries()) await group.end(index, "REPLACED", memberId(by));
  await group.end(10, "SUCCESS");
  await group.end(11, "FAILURE");
  await group.end(12, "REPLACED", memberId(22));
  await group.end(22, "SUCCESS");
  expect(await group.heal()).toEqual({});
  expect((await group.store.shards("g", [{ level: 0, shard: 0 }]))[0]).toEqual({
    done: new Set([0, 1, 2]),
    failed: new Set([1]),
  });
  await group.end(13, "SUCCESS");
  expect(await group.heal()).toEqual({ completion: { join: "g", size: 4, failed: 1 } });
});

test("once it is overdue, what has not ended counts as failed, whether or not it was ever sent", async () => {
  const group = await new Group(130).open();
  await group.count(...upTo(100));
  await group.end(101, "STARTED");
  await group.end(102, "SUCCESS");
  expect(await group.heal({ overdue: true })).toEqual({ completion: { join: "g", size: 130, failed: 100 } });
  await group.end(100, "SUCCESS");
  await group.count(100);
  expect(await group.heal({ overdue: true })).toEqual({ completion: { join: "g", size: 130, failed: 100 } });
});

test.each([0, 1, 2])("shards that are full, and whose bit is missing %i levels up, are made up for", async (dies) => {
  const group = await new Group(4_097).open();
  await group.count(...upTo(4_096));
  let writes = 0;
  const store = stoppable(group.store, (call) => (call === "count" && writes++ === dies ? "after" : undefined));
  await expect(countMember(store, { id: "g", size: 4_097 }, 4_096, true)).rejects.toThrow(Stopped);
  expect(await group.heal()).toEqual({ completion: { join: "g", size: 4_097, failed: 4_096 } });
  expect(group.looked).toEqual([]);
});

test("what is complete is not looked into", async () => {
  const group = await new Group(10_000).open();
  await group.count(...upTo(10_000).filter((index) => index !== 4_242 && index !== 9_999));
  group.shardsRead = 0;
  expect(await group.heal()).toEqual({});
  expect(group.looked).toEqual([4_242, 9_999]);
  expect(group.shardsRead).toBe(1 + 2 + 2);
});

test("of a group whose size nobody knows yet, the members that were sent are looked at", async () => {
  const group = await new Group().open();
  await group.store.checkpoint("g", 100, group.clock.now());
  for (const index of upTo(150)) await group.end(index, "SUCCESS");
  expect(await group.heal()).toEqual({});
  expect(group.looked).toEqual(upTo(100));
  expect(await group.heal()).toEqual({});
  expect(group.looked).toHaveLength(100);
});

test.each([0, 1, 2, 3, 4])("a publisher that died at write %i of its seal is made up for", async (dies) => {
  const group = await new Group().open();
  const size = 130;
  await group.count(...upTo(size));
  let writes = 0;
  const store = stoppable(group.store, (call) => (call !== "head" && writes++ === dies ? "after" : undefined));
  await expect(sealJoin(store, "g", size)).rejects.toThrow(Stopped);
  expect(await group.heal()).toEqual({ completion: { join: "g", size } });
});

test.each([1, 64, 100, 5_000])("it goes on where it was, after some %i members", async (most) => {
  const group = await new Group(5_000).open();
  await group.count(...upTo(5_000).filter((index) => index % 7 === 0));
  for (const index of upTo(5_000)) if (index % 3 > 0) await group.end(index, "SUCCESS");
  let from: number | undefined = 0;
  let times = 0;
  const run = async (overdue: boolean) => {
    for (from = 0, times = 0; ; times++) {
      const { next, completion } = await group.heal({ overdue, most, from });
      if (completion) return completion;
      if (next === undefined) return undefined;
      expect(next).toBeGreaterThan(from);
      from = next;
    }
  };
  expect(await run(false)).toBeUndefined();
  expect(group.looked).toEqual(upTo(5_000).filter((index) => index % 7 > 0));
  if (most < 5_000) expect(times).toBeGreaterThan(0);
  group.looked.length = 0;
  expect(await run(true)).toEqual({ join: "g", size: 5_000, failed: 3 });
  expect(group.looked).toEqual(upTo(5_000).filter((index) => index % 7 > 0 && index % 3 === 0));
});

test("stopped anywhere and done again it comes to the same", async () => {
  for (const when of ["before", "after"] as const) {
    for (let n = 0; ; n++) {
      const group = await new Group(67).open();
      await group.count(...upTo(67).slice(3));
      for (const index of [0, 1, 2]) await group.end(index, index === 1 ? "FAILURE" : "SUCCESS");
      let calls = 0;
      const store = stoppable(group.store, () => (calls++ === n ? when : undefined));
      const first = await group.heal({}, store).catch((error) => error);
      expect(await group.heal()).toEqual({ completion: { join: "g", size: 67, failed: 1 } });
      if (!(first instanceof Stopped)) break;
    }
  }
});
