// Counting the members of a group through a store: what its caller is told, wherever it is stopped and whoever else counts.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Join, newHead } from "../../lib/core/join.ts";
import { InvalidOption, WorkflowLost } from "../../lib/errors.ts";
import { MemoryJoinStore } from "../../lib/memory/join-store.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { JoinStore } from "../../lib/ports/join-store.ts";
import { FakeClock, seededRandom } from "../../lib/testing/fake-clock.ts";
import { type Completion, countMember, sealJoin } from "../../lib/worker/join.ts";
import { shuffled } from "../support/shuffle.ts";
import { around, Stopped, stoppable, type When } from "../support/stoppable-joins.ts";

function inMemory(): JoinStore {
  const clock = new FakeClock();
  return new MemoryJoinStore({ clock, records: new MemoryResultStore({ clock }) });
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const known = (size: number): Join => ({ id: "g", size });
const open: Join = { id: "g" };

async function countAll(store: JoinStore, join: Join, members: readonly number[], failed: readonly number[] = []) {
  const told: (Completion | undefined)[] = [];
  for (const index of members) told.push(await countMember(store, join, index, failed.includes(index)));
  return told;
}

describe("members of a group are counted", () => {
  test.each([1, 2, 64, 65, 4_097])(
    "of %i the last one is told that all have ended, and so is who repeats it",
    async (size) => {
      const store = inMemory();
      const told = await countAll(store, known(size), shuffled(upTo(size), seededRandom(size)));
      expect(told.pop()).toEqual({ join: "g", size });
      expect(told.every((one) => one === undefined)).toBe(true);
      expect(await countMember(store, known(size), 0, false)).toEqual({ join: "g", size });
    },
  );

  test.each([
    [[69], 69],
    [[68, 3, 65], 3],
    [[0], 0],
    [[64], 64],
  ])("where %j failed, member %i is told", async (failed, first) => {
    const told = await countAll(inMemory(), known(70), shuffled(upTo(70), seededRandom(3)), failed);
    expect(told.at(-1)).toEqual({ join: "g", size: 70, failed: first });
  });

  test("a member that the group does not have is refused", async () => {
    await expect(countMember(inMemory(), known(3), 3, false)).rejects.toThrow(InvalidOption);
  });
});

describe("the size of a group that nobody knew", () => {
  const opened = async () => {
    const store = inMemory();
    await store.open(newHead(open, 0));
    return store;
  };

  test.each([1, 2, 64, 65, 130, 4_096, 4_097])("of %i the publisher is the last", async (size) => {
    const store = await opened();
    const told = await countAll(store, open, upTo(size), [size - 1]);
    expect(told.every((one) => one === undefined)).toBe(true);
    expect(await sealJoin(store, "g", size)).toEqual({ join: "g", size, failed: size - 1 });
    expect(await sealJoin(store, "g", size)).toEqual({ join: "g", size, failed: size - 1 });
  });

  test.each([1, 64, 65, 130])("of %i a member is the last", async (size) => {
    const store = await opened();
    await countAll(store, open, upTo(size - 1));
    expect(await sealJoin(store, "g", size)).toBeUndefined();
    expect(await countMember(store, open, size - 1, false)).toEqual({ join: "g", size });
  });

  test("there are none: the publisher is told at once", async () => {
    expect(await sealJoin(await opened(), "g", 0)).toEqual({ join: "g", size: 0 });
  });

  test("of two publishers that counted differently the first is right", async () => {
    const store = await opened();
    await countAll(store, open, upTo(5));
    expect(await sealJoin(store, "g", 3)).toEqual({ join: "g", size: 3 });
    expect(await sealJoin(store, "g", 5)).toEqual({ join: "g", size: 3 });
  });

  test("where the head is gone it says so", async () => {
    const store = inMemory();
    await expect(sealJoin(store, "g", 3)).rejects.toThrow(WorkflowLost);
    await expect(sealJoin(store, "g", 3)).rejects.toThrow("what waits for group g is not in the table any more");
  });

  test("a size that cannot be is refused", async () => {
    await expect(sealJoin(await opened(), "g", -1)).rejects.toThrow(InvalidOption);
  });
});

describe("what is gone from the table", () => {
  test("a shard below a failed bit: nobody knows who failed, and that is said", async () => {
    const store = around(inMemory(), async (call, work) => {
      const answer = await work();
      return call === "shards" ? ([undefined] as typeof answer) : answer; // as if it had been removed
    });
    await countAll(store, known(65), upTo(64), [7]);
    await expect(countMember(store, known(65), 64, false)).rejects.toThrow("which member of group g failed");
  });

  test("the head of a group whose size it has", async () => {
    const store = inMemory();
    await store.open(newHead(open, 0));
    await store.sealHead("g", 1);
    for (let level = 0; level < 4; level++) await store.sealShard("g", { place: { level, shard: 0 }, size: 1 });
    const gone = around(store, async (call, work) => {
      const answer = await work();
      return call === "head" ? (undefined as typeof answer) : answer; // as above
    });
    await expect(countMember(gone, open, 0, false)).rejects.toThrow("what waits for group g");
    expect(await countMember(store, open, 0, false)).toEqual({ join: "g", size: 1 });
  });

  test("as many as there can be have ended, and their publisher has not said yet that there are no more", async () => {
    const store = inMemory();
    await store.open(newHead(open, 0));
    const root = { level: 3, shard: 0 };
    for (const bit of upTo(63)) await store.count("g", { place: root, bit, failed: false });
    for (let level = 0; level < 3; level++) {
      const place = { level, shard: 64 ** (3 - level) - 1 };
      for (const bit of upTo(63)) await store.count("g", { place, bit, failed: false });
    }
    const last = 64 ** 4 - 1;
    expect(await countMember(store, open, last, false)).toBeUndefined();
    expect(await sealJoin(store, "g", last + 1)).toEqual({ join: "g", size: last + 1 });
    expect(await countMember(store, open, last, false)).toEqual({ join: "g", size: last + 1 });
  });
});

/** Stops at the n-th call, counted from 0; later ones go through. */
function stopAt(store: JoinStore, n: number, when: When) {
  let calls = 0;
  return stoppable(store, () => (calls++ === n ? when : undefined));
}

describe.each(["before", "after"] as const)(
  "a process that dies %s any call, and whose message comes again",
  (when) => {
    /** Repeats `work` with one stop, at each of its calls in turn. Answers with what was told each time. */
    async function everywhere<T>(prepare: () => Promise<JoinStore>, work: (store: JoinStore) => Promise<T>) {
      const told: T[] = [];
      for (let n = 0; ; n++) {
        const store = await prepare();
        try {
          await work(stopAt(store, n, when));
          return told; // it was through before it came to be stopped
        } catch (error) {
          expect(error).toBeInstanceOf(Stopped);
          told.push(await work(store));
        }
      }
    }

    test("the last member of a group of three levels", async () => {
      const size = 4_097;
      const members = shuffled(upTo(size), seededRandom(1));
      const last = members.pop() ?? 0;
      const memory = inMemory();
      await countAll(memory, known(size), members, [4_000, last]);
      const told = await everywhere(
        async () => memory, // counts that were made stay made: the same store is as good as a new one
        (store) => countMember(store, known(size), last, true),
      );
      const failed = Math.min(4_000, last);
      expect(told).toEqual(Array(told.length).fill({ join: "g", size, failed }));
      expect(told.length).toBe(3 + 2); // three shards written, two read
    });

    test("the last member of a group of two levels, in a store of its own each time", async () => {
      const prepare = async () => {
        const store = inMemory();
        await countAll(store, known(66), upTo(65));
        return store;
      };
      const told = await everywhere(prepare, (store) => countMember(store, known(66), 65, false));
      expect(told).toEqual(Array(2).fill({ join: "g", size: 66 }));
    });

    test("the publisher that says how many they are, after all of them have ended", async () => {
      const size = 130;
      const prepare = async () => {
        const store = inMemory();
        await store.open(newHead(open, 0));
        await countAll(store, open, upTo(size), [100]);
        return store;
      };
      const told = await everywhere(prepare, (store) => sealJoin(store, "g", size));
      expect(told).toEqual(Array(told.length).fill({ join: "g", size, failed: 100 }));
      expect(told.length).toBeGreaterThan(8);
    });

    test("the publisher, and the last member after it", async () => {
      const size = 66;
      const prepare = async () => {
        const store = inMemory();
        await store.open(newHead(open, 0));
        await countAll(store, open, upTo(size - 1));
        return store;
      };
      const told = await everywhere(prepare, async (store) => [
        await sealJoin(store, "g", size),
        await countMember(store, open, size - 1, false),
      ]);
      for (const [, completion] of told) expect(completion).toEqual({ join: "g", size });
    });
  },
);

describe("many count at once, in every order of their calls", () => {
  const scheduled = (store: JoinStore, scheduler: fc.Scheduler) =>
    around(store, async (call, work) => {
      await scheduler.schedule(Promise.resolve(), call);
      return await work();
    });

  test("exactly the same is told, at least once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.constantFrom(1, 2, 64, 65, 67),
        fc.uniqueArray(fc.nat({ max: 66 }), { maxLength: 4 }),
        async (scheduler, size, maybeFailed) => {
          const failed = maybeFailed.filter((index) => index < size);
          const memory = inMemory();
          // All but the last few of each shard have been counted.
          const before = upTo(size).filter((index) => index % 64 >= 3);
          await countAll(memory, known(size), before, failed);
          const store = scheduled(memory, scheduler);
          const racing = upTo(size).filter((index) => index % 64 < 3);
          const told = Promise.all(
            [...racing, ...racing].map((index) => countMember(store, known(size), index, failed.includes(index))),
          );
          await scheduler.waitFor(told);
          const ends = (await told).filter((one) => one !== undefined);
          expect(ends.length).toBeGreaterThan(0);
          const first = failed.length > 0 ? { failed: Math.min(...failed) } : {};
          for (const end of ends) expect(end).toEqual({ join: "g", size, ...first });
        },
      ),
      { numRuns: 60 },
    );
  });

  test("with the publisher among them, that says how many they are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.constantFrom(1, 2, 64, 65, 66),
        fc.boolean(),
        async (scheduler, size, fails) => {
          const memory = inMemory();
          await memory.open(newHead(open, 0));
          const racing = upTo(size).slice(-3);
          const failed = fails ? racing.slice(0, 1) : [];
          await countAll(memory, open, upTo(size).slice(0, -3));
          const store = scheduled(memory, scheduler);
          const told = Promise.all([
            ...racing.map((index) => countMember(store, open, index, failed.includes(index))),
            sealJoin(store, "g", size),
          ]);
          await scheduler.waitFor(told);
          const ends = (await told).filter((one) => one !== undefined);
          expect(ends.length).toBeGreaterThan(0);
          for (const end of ends) expect(end).toEqual({ join: "g", size, ...(fails && { failed: racing[0] }) });
        },
      ),
      { numRuns: 60 },
    );
  });
});
