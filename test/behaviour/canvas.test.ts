// Canvases, end to end in memory: what they give, and who ends how.
import { describe, expect, test } from "vitest";
import type { App } from "../../lib/app.ts";
import { chain, chord, group } from "../../lib/canvas.ts";
import { encode } from "../../lib/wire/envelope.ts";
import type { JsonObject } from "../../lib/wire/serializer.ts";
import { memoryApp, QUEUE } from "../support/memory-app.ts";
import { envelopeOf } from "../support/messages.ts";

const tasks = (app: App) => ({
  add: app.task("add", (a: number, b: number) => a + b),
  xsum: app.task("xsum", (all: readonly number[]) => all.reduce((sum, one) => sum + one, 0)),
  fail: app.task("fail", (why: number): number => {
    throw new RangeError(`no ${why}`);
  }),
});

describe("a canvas", () => {
  test("chain: each step is handed the result of the one before it", async () => {
    await using memory = await memoryApp(tasks);
    const { add } = memory.tasks;
    const result = await chain(add.s(1, 2), add.s(4), add.s(8)).delay();
    expect(await memory.during(result.get())).toBe(15);
  });

  test("chord: the body is handed the results in order", async () => {
    await using memory = await memoryApp(tasks);
    const { add, xsum } = memory.tasks;
    const result = await chord([add.s(1, 1), add.s(2, 2), add.s(3, 3)], xsum.s()).delay();
    expect(await memory.during(result.get())).toBe(12);
  });

  test("group in a chain, and a step after it", async () => {
    await using memory = await memoryApp(tasks);
    const { add, xsum } = memory.tasks;
    const result = await chain(add.s(1, 1), group([add.s(1), add.s(2)]), xsum.s(), add.s(100)).delay();
    expect(await memory.during(result.get())).toBe(107);
  });

  test("a step that fails ends those after it with its error", async () => {
    await using memory = await memoryApp(tasks);
    const { add, fail } = memory.tasks;
    const result = await chain(add.s(1, 1), fail.s(), add.s(1)).delay();
    await expect(memory.during(result.get())).rejects.toMatchObject({ cause: { name: "RangeError", message: "no 2" } });
  });

  test("a member that fails fails the body with ChordError, and the others run", async () => {
    await using memory = await memoryApp(tasks);
    const { add, fail, xsum } = memory.tasks;
    const result = await chord([add.s(1, 1), fail.s(7), add.s(3, 3)], xsum.s()).delay();
    await expect(memory.during(result.get())).rejects.toMatchObject({
      cause: { name: "ChordError", message: expect.stringContaining("member 1 of its group") },
    });
  });

  test("a group whose members are a stream: as many as come", async () => {
    await using memory = await memoryApp(tasks, { worker: { concurrency: 50 } });
    const { add } = memory.tasks;
    async function* members() {
      for (let i = 0; i < 2_500; i++) yield add.s(i, 1);
    }
    const result = await memory.during(group(members()).delay());
    expect(result.size).toBe(2_500);
    expect(await memory.joins.head(result.id)).toMatchObject({ size: 2_500, published: 2_000 });
    const ended = () => [...memory.store.records.values()].filter(({ state }) => state === "SUCCESS").length;
    await memory.until("all have ended", () => ended() === 2_500);
  });

  test("a chord whose header is a stream: its body begins when all have ended", async () => {
    await using memory = await memoryApp(tasks, { worker: { concurrency: 50 } });
    const { add, xsum } = memory.tasks;
    async function* members() {
      for (let i = 0; i < 130; i++) yield add.s(i, 1);
    }
    const result = await memory.during(chord(members(), xsum.s()).delay());
    expect(await memory.during(result.get())).toBe((129 * 130) / 2 + 130);
  });

  test.each([
    ["a group of more members than there can be", { chord_size: 20_000_000 }, "takes 0 to"],
    ["what is stored with a group that is not there", { task: "lovage.stored", chord_size: 1 }, "what follows group g"],
  ])("a member of %s: it ends, its message is done, and the log says why nobody counts it", async (_, what, why) => {
    await using memory = await memoryApp(tasks);
    const chord = { ...memory.tasks.xsum.s().wire, ...what } as unknown as JsonObject; // a signature is JSON
    const envelope = envelopeOf({ id: "m", task: "add", args: [1, 2], chord, group: "g", groupIndex: 0 });
    await memory.send(encode(envelope, QUEUE));
    const result = memory.app.result("m");
    expect(await memory.settle(result)).toBe("SUCCESS");
    await memory.advance(60);
    expect(memory.messages()).toEqual([]);
    expect(memory.logs.find(({ message }) => message === "cannot count a member of a group")).toMatchObject({
      error: expect.stringContaining(why),
    });
  });
});
