import { describe, expect, test } from "vitest";
import "../../lib/canvas.ts"; // it sends what pipe() makes
import { memoryApp, QUEUE } from "../support/memory-app.ts";

function counting(runs: string[] = []) {
  return memoryApp(
    (app) => ({
      slow: app.task("slow", { bind: true }, async (ctx, seconds: number) => {
        runs.push("slow");
        await ctx.sleep(seconds);
        return seconds;
      }),
      fails: app.task("fails", () => {
        runs.push("fails");
        throw new Error("no");
      }),
      note: app.task("note", (value: unknown) => void runs.push(`note ${value}`)),
    }),
    { worker: false },
  );
}

describe("a duplicate delivery", () => {
  test("beside the first runs nothing, and becomes no dead letter however long the task takes", async () => {
    const runs: string[] = [];
    await using it = await counting(runs);
    const result = await it.tasks.slow.applyAsync([240], { link: it.tasks.note.s() });
    for (let i = 0; i < 4; i++) await it.send(it.broker.bodies(QUEUE)[0] as string);
    await it.startWorker();
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(600);
    expect(runs).toEqual(["slow", "note 240"]);
    expect(it.messages()).toEqual([]);
    expect(it.record(result)).toMatchObject({ runs: 1 });
    expect(it.logs.filter(({ message }) => message === "dead letter")).toEqual([]);
  });

  test("long after the end only repeats what is safe to repeat", async () => {
    const runs: string[] = [];
    await using it = await counting(runs);
    await it.startWorker();
    const result = await it.tasks.fails.applyAsync([], { linkError: it.tasks.note.s() });
    const [body] = it.broker.bodies(QUEUE);
    await it.settle(result);
    await it.advance(13 * 86_400);
    for (let i = 0; i < 3; i++) await it.send(body as string);
    await it.advance(30);
    expect(runs).toEqual(["fails", `note ${result.id}`]);
    expect(it.messages()).toEqual([]);
  });

  test("of every message along a chain makes their number grow with its length, and not with its powers", async () => {
    const STEPS = 24;
    await using it = await memoryApp((app) => ({ increment: app.task("increment", (n: number) => n + 1) }));
    const send = it.broker.send.bind(it.broker);
    let sent = 0;
    it.broker.send = async (queue, message) => {
      sent++;
      await send(queue, message);
      await send(queue, message);
    };
    const { increment } = it.tasks;
    let canvas = increment.s(0);
    for (let step = 1; step < STEPS; step++) canvas = canvas.pipe(increment.s());
    const result = await canvas.delay();
    await it.until("no message is left", () => it.messages().length === 0);
    expect(await it.during(result.get())).toBe(STEPS);
    // Each is sent by whoever ended the step before it, and again by those of its deliveries that are in hand side by side.
    expect(sent).toBeLessThan(STEPS * 30);
  });

  test("of the first attempt, after the second has begun, runs nothing", async () => {
    const runs: number[] = [];
    await using it = await memoryApp((app) => ({
      retries: app.task("retries", { bind: true }, async (ctx) => {
        runs.push(ctx.retries);
        if (ctx.retries === 0) ctx.retry({ countdown: 5 });
        await ctx.sleep(30);
      }),
    }));
    const result = await it.tasks.retries.delay();
    const [body] = it.broker.bodies(QUEUE);
    await it.advance(2);
    await it.send(body as string); // finds RETRY ahead of it, and sends the next attempt again
    await it.advance(10);
    await it.send(body as string); // finds it running
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(600);
    expect(runs).toEqual([0, 1]);
    expect(it.messages()).toEqual([]);
  });
});

test("a duplicate of a task without a claim does not run once that has ended", async () => {
  const runs: string[] = [];
  await using it = await memoryApp((app) => ({
    works: app.task("works", { claim: false }, () => void runs.push("works")),
    fails: app.task("fails", { claim: false }, () => {
      runs.push("fails");
      throw new Error("no");
    }),
  }));
  const results = [await it.tasks.works.delay(), await it.tasks.fails.delay()] as const;
  const bodies = it.broker.bodies(QUEUE);
  await it.settle(...results);
  for (const body of bodies) await it.send(body);
  await it.advance(60);
  expect(runs).toEqual(["works", "fails"]);
  expect(await Promise.all(results.map((result) => result.state()))).toEqual(["SUCCESS", "FAILURE"]);
  expect(it.messages()).toEqual([]);
});

test("an execution that was taken over hears of it, and what it writes is refused", async () => {
  const heard: string[] = [];
  await using it = await memoryApp((app) => ({
    slow: app.task("slow", { bind: true }, async (ctx) => {
      await ctx.sleep("1m").catch((reason: Error) => heard.push(reason.name));
      return "mine";
    }),
  }));
  const result = await it.tasks.slow.delay();
  await it.advance(1);
  // As after a long pause of this process: another worker holds the claim.
  const set = { token: "other", leaseUntil: it.clock.now() + 600_000 };
  await it.store.write({ kind: "claim", id: result.id, when: [{ states: ["STARTED"] }], set });
  await it.advance(30);
  expect(heard).toEqual(["ClaimLost"]);
  expect(it.record(result)).toMatchObject({ state: "STARTED", token: "other" });
});
