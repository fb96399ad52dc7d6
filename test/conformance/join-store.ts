// The contract of a JoinStore, run on every adapter.
import { describe, expect } from "vitest";
import { claim, recordPending, succeed } from "../../lib/core/changes.ts";
import { type Count, newHead } from "../../lib/core/join.ts";
import { JOINS } from "../../lib/defaults.ts";
import { TableNotFound, WorkflowLost } from "../../lib/errors.ts";
import type { JoinStore } from "../../lib/ports/join-store.ts";
import type { ResultStore } from "../../lib/ports/result-store.ts";
import { definition } from "../../lib/store/definition.ts";
import type { Shard } from "../../lib/store/join.ts";
import { seededRandom } from "../../lib/testing/fake-clock.ts";
import { shuffled } from "../support/shuffle.ts";
import { type Skip, suiteOf } from "./suite.ts";

export interface JoinStoreHarness extends AsyncDisposable {
  readonly store: JoinStore;
  /** Where the records of tasks are. */
  readonly records: ResultStore;
  /** Epoch ms of the store's clock. */
  now(): number;
  /** Lets the store's clock go on. */
  advance(ms: number): Promise<void>;
  /** A store on a table that does not exist. */
  withoutTable(): JoinStore;
}

const LEAF = { level: 0, shard: 7 };
const ok = (bit: number): Count => ({ place: LEAF, bit, failed: false });
const failed = (bit: number): Count => ({ place: LEAF, bit, failed: true });
const shard = (done: readonly number[], failures: readonly number[] = [], size?: number): Shard => ({
  done: new Set(done),
  failed: new Set(failures),
  ...(size !== undefined && { size }),
});

export function testJoinStore(
  adapter: string,
  start: () => Promise<JoinStoreHarness>,
  skips: readonly Skip[] = [],
): void {
  describe(`${adapter} as a JoinStore`, () => {
    const { it, complete } = suiteOf(skips);
    let ids = 0;
    const newId = () => `join-${adapter.replace(/\W/g, "")}-${++ids}`;

    it("a count answers with all of the shard after it", async () => {
      await using harness = await start();
      const { store } = harness;
      const id = newId();
      expect(await store.count(id, ok(3))).toEqual(shard([3]));
      expect(await store.count(id, failed(63))).toEqual(shard([3, 63], [63]));
      expect(await store.count(id, ok(0))).toEqual(shard([3, 63, 0], [63]));
      expect(await store.shards(id, [LEAF])).toEqual([shard([3, 63, 0], [63])]);
    });

    it("a count that is repeated changes nothing, and answers all the same", async () => {
      await using harness = await start();
      const { store } = harness;
      const id = newId();
      for (let times = 0; times < 3; times++) expect(await store.count(id, failed(5))).toEqual(shard([5], [5]));
      await store.count(id, ok(6));
      expect(await store.count(id, failed(5))).toEqual(shard([5, 6], [5]));
      expect(await store.count(id, ok(6))).toEqual(shard([5, 6], [5]));
    });

    it("the first count of a bit says whether it failed", async () => {
      await using harness = await start();
      const { store } = harness;
      const id = newId();
      await store.count(id, ok(1));
      expect(await store.count(id, failed(1))).toEqual(shard([1]));
      await store.count(id, failed(2));
      expect(await store.count(id, ok(2))).toEqual(shard([1, 2], [2]));
    });

    it("of 64 counts at once, each several times, none is lost, and at least one sees all of them", async () => {
      await using harness = await start();
      const { store } = harness;
      const id = newId();
      const counts = Array.from({ length: 64 }, (_, bit) => (bit % 10 === 0 ? failed(bit) : ok(bit)));
      const order = shuffled([...counts, ...counts, ...counts.slice(0, 20)], seededRandom(ids));
      const answers = await Promise.all(order.map((count) => store.count(id, count)));
      const all = shard(
        counts.map(({ bit }) => bit),
        [0, 10, 20, 30, 40, 50, 60],
      );
      expect(answers.filter(({ done }) => done.size === 64).length).toBeGreaterThan(0);
      expect(await store.shards(id, [LEAF])).toEqual([all]);
    });

    it("shards of other joins, levels and numbers are others", async () => {
      await using harness = await start();
      const { store } = harness;
      const [a, b] = [newId(), newId()];
      await store.count(a, ok(1));
      await store.count(a, { ...ok(2), place: { level: 1, shard: 7 } });
      await store.count(a, { ...ok(3), place: { level: 0, shard: 70 } });
      await store.count(b, ok(4));
      const places = [LEAF, { level: 0, shard: 70 }, { level: 2, shard: 0 }, { level: 1, shard: 7 }, LEAF];
      expect(await store.shards(a, places)).toEqual([shard([1]), shard([3]), undefined, shard([2]), shard([1])]);
      expect(await store.shards(b, [LEAF])).toEqual([shard([4])]);
      expect(await store.shards(a, [])).toEqual([]);
    });

    it("a shard is sealed before, between or after its counts, and once", async () => {
      await using harness = await start();
      const { store } = harness;
      const seal = { place: LEAF, size: 2 };
      const [before, between, after] = [newId(), newId(), newId()];
      expect(await store.sealShard(before, seal)).toEqual(shard([], [], 2));
      expect(await store.count(before, failed(0))).toEqual(shard([0], [0], 2));
      expect(await store.count(before, ok(1))).toEqual(shard([0, 1], [0], 2));

      await store.count(between, ok(1));
      expect(await store.sealShard(between, seal)).toEqual(shard([1], [], 2));
      expect(await store.count(between, ok(0))).toEqual(shard([0, 1], [], 2));

      await store.count(after, ok(1));
      await store.count(after, failed(0));
      expect(await store.sealShard(after, seal)).toEqual(shard([0, 1], [0], 2));
      expect(await store.sealShard(after, { ...seal, size: 9 })).toEqual(shard([0, 1], [0], 2));
    });

    it("a head is made once, and is what it was to whoever makes it again", async () => {
      await using harness = await start();
      const { store } = harness;
      const id = newId();
      expect(await store.head(id)).toBeUndefined();
      const head = newHead({ id, size: 1_000 }, harness.now(), '{"body":"ä"}');
      expect(await store.open(head)).toEqual(head);
      expect(await store.open({ ...newHead({ id, size: 7 }, harness.now() + 5), published: 3 })).toEqual(head);
      expect(await store.head(id)).toEqual(head);
      const bare = newHead({ id: newId() }, harness.now());
      expect(await store.open(bare)).toEqual(bare);
      expect(await store.head(bare.id)).toEqual(bare);
    });

    it("a checkpoint never goes back", async () => {
      await using harness = await start();
      const { store } = harness;
      const head = await store.open(newHead({ id: newId(), size: 5_000 }, 1_000));
      await store.checkpoint(head.id, 2_000, 1_500);
      await store.checkpoint(head.id, 1_000, 1_700);
      expect(await store.head(head.id)).toEqual({ ...head, published: 2_000, publishedAt: 1_500 });
      await store.checkpoint(head.id, 3_000, 1_900);
      expect(await store.open(head)).toEqual({ ...head, published: 3_000, publishedAt: 1_900 });
    });

    it("a head is sealed once, and only where its size was not known from the start", async () => {
      await using harness = await start();
      const { store } = harness;
      const head = await store.open(newHead({ id: newId() }, 1_000, "{}"));
      expect(await store.sealHead(head.id, 12)).toEqual({ ...head, size: 12, sealed: true });
      expect(await store.sealHead(head.id, 13)).toEqual({ ...head, size: 12, sealed: true });
      expect(await store.head(head.id)).toEqual({ ...head, size: 12, sealed: true });
      const known = await store.open(newHead({ id: newId(), size: 4 }, 1_000));
      expect(await store.sealHead(known.id, 5)).toEqual(known);
      const empty = await store.open(newHead({ id: newId() }, 1_000));
      expect(await store.sealHead(empty.id, 0)).toEqual({ ...empty, size: 0, sealed: true });
    });

    it("a head says that what follows its group has been carried out, whoever begins the group again", async () => {
      await using harness = await start();
      const { store } = harness;
      const head = await store.open(newHead({ id: newId(), size: 4 }, 1_000));
      for (let times = 0; times < 2; times++) await store.complete(head.id);
      expect(await store.head(head.id)).toEqual({ ...head, completed: true });
      expect(await store.open(head)).toEqual({ ...head, completed: true });
    });

    it("a join that is not there has no checkpoint and cannot be sealed, nor completed", async () => {
      await using harness = await start();
      const { store } = harness;
      const id = newId();
      await store.checkpoint(id, 5, 1_000);
      await store.complete(id);
      expect(await store.sealHead(id, 5)).toBeUndefined();
      expect(await store.head(id)).toBeUndefined();
    });

    it("a definition of any size comes back as it was, however often it is stored", async () => {
      await using harness = await start();
      const { store } = harness;
      for (const text of ["", "{}", JSON.stringify({ text: 'ä€😀 "quoted" \\ \n'.repeat(3_000) })]) {
        const stored = definition(newId(), text);
        await Promise.all([store.define(stored), store.define(stored)]);
        expect(await store.definition(stored.ref)).toBe(text);
      }
    });

    it("two texts of one workflow do not mix, even where one of them is stored only in part", async () => {
      await using harness = await start();
      const { store } = harness;
      const root = newId();
      const [a, b] = [definition(root, "a".repeat(20_000)), definition(root, "b".repeat(20_000))];
      await store.define(a);
      await store.define({ ...b, ref: { ...b.ref, parts: 1 } });
      expect(await store.definition(a.ref)).toBe("a".repeat(20_000));
      await expect(store.definition(b.ref)).rejects.toThrow(WorkflowLost);
      await expect(store.definition(b.ref)).rejects.toThrow(`definition ${b.ref.digest} of workflow ${root} is not`);
      await store.define(b);
      expect(await store.definition(b.ref)).toBe("b".repeat(20_000));
    });

    it("what a workflow is is kept by its id, and is the latest", async () => {
      await using harness = await start();
      const { store } = harness;
      const [a, b] = [newId(), newId()];
      expect(await store.workflows([a, b])).toEqual([undefined, undefined]);
      await store.keepWorkflow(a, "first");
      await store.keepWorkflow(a, "then");
      await store.keepWorkflow(b, "é".repeat(3_000));
      expect(await store.workflows([b, "of-nobody", a])).toEqual(["é".repeat(3_000), undefined, "then"]);
      expect(await store.records([a])).toEqual([undefined]);
    });

    it("records of many tasks come in the order in which they were asked for", async () => {
      await using harness = await start();
      const { store, records } = harness;
      const now = Math.floor(harness.now() / 1_000) * 1_000;
      const members = Array.from({ length: 230 }, newId);
      const result = JSON.stringify("x".repeat(500));
      const write = async (id: string, i: number) => {
        if (i % 7 === 0) return;
        const held = { id, task: "add", workload: "default", attempt: 0, token: "mine" };
        await records.write(claim(held, now, { owner: "w", until: now + 60_000, lastDelivery: false }));
        const value = { result, ignored: false, resultExpiresSeconds: 60 };
        if (i % 2 === 0) await records.write(succeed({ kind: "claimed", claim: held }, now, value));
      };
      await Promise.all(members.map(write));
      const asked = [...members, members[1], "nobody", members[0]].map(String);
      const found = await store.records(asked);
      expect(found).toHaveLength(asked.length);
      expect(found).toEqual(await Promise.all(asked.map((id) => records.read(id))));
      expect(found.filter((record) => record?.state === "SUCCESS").length).toBe(98);
      expect(await store.records([])).toEqual([]);
    });

    it("a record whose time to live is over is none", async () => {
      await using harness = await start();
      const { store, records } = harness;
      const id = newId();
      await records.write(recordPending(id, "add", "default", harness.now() - 16 * 86_400_000));
      expect(await store.records([id])).toEqual([undefined]);
    });

    it("what is left over after its time counts for nothing, and is written over whole", async () => {
      await using harness = await start();
      const { store } = harness;
      const id = newId();
      const stored = definition(id, "text");
      const sealed = { place: { level: 1, shard: 0 }, size: 3 };
      await store.open({ ...newHead({ id }, 1_000, "{}"), published: 9 });
      await store.sealHead(id, 4);
      await store.complete(id);
      for (const count of [ok(1), failed(2)]) await store.count(id, count);
      await store.count(id, { ...failed(1), place: sealed.place });
      await store.sealShard(id, sealed);
      await store.define(stored);

      await harness.advance(JOINS.lifetimeMs + 1_000);
      expect(await store.head(id)).toBeUndefined();
      expect(await store.shards(id, [LEAF, sealed.place])).toEqual([undefined, undefined]);
      await expect(store.definition(stored.ref)).rejects.toThrow(WorkflowLost);
      await store.checkpoint(id, 10, 2_000);
      await store.complete(id);
      expect(await store.sealHead(id, 5)).toBeUndefined();

      expect(await store.count(id, ok(2))).toEqual(shard([2]));
      expect(await store.sealShard(id, { ...sealed, size: 2 })).toEqual(shard([], [], 2));
      expect(await store.count(id, failed(1))).toEqual(shard([2, 1], [1]));
      const again = newHead({ id, size: 8 }, 3_000);
      expect(await store.open(again)).toEqual(again);
      expect(await store.head(id)).toEqual(again);
      await store.define(stored);
      expect(await store.definition(stored.ref)).toBe("text");
    });

    it("a failed count writes over what is left over, too", async () => {
      await using harness = await start();
      const { store } = harness;
      const id = newId();
      await store.count(id, failed(1));
      await store.sealShard(id, { place: LEAF, size: 3 });
      await harness.advance(JOINS.lifetimeMs + 1_000);
      expect(await store.count(id, failed(2))).toEqual(shard([2], [2]));
    });

    it("every write begins the time of what it writes anew", async () => {
      await using harness = await start();
      const { store } = harness;
      const id = newId();
      const stored = definition(id, "text");
      await store.open(newHead({ id }, 1_000));
      await store.count(id, ok(1));
      await store.define(stored);
      await harness.advance(JOINS.lifetimeMs - 60_000);
      await store.checkpoint(id, 10, 2_000);
      await store.count(id, ok(2));
      await store.define(stored);
      await harness.advance(JOINS.lifetimeMs - 60_000);
      expect(await store.head(id)).toMatchObject({ published: 10 });
      expect(await store.shards(id, [LEAF])).toEqual([shard([1, 2])]);
      expect(await store.definition(stored.ref)).toBe("text");
    });

    it("a table that does not exist is named by every call", async () => {
      await using harness = await start();
      const store = harness.withoutTable();
      const calls = [
        store.open(newHead({ id: "g" }, 0)),
        store.head("g"),
        store.checkpoint("g", 1, 0),
        store.sealHead("g", 1),
        store.complete("g"),
        store.count("g", ok(1)),
        store.sealShard("g", { place: LEAF, size: 1 }),
        store.shards("g", [LEAF]),
        store.define(definition("g", "text")),
        store.definition(definition("g", "text").ref),
        store.keepWorkflow("g", "text"),
        store.workflows(["g"]),
        store.records(["g"]),
      ];
      for (const fate of await Promise.allSettled(calls)) {
        expect(fate).toMatchObject({ status: "rejected", reason: expect.any(TableNotFound) });
      }
      await store.close();
    });

    complete();
  });
}
