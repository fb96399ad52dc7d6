// What a group's id tells about its members, read from the store; members are written there as workers do.
import { describe, expect, test, vi } from "vitest";
import type { App } from "../../lib/app.ts";
import { freshId } from "../../lib/core/ids.ts";
import { StoreUnavailable } from "../../lib/errors.ts";
import { GroupResult, groupResult } from "../../lib/group-result.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { collect } from "../support/collect.ts";
import { GroupInStore } from "../support/group-in-store.ts";
import { type MemoryAppOptions, memoryApp } from "../support/memory-app.ts";

const G = "group-1";

async function grouped(size: number, options: MemoryAppOptions = {}) {
  const it = await memoryApp((app: App) => ({ add: app.task("add", (x: number, y: number) => x + y) }), {
    worker: false,
    ...options,
  });
  const records = vi.spyOn(it.joins, "records");
  const shards = vi.spyOn(it.joins, "shards");
  return Object.assign(it, { records, shards, group: new GroupInStore(it, G, size) });
}

describe("get()", () => {
  test("gives the results in the order of the call, whatever the order in which members end; no result is null", async () => {
    await using it = await grouped(3);
    const { group } = it;
    const got = group.handle<[number, string, null]>().get();
    await group.succeed(2, undefined);
    await it.advance(1);
    await group.succeed(1, "two");
    await it.advance(1);
    await group.succeed(0, 1);
    expect(await it.during(got)).toEqual([1, "two", null]);
  });

  test("of a group of none is an empty list", async () => {
    await using it = await grouped(0);
    expect(await it.group.handle().get()).toEqual([]);
  });

  test("a member that is a group gives the list of its members' results, at any depth", async () => {
    await using it = await grouped(2);
    const { group } = it;
    const [inner, innermost] = [new GroupInStore(it, "inner", 2), new GroupInStore(it, "innermost", 3)];
    for (const index of [0, 1, 2]) await innermost.succeed(index, index * 10);
    await inner.succeed(0, "a");
    await inner.succeedWith(1, innermost);
    await group.succeedWith(0, inner);
    await group.succeed(1, "b");
    const expected = ["a", [0, 10, 20]];
    const handle = group.handle();
    expect(await handle.get()).toEqual([expected, "b"]);
    expect(await handle.at(0).get()).toEqual(expected);
    expect(await it.app.result(group.idOf(0)).get()).toEqual(expected); // from its id alone
    expect(await it.app.result(group.idOf(0)).state()).toBe("SUCCESS");
  });

  test("a member that was replaced, and again, has the ending of what ended in its place", async () => {
    await using it = await grouped(2);
    const { group } = it;
    const records = it.store.records as Map<string, TaskRecord>; // it is one
    const replaced = (id: string, replacement: string) =>
      records.set(id, { id, state: "REPLACED", attempt: 0, replacement });
    const last = new GroupInStore(it, "last", 1);
    replaced(group.idOf(0), "middle");
    replaced("middle", last.idOf(0));
    const got = group.handle().get();
    await group.succeed(1, "b");
    await it.advance(5);
    await last.succeed(0, "a");
    expect(await it.during(got)).toEqual(["a", "b"]);
    replaced("middle", "middle"); // as nobody writes it: it is not followed for ever
    expect(await group.handle().completedCount()).toBe(1);
  });

  test("large results come from the payload store", async () => {
    await using it = await memoryApp((app: App) => ({ make: app.task("make", (n: number) => "x".repeat(n)) }), {
      payloads: { bucket: "ducklings" },
    });
    const group = new GroupInStore(it, G, 2);
    const large = await it.tasks.make.applyAsync([100_000], { taskId: group.idOf(0) });
    await group.succeed(1, "small");
    await it.settle(large);
    expect(it.record(large)?.resultRef).toBeDefined();
    expect(await group.handle().get()).toEqual(["x".repeat(100_000), "small"]);
  });

  test("throws the error of the first member, in the order of the call, that has failed", async () => {
    await using it = await grouped(3);
    const { group } = it;
    await group.fail(2, "second");
    await group.fail(1, "first");
    await group.succeed(0, 1);
    await expect(group.handle().get()).rejects.toMatchObject({
      code: "LOVAGE_TASK_FAILED",
      taskId: group.idOf(1),
      type: "RangeError",
      message: "first",
    });
  });

  test("without propagating, errors are in the place of the results: failed, revoked, forgotten, expired", async () => {
    await using it = await grouped(5);
    const { group } = it;
    const handle = group.handle();
    await group.fail(0, "no");
    await handle.at(1).revoke();
    await group.succeed(2, "gone");
    await handle.at(2).forget();
    await group.succeed(3, "old", 60);
    await group.succeed(4, "here");
    await it.advance(61);
    const got = await handle.get({ propagate: false });
    const codes = ["LOVAGE_TASK_FAILED", "LOVAGE_TASK_REVOKED", "LOVAGE_RESULT_EXPIRED", "LOVAGE_RESULT_EXPIRED"];
    expect(got).toMatchObject([...codes.map((code) => ({ code })), "here"]);
  });

  test("gives up after its timeout, and says whom it has waited for", async () => {
    await using it = await grouped(2);
    await it.group.succeed(0, 1);
    await it.group.start(1);
    const got = it.group.handle().get({ timeout: "5s" });
    await expect(it.during(got)).rejects.toThrow(`${G} is not complete (its member 1 is STARTED) after 5 s`);
  });

  test("goes on through an outage, and ends with its signal", async () => {
    await using it = await grouped(1);
    await it.group.succeed(0, 1);
    it.records.mockRejectedValueOnce(new StoreUnavailable("down"));
    expect(await it.during(it.group.handle().get())).toEqual([1]);

    const abort = new AbortController();
    const waiting = new GroupInStore(it, "other", 1).handle().get({ signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });

  test("reads members a hundred at a time, and those that have ended once", async () => {
    await using it = await grouped(1_000);
    for (let index = 0; index < 1_000; index++) await it.group.succeed(index, index);
    expect(await it.group.handle().get()).toHaveLength(1_000);
    expect(it.records).toHaveBeenCalledTimes(10);
    expect(Math.max(...it.records.mock.calls.map(([ids]) => ids.length))).toBe(100);
  });
});

describe("iterate()", () => {
  test("gives members with their indexes as they end", async () => {
    await using it = await grouped(3);
    const { group } = it;
    const seen: unknown[] = [];
    const all = (async () => {
      for await (const one of group.handle<number[]>().iterate()) seen.push(one);
    })();
    for (const index of [2, 0, 1]) {
      await it.advance(2);
      await group.succeed(index, index * 10);
    }
    await it.during(all);
    expect(seen).toEqual([
      [2, 20],
      [0, 0],
      [1, 10],
    ]);
  });

  test("throws the error of a member that failed, or gives it", async () => {
    await using it = await grouped(2);
    await it.group.fail(0, "no");
    await it.group.succeed(1, 1);
    await expect(collect(it.group.handle().iterate())).rejects.toThrow("no");
    expect(await collect(it.group.handle().iterate({ propagate: false }))).toMatchObject([
      [0, { code: "LOVAGE_TASK_FAILED" }],
      [1, 1],
    ]);
  });

  test("of 30,000 members holds a page at a time, and gives each once, though the first have not ended", async () => {
    await using it = await grouped(30_000);
    const open = 10_050; // more than one look reads
    for (let index = open; index < 30_000; index++) await it.group.succeed(index, index);
    const members = it.group.handle<number[]>().iterate();
    const seen = new Set<number>();
    const all = (async () => {
      for await (const [index] of members) seen.add(index);
    })();
    await it.until("those that have ended are seen", () => seen.size === 30_000 - open);
    for (let index = 0; index < open; index++) await it.group.succeed(index, index);
    await it.during(all);
    expect(seen.size).toBe(30_000);
    expect(Math.max(...it.records.mock.calls.map(([ids]) => ids.length))).toBe(100);
  });
});

describe("how members stand", () => {
  test.each([true, false])("the same whether they are counted or not: counted %s", async (counted) => {
    await using it = await grouped(200);
    const { group } = it;
    const handle = group.handle();
    const end = async (index: number, failed: boolean) => {
      await (failed ? group.fail(index, "no") : group.succeed(index, 1));
      if (counted) await group.count(index, failed);
    };
    const now = async () => ({
      completed: await handle.completedCount(),
      ready: await handle.ready(),
      waiting: await handle.waiting(),
      successful: await handle.successful(),
      failed: await handle.failed(),
    });
    expect(await now()).toEqual({ completed: 0, ready: false, waiting: true, successful: false, failed: false });
    for (let index = 1; index < 199; index++) await end(index, false);
    expect(await now()).toEqual({ completed: 198, ready: false, waiting: true, successful: false, failed: false });
    await end(0, false);
    await end(199, true);
    expect(await now()).toEqual({ completed: 199, ready: true, waiting: false, successful: false, failed: true });
  });

  test("all of them succeeded", async () => {
    await using it = await grouped(2);
    for (const index of [0, 1]) await it.group.succeed(index, 1);
    expect(await it.group.handle().successful()).toBe(true);
  });

  test("one that was revoked counts as ended, and not as failed", async () => {
    await using it = await grouped(1);
    const handle = it.group.handle();
    await handle.revoke();
    await it.group.count(0, true);
    expect([await handle.ready(), await handle.successful(), await handle.failed()]).toEqual([true, false, false]);
  });

  test("counted members are read by 64 to an item", async () => {
    await using it = await grouped(10_000);
    for (let index = 0; index < 10_000; index++) await it.group.count(index, index === 9_999);
    it.shards.mockClear();
    expect(await it.group.handle().completedCount()).toBe(9_999);
    expect(it.shards.mock.calls.map(([, places]) => places.length)).toEqual([100, 57]);
    expect(it.records).not.toHaveBeenCalled();
  });

  test("those sent with ignoreResult are over at once, without a result", async () => {
    await using it = await grouped(0);
    const { key, clock } = it.app;
    const id = freshId(key, clock.now(), clock.randomBytes(10), true);
    const handle = new GroupResult(id, it.app.resultDeps(), { size: 2 });
    expect(await handle.get()).toEqual([null, null]);
    expect(await handle.completedCount()).toBe(2);
  });
});

describe("from its id alone", () => {
  test("it has the size that its head says", async () => {
    await using it = await grouped(2);
    await it.group.open();
    for (const index of [0, 1]) await it.group.succeed(index, index);
    const found = await groupResult<number>(G, it.app);
    expect(found.size).toBe(2);
    expect(await found.get()).toEqual([0, 1]);
    expect(JSON.parse(JSON.stringify({ found }))).toEqual({ found: G });
    expect(found.results.map(({ id }) => id)).toEqual([it.group.idOf(0), it.group.idOf(1)]);
    expect(found.children.map(({ id }) => id)).toEqual(found.results.map(({ id }) => id));
  });

  test("without a head it is UNKNOWN, unless its size is said", async () => {
    await using it = await grouped(1);
    await expect(groupResult(G, it.app)).rejects.toMatchObject({ code: "LOVAGE_TASK_UNKNOWN" });
    await it.group.succeed(0, 7);
    expect(await (await groupResult(G, it.app, { size: 1 })).get()).toEqual([7]);
  });

  test("a stream that goes on gives what was sent so far, and ends when its publisher says so", async () => {
    await using it = await grouped(3);
    await it.group.open({ published: 2 });
    for (const index of [0, 1, 2]) await it.group.succeed(index, index);
    const found = await groupResult<number>(G, it.app);
    expect(() => found.results).toThrow("are a stream that has not ended");
    expect([found.size, await found.completedCount(), await found.ready()]).toEqual([undefined, 2, false]);
    await expect(it.during(found.get({ timeout: "1s" }))).rejects.toThrow("not complete (2 members were sent)");
    const [got, seen] = [found.get(), collect(found.iterate())];
    await it.advance(5);
    await it.joins.sealHead(G, 3);
    expect(await it.during(got)).toEqual([0, 1, 2]);
    expect((await it.during(seen)).map(([index]) => index)).toEqual([0, 1, 2]);
    expect(found.size).toBe(3);
  });
});

test("revoke() reaches every member, and says how each took it", async () => {
  await using it = await grouped(60);
  await it.group.start(1);
  await it.group.succeed(2, 1);
  expect(await it.group.handle().revoke()).toEqual({ revoked: 58, requested: 1, ended: 1 });
  expect(await it.group.handle().at(59).state()).toBe("REVOKED");
});

test("forget() removes every result, those of a group among its members too", async () => {
  await using it = await grouped(2);
  const inner = new GroupInStore(it, "inner", 1);
  await inner.succeed(0, "secret");
  await it.group.succeedWith(0, inner);
  await it.group.succeed(1, "secret");
  await it.group.handle().forget();
  expect([...it.store.records.values()].filter(({ result, members }) => result ?? members)).toEqual([]);
  await expect(it.group.handle().at(0).get()).rejects.toMatchObject({ code: "LOVAGE_RESULT_EXPIRED" });
  await expect(new GroupInStore(it, "open", 1).handle().forget()).rejects.toMatchObject({
    code: "LOVAGE_NOT_READY",
  });
});

test("handles that a call made know each other", async () => {
  await using it = await grouped(1);
  const before = it.app.result("first");
  const group = new GroupResult(G, it.app.resultDeps(), { size: 1, parent: before });
  expect(group.parent).toBe(before);
  expect(it.app.result("alone")).not.toHaveProperty("parent");
});
