// Celery has no such limit; Lambda has one of some 16 messages, which is off for workers.
import { describe, expect, onTestFinished, test } from "vitest";
import { createApp, currentTask, HopLimitExceeded, type TaskOptions } from "../../lib/index.ts";
import { silentLogger } from "../../lib/log.ts";
import { inMemory } from "../../lib/testing/index.ts";
import { DEAD, type MemoryApp, memoryApp, QUEUE } from "../support/memory-app.ts";

const recordsOf = (it: MemoryApp<unknown>, task: string) =>
  [...it.store.records.values()].filter((record) => record.task === task);

/** Lets a line run out, wherever it ends. */
async function idle(it: MemoryApp<unknown>): Promise<void> {
  await it.advance(1);
  await it.until("no message is left", () => it.messages().length === 0);
}

/** A task that sends itself, and notes its number. */
const endless = (maxHops: number, hopsSeen: number[] = [], options: TaskOptions = {}) =>
  memoryApp(
    (app) => {
      const again = app.task("again", { ...options, bind: true }, async (ctx): Promise<void> => {
        hopsSeen.push(ctx.hops);
        await again.delay();
      });
      return { again };
    },
    { maxHops },
  );

describe("a task that sends itself for ever", () => {
  test.each([1, 3, 25])("ends with HopLimitExceeded after exactly maxHops (%d) messages", async (maxHops) => {
    const hops: number[] = [];
    await using it = await endless(maxHops, hops);
    await it.tasks.again.delay();
    await idle(it);
    expect(hops).toEqual(Array.from({ length: maxHops + 1 }, (_, i) => i));
    const states = recordsOf(it, "again").map(({ state }) => state);
    expect(states.filter((state) => state === "SUCCESS")).toHaveLength(maxHops);
    const [last] = recordsOf(it, "again").filter(({ state }) => state === "FAILURE");
    expect(last?.failure).toMatchObject({
      type: "HopLimitExceeded",
      code: "LOVAGE_HOP_LIMIT_EXCEEDED",
      message: `the message of task "again" would have ${maxHops + 1} messages before it in its line, the limit is ${maxHops}; most likely a task sends itself for ever: end that, call with hops: 0 where it is meant (a new line begins), or raise maxHops of the app`,
    });
    expect(it.messages(DEAD)).toEqual([]);
  });

  test("has a limit of 1,000 where the app says nothing", async () => {
    const app = createApp("unlimited");
    let runs = 0;
    const again = app.task("again", async (): Promise<void> => {
      runs++;
      await again.delay();
    });
    await using it = inMemory(app);
    await again.delay();
    await it.drain({ maxMessages: 2_000 });
    expect(app.maxHops).toBe(1_000);
    expect(runs).toBe(1_001);
  });

  test("is not retried for it: a retry is as far down its line. Unless it names the error", async () => {
    const hops: number[] = [];
    await using it = await endless(1, hops, { autoRetryFor: [Error], defaultRetryDelay: 1 });
    await it.tasks.again.delay();
    await idle(it);
    expect(hops).toEqual([0, 1]);

    const named: number[] = [];
    await using other = await endless(1, named, { autoRetryFor: [HopLimitExceeded], defaultRetryDelay: 1 });
    await other.tasks.again.delay();
    await idle(other);
    expect(named).toEqual([0, 1, 1, 1, 1]);
  });

  test("goes on, as a periodic task of one's own, where it begins a new line", async () => {
    const seen: [number, boolean][] = [];
    await using it = await memoryApp(
      (app) => {
        const tick = app.task("tick", { bind: true }, async (ctx, left: number): Promise<void> => {
          seen.push([ctx.hops, ctx.parentId === undefined]);
          if (left > 0) await tick.applyAsync([left - 1], { countdown: "10m", hops: 0 });
        });
        return { tick };
      },
      { maxHops: 1 },
    );
    const first = await it.tasks.tick.delay(5);
    await it.until("all have run", () => seen.length === 6);
    expect(seen).toEqual([[0, true], ...Array.from({ length: 5 }, () => [0, false])]);
    await it.advance(1);
    expect(recordsOf(it, "tick").every(({ state }) => state === "SUCCESS")).toBe(true);
    expect(await it.app.result(first.id).state()).toBe("SUCCESS");
  });

  test("and awaits nothing is logged, as every call that is refused inside a task, and ends all the same", async () => {
    let runs = 0;
    await using it = await memoryApp(
      (app) => {
        const again = app.task("again", (): void => {
          runs++;
          void again.delay();
        });
        return { again };
      },
      { maxHops: 2 },
    );
    await it.tasks.again.delay();
    await idle(it);
    expect(runs).toBe(3);
    expect(it.logs.filter(({ message }) => message === "a call was refused")).toEqual([
      expect.objectContaining({ level: "error", call: "again", error: expect.stringContaining("HopLimitExceeded") }),
    ]);
  });

  test.each(["onSuccess", "afterReturn", "taskSuccess", "taskReceived", "taskPrerun", "heartbeatSent"] as const)(
    "from %s ends, too, and takes no process down",
    async (where) => {
      const unhandled: unknown[] = [];
      const hear = (reason: unknown) => void unhandled.push(reason);
      process.on("unhandledRejection", hear);
      onTestFinished(() => void process.off("unhandledRejection", hear));
      const hops = new Set<number>();
      await using it = await memoryApp(
        (app) => {
          const send = () => void app.sendTask("again");
          const isHook = where === "onSuccess" || where === "afterReturn";
          if (!isHook) app.on(where, send);
          const options = isHook ? { [where]: send } : {};
          const again = app.task("again", options, async () => {
            hops.add(currentTask().hops);
            if (where === "heartbeatSent") await app.clock.sleep(15_000); // a beat or two
          });
          return { again };
        },
        { maxHops: 4 },
      );
      await it.tasks.again.delay();
      await it.advance(1);
      await it.until("no message is left", () => it.messages().length === 0);
      await it.advance(60);
      expect(it.messages()).toEqual([]);
      expect([...hops]).toEqual([0, 1, 2, 3, 4]);
      expect(unhandled).toEqual([]);
    },
  );
});

describe("how far a message is down its line", () => {
  test("is kept by a retry, also with other arguments, and a child of it is one further", async () => {
    const seen: number[] = [];
    await using it = await memoryApp((app) => {
      const child = app.task("child", { bind: true }, (ctx, from: string) => void seen.push(ctx.hops, from.length));
      const retries = app.task("retries", { bind: true }, async (ctx, text: string) => {
        seen.push(ctx.hops);
        if (ctx.retries === 0) ctx.retry({ countdown: "20m", args: [`${text}!`] }); // longer than SQS delays: it hops
        await child.delay(text);
      });
      return { parent: app.task("parent", () => void retries.delay("a")) };
    });
    await it.tasks.parent.delay();
    await it.until("all have run", () => seen.length === 4);
    expect(seen).toEqual([1, 1, 2, 2]);
  });

  test("is kept where a worker dies and the message comes again", async () => {
    const seen: number[] = [];
    await using it = await memoryApp(
      (app) => {
        const child = app.task("child", () => void seen.push(currentTask().hops));
        return { parent: app.task("parent", () => void child.delay()) };
      },
      { worker: false },
    );
    const doomed = await it.startWorker();
    await it.tasks.parent.delay();
    doomed.killBefore("delete");
    await it.advance(1);
    await it.startWorker();
    await it.until("the child has run", () => seen.length > 0 && it.messages().length === 0);
    expect(new Set(seen)).toEqual(new Set([1]));
  });

  test("is 0 outside tasks, and 0 in a task that is called in place", async () => {
    await using it = await memoryApp((app) => ({ hops: app.task("hops", { bind: true }, (ctx) => ctx.hops) }));
    const result = await it.tasks.hops.applyAsync([], { hops: 0 });
    await it.settle(result);
    expect(await result.get()).toBe(0);
    expect(it.tasks.hops()).toBe(0);
  });

  test("counts where calls run in place, too", async () => {
    const app = createApp("eager", { eager: { propagates: true }, maxHops: 10, logger: silentLogger });
    let runs = 0;
    const again = app.task("again", async (): Promise<void> => {
      runs++;
      await again.delay();
    });
    await expect(again.delay()).rejects.toMatchObject({ code: "LOVAGE_TASK_FAILED" });
    expect(runs).toBe(11);
  });
});

describe("a callback that is one too far", () => {
  const linking = (runs: string[]) =>
    memoryApp(
      (app) => {
        const note = app.task("note", (what: string) => void runs.push(what));
        const child = app.task("child", (what: string) => {
          runs.push("child");
          if (what === "fails") throw new TypeError("no");
          return what;
        });
        return {
          parent: app.task("parent", async (what: string) => {
            await child.applyAsync([what], { link: note.s(), linkError: note.si("failed") });
          }),
        };
      },
      { maxHops: 1 },
    );

  test.each(["succeeds", "fails"])("is a failure of its own, and its parent, which %s, is done", async (what) => {
    const runs: string[] = [];
    await using it = await linking(runs);
    const result = await it.tasks.parent.delay(what);
    await it.settle(result);
    await idle(it);
    expect(runs).toEqual(["child"]);
    const [child] = recordsOf(it, "child");
    expect(child?.state).toBe(what === "fails" ? "FAILURE" : "SUCCESS");
    const [callback] = recordsOf(it, "note");
    expect(callback).toMatchObject({
      state: "FAILURE",
      failure: { type: "HopLimitExceeded", code: "LOVAGE_HOP_LIMIT_EXCEEDED" },
    });
    await expect(it.app.result(callback?.id as string).get()).rejects.toMatchObject({ type: "HopLimitExceeded" });
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });
});

describe("a message from outside", () => {
  const body = (hops: unknown) =>
    JSON.stringify({
      body: "[[],{},{}]",
      "content-type": "application/json",
      "content-encoding": "utf-8",
      headers: { lang: "py", task: "again", id: `from-${hops}`, lovage_hops: hops },
      properties: {},
    });

  test("that is over the limit already runs; what it calls is refused", async () => {
    const hops: number[] = [];
    await using it = await endless(3, hops);
    await it.send(body(7), QUEUE);
    expect(await it.settle(it.app.result("from-7"))).toBe("FAILURE");
    expect(it.record({ id: "from-7" })?.failure?.message).toContain(
      "would have 8 messages before it in its line, the limit is 3",
    );
    expect(hops).toEqual([7]);
  });

  test("retries as often as it may, over the limit or not", async () => {
    let runs = 0;
    await using it = await memoryApp(
      (app) => ({
        again: app.task("again", { bind: true, maxRetries: 2, defaultRetryDelay: 1 }, (ctx) => {
          runs++;
          ctx.retry();
        }),
      }),
      { maxHops: 1 },
    );
    await it.send(body(5));
    expect(await it.settle(it.app.result("from-5"))).toBe("FAILURE");
    expect(runs).toBe(3);
    expect(it.record({ id: "from-5" })?.failure?.type).toBe("MaxRetriesExceeded");
  });

  test("whose number is none is a failure that names it", async () => {
    await using it = await endless(3);
    await it.send(body("many"));
    expect(await it.settle(it.app.result("from-many"))).toBe("FAILURE");
    expect(it.record({ id: "from-many" })?.failure?.message).toContain("header lovage_hops is a string, not a number");
  });
});
