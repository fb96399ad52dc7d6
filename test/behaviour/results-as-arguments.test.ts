// What a task is handed that follows a group: the members' results, which its worker reads. They are written into the store here, and
// its message put on the queue, as whoever completes the group does.
import { describe, expect, test, vi } from "vitest";
import type { App } from "../../lib/app.ts";
import { GROUPS } from "../../lib/defaults.ts";
import { AccessDenied, PayloadStoreUnavailable, StoreUnavailable } from "../../lib/errors.ts";
import { type Envelope, encode } from "../../lib/wire/envelope.ts";
import { GroupInStore } from "../support/group-in-store.ts";
import { type MemoryAppOptions, memoryApp, QUEUE } from "../support/memory-app.ts";
import { envelopeOf } from "../support/messages.ts";

const G = "group-1";
const BODY = "body-1";

async function handed(size: number, options: MemoryAppOptions = {}) {
  const ran: unknown[][] = [];
  const hooked: unknown[] = [];
  const read = async (all: AsyncIterable<unknown>) => {
    const items: unknown[] = [];
    for await (const item of all) items.push(item);
    return items;
  };
  const it = await memoryApp(
    (app: App) => ({
      list: app.task(
        "list",
        { bind: true, onSuccess: ({ args }: { args: readonly unknown[] }) => void hooked.push(args) },
        (ctx, ...args: unknown[]) => {
          ran.push([ctx.retries, ...args]);
          if (ctx.retries === 0 && args.at(-1) === "again") ctx.retry({ countdown: "1m" });
          if (ctx.retries === 0 && args.at(-1) === "other") ctx.retry({ countdown: "1m", args: ["instead"] });
          if (ctx.retries === 0 && args.at(-1) === "named") ctx.retry({ countdown: "1m", kwargs: { k: 1 } });
          return args.length;
        },
      ),
      stream: app.task(
        "stream",
        { bind: true, results: "stream", maxRetries: 5 },
        async (ctx, all: AsyncIterable<unknown>, how?: string) => {
          const items = await read(all);
          ran.push([ctx.retries, items, how, ctx.args]);
          if (ctx.retries === 0 && how === "again") ctx.retry({ countdown: "1m" });
          if (ctx.retries === 0 && how === "other") ctx.retry({ countdown: "1m", args: ["instead"] });
          if (how === "twice") return [items, await read(all)];
          return items.length;
        },
      ),
      large: app.task("large", (n: number) => "x".repeat(n)),
    }),
    options,
  );
  const group = new GroupInStore(it, G, size);
  const follow = async (task: string, facts: Partial<Envelope> = {}) => {
    const envelope = envelopeOf({ id: BODY, task, args: [], results: group.ref, ...facts });
    await it.send(encode(envelope, QUEUE));
    return it.app.result(BODY);
  };
  return Object.assign(it, { ran, hooked, group, follow });
}

describe("as an array", () => {
  test("they are the first argument, before the task's own; null for a member without a result", async () => {
    await using it = await handed(3);
    await it.group.succeed(0, { a: 1 });
    await it.group.succeed(1, undefined);
    await it.group.succeed(2, [2]);
    const body = await it.follow("list", { args: ["own"], kwargs: { k: 1 } });
    expect(await it.settle(body)).toBe("SUCCESS");
    const results = [{ a: 1 }, null, [2]];
    expect(it.ran).toEqual([[0, results, "own", { k: 1 }]]);
    expect(it.hooked).toEqual([[results, "own"]]);
  });

  test("a member that is a group is a list in the list", async () => {
    await using it = await handed(1);
    const inner = new GroupInStore(it, "inner", 2);
    for (const index of [0, 1]) await inner.succeed(index, index);
    await it.group.succeedWith(0, inner);
    await it.settle(await it.follow("list"));
    expect(it.ran).toEqual([[0, [[0, 1]]]]);
  });

  test("a group may take longer than its members' results are shown (resultExpires)", async () => {
    await using it = await handed(1);
    await it.group.succeed(0, "early", 60);
    await it.advance(3_600);
    await it.settle(await it.follow("list"));
    expect(it.ran).toEqual([[0, ["early"]]]);
  });

  test("up to 10,000 members; above, FAILURE names the option that helps, and nothing has run", async () => {
    await using it = await handed(GROUPS.arrayMembers);
    for (let index = 0; index < GROUPS.arrayMembers; index++) await it.group.succeed(index, index);
    expect(await it.settle(await it.follow("list"))).toBe("SUCCESS");
    expect(it.ran[0]?.[1]).toHaveLength(GROUPS.arrayMembers);

    const more = { group: G, size: GROUPS.arrayMembers + 1 };
    const body = await it.follow("list", { id: "body-2", results: more });
    expect(body.id).toBe(BODY);
    const second = it.app.result("body-2");
    expect(await it.settle(second)).toBe("FAILURE");
    expect(it.record(second)?.failure).toMatchObject({
      type: "ResultsTooLarge",
      code: "LOVAGE_RESULTS_TOO_LARGE",
      message: expect.stringContaining(
        'has 10001 results in one list; an array of them holds at most 10000 of them: set results: "stream"',
      ),
    });
    expect(it.ran).toHaveLength(1);
  });

  test("up to 32 MiB, however they lie; no more than that is ever fetched", async () => {
    await using it = await handed(3, { payloads: { bucket: "ducklings" } });
    for (const index of [0, 1, 2])
      await it.settle(await it.tasks.large.applyAsync([16_000_000], { taskId: it.group.idOf(index) }));
    const get = vi.spyOn(it.payloads, "get");
    const body = await it.follow("list");
    expect(await it.settle(body)).toBe("FAILURE");
    expect(it.record(body)?.failure?.message).toContain("an array of them holds at most 33554432 bytes");
    expect(get.mock.calls.length).toBeLessThanOrEqual(2);
    const two = await it.follow("list", { id: "body-2", results: { group: G, size: 2 } });
    await it.settle(two, it.app.result("body-2"));
    expect(it.ran.map(([, all]) => (all as string[]).map((one) => one.length))).toEqual([[16_000_000, 16_000_000]]);
  });

  test.each([
    ["was forgotten", "it was forgotten", (group: GroupInStore) => group.handle().at(1).forget()],
    ["has no record", "its record is not in the table any more", async () => {}],
  ])("a member that %s ends the task as FAILURE, which has not run", async (how, why, lose) => {
    await using it = await handed(2);
    await it.group.succeed(0, 1);
    if (how === "was forgotten") await it.group.succeed(1, 1);
    await lose(it.group);
    const body = await it.follow("list");
    expect(await it.settle(body)).toBe("FAILURE");
    expect(it.record(body)?.failure).toMatchObject({ type: "ResultExpired", message: expect.stringContaining(why) });
    expect(it.ran).toEqual([]);
  });

  test.each([
    ["a store", new StoreUnavailable("down")],
    ["a permission that is missing", new AccessDenied("dynamodb:BatchGetItem is not granted")],
  ])("%s gives the task back, claimed by nobody, and it runs when that is mended", async (_, error) => {
    await using it = await handed(1);
    await it.group.succeed(0, 1);
    const reads = vi.spyOn(it.joins, "records").mockRejectedValue(error);
    const body = await it.follow("list");
    await it.advance(5);
    expect(await body.state()).toBe("RETRY");
    expect(it.record(body)?.failure).toMatchObject({ type: error.name });
    reads.mockRestore();
    expect(await it.settle(body)).toBe("SUCCESS");
    expect(it.ran).toEqual([[0, [1]]]);
  });

  test("a retry is handed them anew; one that asks for other arguments is not", async () => {
    await using it = await handed(1);
    await it.group.succeed(0, 1);
    await it.settle(await it.follow("list", { args: ["again"] }));
    expect(it.ran.splice(0)).toEqual([
      [0, [1], "again"],
      [1, [1], "again"],
    ]);

    await it.follow("list", { id: "b-2", args: ["other"] });
    await it.settle(it.app.result("b-2"));
    await it.advance(60);
    expect(it.ran.splice(0)).toEqual([
      [0, [1], "other"],
      [1, "instead"],
    ]);

    await it.follow("list", { id: "b-3", args: ["named"] });
    await it.settle(it.app.result("b-3"));
    expect(it.ran).toEqual([
      [0, [1], "named"],
      [1, [1], "named", { k: 1 }],
    ]);
  });
});

describe("as a stream", () => {
  test("they come one by one, in order, and once more to who iterates again; ctx.args has what follows them", async () => {
    await using it = await handed(250);
    for (let index = 0; index < 250; index++) await it.group.succeed(index, index);
    const reads = vi.spyOn(it.joins, "records");
    const body = await it.follow("stream", { args: ["twice"] });
    expect(await it.settle(body)).toBe("SUCCESS");
    const all = Array.from({ length: 250 }, (_, index) => index);
    expect(await body.get()).toEqual([all, all]);
    expect(it.ran).toEqual([[0, all, "twice", ["twice"]]]);
    expect(reads.mock.calls.map(([ids]) => ids.length)).toEqual([100, 100, 50, 100, 100, 50]);
  });

  test("of more members than an array holds", async () => {
    await using it = await handed(GROUPS.arrayMembers + 1);
    for (let index = 0; index <= GROUPS.arrayMembers; index++) await it.group.succeed(index, 1);
    const body = await it.follow("stream");
    await it.settle(body);
    expect(await body.get()).toBe(GROUPS.arrayMembers + 1);
  });

  test("whoever stops reading has read no more than was needed", async () => {
    await using it = await handed(1_000);
    for (let index = 0; index < 1_000; index++) await it.group.succeed(index, index);
    const reads = vi.spyOn(it.joins, "records");
    const streams = it.app.task("first", { results: "stream" }, () => {});
    expect(streams.settings.results).toBe("stream");
    await it.startWorker({}, (app) =>
      app.task("first", { results: "stream" }, async (all: AsyncIterable<number>) => {
        for await (const one of all) return one;
      }),
    );
    reads.mockClear();
    // the first worker does not know the task, and gives it back
    const body = await it.follow("first");
    await it.settle(body);
    expect(await body.get()).toBe(0);
    expect(reads).toHaveBeenCalledTimes(1);
  });

  test("a retry is handed them anew, also with other arguments of its own", async () => {
    await using it = await handed(1);
    await it.group.succeed(0, 1);
    await it.settle(await it.follow("stream", { args: ["again"] }));
    expect(it.ran.splice(0).map((one) => one.slice(0, 3))).toEqual([
      [0, [1], "again"],
      [1, [1], "again"],
    ]);
    await it.follow("stream", { id: "b-2", args: ["other"] });
    await it.settle(it.app.result("b-2"));
    await it.advance(60);
    expect(it.ran.map((one) => one.slice(0, 3))).toEqual([
      [0, [1], "other"],
      [1, [1], "instead"],
    ]);
  });

  test.each([new StoreUnavailable("down"), new PayloadStoreUnavailable("down")])(
    "an outage is waited for, and reading goes on where it came: $name",
    async (outage) => {
      await using it = await handed(150);
      for (let index = 0; index < 150; index++) await it.group.succeed(index, index);
      const read = it.joins.records.bind(it.joins);
      let calls = 0;
      vi.spyOn(it.joins, "records").mockImplementation(async (ids) => {
        if (++calls >= 2 && calls < 6) throw outage;
        return read(ids);
      });
      const body = await it.follow("stream");
      expect(await it.settle(body)).toBe("SUCCESS");
      expect(it.ran[0]?.[1]).toEqual(Array.from({ length: 150 }, (_, index) => index));
    },
  );

  test("an outage of more than a minute is the task's to handle, as are a result that is gone and a list that is too long", async () => {
    await using it = await handed(2);
    await it.group.succeed(0, 1);
    const reads = vi.spyOn(it.joins, "records").mockRejectedValue(new StoreUnavailable("down"));
    const first = await it.follow("stream");
    expect(await it.settle(first)).toBe("FAILURE");
    expect(it.record(first)?.failure?.type).toBe("StoreUnavailable");
    reads.mockRestore();

    await it.follow("stream", { id: "b-2" });
    const second = it.app.result("b-2");
    expect(await it.settle(second)).toBe("FAILURE");
    expect(it.record(second)?.failure?.type).toBe("ResultExpired");

    await it.group.succeedWith(1, new GroupInStore(it, "inner", GROUPS.arrayMembers + 1));
    await it.follow("stream", { id: "b-3" });
    const third = it.app.result("b-3");
    expect(await it.settle(third)).toBe("FAILURE");
    expect(it.record(third)?.failure?.type).toBe("ResultsTooLarge");
  });
});
