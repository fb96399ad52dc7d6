// Two machines whose clocks differ: by up to 5 s nothing shows; by more a task may run twice, and still ends once.
import { describe, expect, test } from "vitest";
import { createApp } from "../../lib/app.ts";
import { CLOCK_SKEW_MS } from "../../lib/defaults.ts";
import { silentLogger } from "../../lib/log.ts";
import { BOUNDS } from "../support/bounds.ts";
import { APP, DEAD, type MemoryApp, memoryApp, QUEUE } from "../support/memory-app.ts";

const SKEW = CLOCK_SKEW_MS;
const HOUR = 3_600_000;
/** How wrong the clock of a task's worker is, and that of another worker, or of a reader. */
const WITHIN = [
  ["the other one 5 s ahead", 0, SKEW],
  ["the other one 5 s behind", 0, -SKEW],
  ["its worker 5 s ahead", SKEW, 0],
  ["its worker 5 s behind", -SKEW, 0],
  ["its worker 2.5 s ahead and the other one 2.5 s behind", SKEW / 2, -SKEW / 2],
  ["its worker 2.5 s behind and the other one 2.5 s ahead", -SKEW / 2, SKEW / 2],
] as const;

function working() {
  const began: number[] = [];
  const define = (app: Parameters<Parameters<typeof memoryApp>[0]>[0]) => ({
    work: app.task("work", { bind: true, timeLimit: "2h" }, async (ctx, seconds: number) => {
      began.push(ctx.retries);
      await ctx.sleep(seconds);
      return seconds;
    }),
    again: app.task("again", { bind: true, maxRetries: 1 }, (ctx) => {
      began.push(ctx.retries);
      if (ctx.retries === 0) ctx.retry({ countdown: 20 });
    }),
  });
  return memoryApp(define, { worker: false }).then((it) => Object.assign(it, { began, define }));
}

/** What a process with such a clock reads. */
function reader(it: MemoryApp<unknown>, skewMs: number) {
  const { broker, store, clock } = it;
  const wrong = Object.assign(Object.create(clock) as typeof clock, { now: () => clock.now() + skewMs }); // all but its time
  return createApp(APP, {
    clock: wrong,
    logger: silentLogger,
    connect: async () => ({ broker, store, where: async () => ({ broker: "memory", store: "memory" }) }),
  });
}

describe.each(WITHIN)("with the clock of %s", (_, holder, other) => {
  test("a task that runs is left to its worker, whatever duplicates the other one receives", async () => {
    await using it = await working();
    await it.startWorker({}, it.define, holder);
    const result = await it.tasks.work.delay(120);
    await it.advance(0.1);
    const [body] = it.broker.bodies(QUEUE);
    await it.startWorker({ deadLetters: false }, it.define, other);
    for (let i = 0; i < 24; i++) {
      await it.send(body ?? "");
      await it.advance(5);
    }
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.began).toEqual([0]);
  });

  test("a reader sees STARTED for as long as its worker lives", async () => {
    await using it = await working();
    await it.startWorker({}, it.define, holder);
    const { id } = await it.tasks.work.delay(60);
    await using app = reader(it, other);
    await it.advance(1);
    for (let i = 0; i < 58; i++) {
      expect(await app.result(id).state()).toBe("STARTED");
      await it.advance(1);
    }
  });

  test("a task whose worker was killed is taken over within the visibility timeout, in one delivery", async () => {
    await using it = await working();
    const first = await it.startWorker({}, it.define, holder);
    const result = await it.tasks.work.delay(120);
    await it.advance(10);
    first.kill();
    const killedAt = it.clock.now();
    await it.startWorker({}, it.define, other);
    await it.until("it runs again", () => it.began.length === 2);
    expect((it.clock.now() - killedAt) / 1_000).toBeLessThanOrEqual(BOUNDS.takeover + 1);
    expect(await it.settle(result)).toBe("SUCCESS");
  });
});

describe("with clocks that are an hour apart", () => {
  test.each([
    ["the second one ahead", 0, HOUR],
    ["the first one ahead", HOUR, 0],
    ["the first one behind", -HOUR, 0],
    ["the second one behind", 0, -HOUR],
  ])("%s: a task may run twice, and ends once", async (_, one, other) => {
    await using it = await working();
    await it.startWorker({}, it.define, one);
    const results = [await it.tasks.work.delay(60), await it.tasks.again.delay()];
    await it.advance(0.1);
    const bodies = it.broker.bodies(QUEUE);
    await it.startWorker({}, it.define, other);
    const written: string[] = [];
    for (const body of bodies) await it.send(body);
    for (let i = 0; i < 60; i++) {
      await it.advance(5);
      for (const result of results) {
        const record = it.record(result);
        if (record?.endedAt !== undefined) written.push(`${result.id} ${record.state} ${record.endedAt}`);
      }
    }
    await it.settle(...results);
    await it.advance(3 * 3_600);
    expect(new Set(written).size).toBe(2);
    expect(it.record(results[0] as { id: string })).toMatchObject({ state: "SUCCESS" });
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });

  test("expires is judged by the worker's clock: an hour ahead it comes an hour early", async () => {
    await using it = await working();
    await it.startWorker({}, it.define, HOUR);
    const result = await it.tasks.work.applyAsync([1], { expires: "30m" });
    expect(await it.settle(result)).toBe("REVOKED");
  });

  test("a countdown is kept by SQS whatever the worker's clock says, up to 15 minutes", async () => {
    await using it = await working();
    await it.startWorker({}, it.define, HOUR);
    const sentAt = it.clock.now();
    const result = await it.tasks.work.applyAsync([0], { countdown: "10m" });
    await it.until("it runs", () => it.began.length === 1);
    expect((it.clock.now() - sentAt) / 1_000).toBeGreaterThanOrEqual(600);
    expect(await it.settle(result)).toBe("SUCCESS");
  });
});
