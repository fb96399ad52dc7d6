// Eager mode: calls run in place. What Celery's hides (JSON, retries, limits) happens here too.
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import {
  createApp,
  currentTask,
  InvalidOption,
  NeverIdle,
  NotSerializable,
  NotSupported,
  onFargate,
  Reject,
  TaskFailed,
} from "../../lib/index.ts";
import { silentLogger } from "../../lib/log.ts";
import { startWorker } from "../../lib/worker/worker.ts";

function shop(options = {}) {
  const app = createApp("shop", { eager: true, logger: silentLogger, ...options });
  const runs: unknown[] = [];
  const ran = (what: unknown) => void runs.push(what);
  return {
    app,
    runs,
    add: app.task("add", (x: number, y: number) => x + y),
    note: app.task("note", (text: unknown) => ran(text)),
    flaky: app.task(
      "flaky",
      { autoRetryFor: ["RangeError"], maxRetries: 3, defaultRetryDelay: "3m" },
      (until: number) => {
        const { retries } = currentTask();
        ran(retries);
        if (retries < until) throw new RangeError(`not in run ${retries}`);
        return retries;
      },
    ),
    fails: app.task("fails", () => {
      throw new TypeError("broken", { cause: new Error("inner") });
    }),
    keeps: app.task("keeps", (list: number[]) => {
      list.push(4);
      return list;
    }),
  };
}

test("delay() resolves when the task has run", async () => {
  const { add, note, runs } = shop();
  const result = await add.delay(2, 3);
  expect(await result.state()).toBe("SUCCESS");
  expect(await result.get()).toBe(5);
  await note.delay("hello");
  expect(runs).toEqual(["hello"]);
});

test("using _ = app.eager() ends with its block", async () => {
  const { app, add } = shop({ eager: false, connect: async () => Promise.reject(new Error("not eager")) });
  {
    using _ = app.eager();
    expect(await (await add.delay(2, 3)).get()).toBe(5);
  }
  await expect(add.delay(2, 3)).rejects.toThrow("not eager");
});

test("arguments and results are JSON, as in production", async () => {
  const { app, keeps } = shop();
  const mine = [1, 2, 3];
  const result = await keeps.delay(mine);
  expect(mine).toEqual([1, 2, 3]);
  expect(await result.get()).toEqual([1, 2, 3, 4]);
  expect(await result.get()).not.toBe(await result.get());
  const dates = app.task("dates", (_: unknown) => new Map());
  await expect(dates.delay(new Date())).rejects.toThrow(NotSerializable);
  await expect((await dates.delay("")).get()).rejects.toThrow("result is a Map");
});

test("retries run at once, and no more than allowed", async () => {
  const { flaky, runs } = shop();
  expect(await (await flaky.delay(2)).get()).toBe(2);
  expect(runs).toEqual([0, 1, 2]);
  runs.length = 0;
  const result = await flaky.delay(99);
  expect(runs).toEqual([0, 1, 2, 3]);
  await expect(result.get()).rejects.toThrow("not in run 3");
  expect(await result.info()).toMatchObject({ state: "FAILURE", retries: 3 });
});

test("countdown and eta are ignored, and an expiry that has not come does not come by them", async () => {
  const { add, flaky } = shop();
  const eta = new Date(Date.now() + 600_000);
  expect(await (await add.applyAsync([1, 1], { countdown: "10m" })).get()).toBe(2);
  expect(await (await add.applyAsync([1, 1], { eta })).get()).toBe(2);
  expect(await (await flaky.applyAsync([2], { expires: "1m" })).get()).toBe(2);
});

test("callbacks run before delay() resolves", async () => {
  const { add, note, fails, runs } = shop();
  await add.applyAsync([1, 1], { link: note.s() });
  const failed = await fails.applyAsync([], { linkError: note.s() });
  expect(runs).toEqual([2, failed.id]);
});

test("a task that calls others runs them in place, and get() stays refused inside", async () => {
  const { app, add, runs } = shop();
  const outer = app.task("outer", async () => {
    const child = await add.delay(1, 1);
    runs.push(await child.state());
    await child.get().catch((error: Error) => runs.push(error.name));
    return child.id;
  });
  const result = await outer.delay();
  expect(runs).toEqual(["SUCCESS", "WrongContext"]);
  expect(await add.result(await result.get()).get()).toBe(2);
});

test("calls made side by side do not mix", async () => {
  const { flaky, runs } = shop();
  const results = await Promise.all(Array.from({ length: 10 }, (_, i) => flaky.delay(i % 3)));
  expect(await Promise.all(results.map((result) => result.get()))).toEqual(results.map((_, i) => i % 3));
  expect(runs).toHaveLength(4 * 1 + 3 * 2 + 3 * 3);
});

test("a call that nobody awaits runs too, and flush() waits for it", async () => {
  const { app, note, runs } = shop();
  void note.delay("unheard");
  await app.flush();
  expect(runs).toEqual(["unheard"]);
});

test("a failure is in the result, as in production", async () => {
  const { fails } = shop();
  const result = await fails.delay();
  const error = await result.get().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(TaskFailed);
  expect(error).toMatchObject({
    type: "TypeError",
    message: "broken",
    taskId: result.id,
    cause: { name: "TypeError" },
  });
  expect((error as TaskFailed).remoteStack).toContain("eager.test.ts");
});

describe("propagates", () => {
  test("delay() throws what get() would", async () => {
    const { fails, flaky, add } = shop({ eager: { propagates: true } });
    await expect(fails.delay()).rejects.toThrow(TaskFailed);
    await expect(fails.applyAsync([], { ignoreResult: true })).rejects.toThrow("broken");
    await expect(flaky.delay(99)).rejects.toThrow("not in run 3");
    expect(await (await flaky.delay(1)).get()).toBe(1);
    expect(await (await add.delay(1, 1)).get()).toBe(2);
  });

  test("is an option of app.eager() too, and the failure is logged as every other", async () => {
    const lines: string[] = [];
    const line = (_: object, message: string) => void lines.push(message);
    const logger = { debug: () => {}, info: line, warn: line, error: line, child: () => logger };
    const { app, fails } = shop({ eager: false, logger });
    using _ = app.eager({ propagates: true });
    await expect(fails.delay()).rejects.toThrow("broken");
    expect(lines).toEqual(["failed"]);
  });

  test("a failing child fails the task that awaits it", async () => {
    const { app, fails } = shop({ eager: { propagates: true } });
    const outer = app.task("outer", async () => void (await fails.delay()));
    await expect(outer.delay()).rejects.toThrow("broken");
  });
});

test("time limits hold", async () => {
  const { app } = shop();
  const slow = app.task("slow", { bind: true, softTimeLimit: "10ms" }, (ctx) => ctx.sleep("1h"));
  await expect((await slow.delay()).get()).rejects.toThrow("soft time limit of 0.01 s exceeded");
});

test("a task that gives itself back runs again, as often as its queue would deliver it", async () => {
  const { app, runs } = shop({ workloads: { default: onFargate({ work: "io", maxReceiveCount: 3 }) } });
  const refuses = app.task("refuses", () => {
    runs.push("run");
    throw new Reject({ requeue: true });
  });
  const result = await refuses.delay();
  expect(runs).toHaveLength(3);
  expect(await result.info()).toMatchObject({ state: "FAILURE", failure: { type: "DeadLettered" } });
});

test("a task that is not registered fails at once", async () => {
  const { app } = shop();
  const result = await app.sendTask("nobody.knows.it");
  expect(await result.info()).toMatchObject({ state: "FAILURE", failure: { type: "NotRegistered" } });
});

test("a task that would be retried for ever is stopped and named", async () => {
  const { app } = shop();
  const forever = app.task("forever", { maxRetries: null, autoRetryFor: ["Error"] }, () => {
    throw new Error("never");
  });
  await expect(forever.delay()).rejects.toThrow(NeverIdle);
  await expect(forever.delay()).rejects.toThrow(/eager call of "forever" has handled 1000 messages/);
});

test("a chosen id runs once", async () => {
  const { note, runs } = shop();
  await note.applyAsync(["a"], { taskId: "mine" });
  await note.applyAsync(["a"], { taskId: "mine" });
  expect(runs).toEqual(["a"]);
});

test("a worker of an eager app does not start", async () => {
  const { app } = shop();
  await expect(startWorker(app)).rejects.toThrow(NotSupported);
  await expect(startWorker(app)).rejects.toThrow("no message waits for a worker");
});

test("a bundle has no eager mode in it, and says so", async () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const contents = `
    import { createApp } from "./lib/index.ts";
    const app = createApp("shop", { eager: true });
    const add = app.task("add", (x, y) => x + y);
    add.delay(2, 3).catch(({ code, message }) => console.log(code, message));
  `;
  const outfile = join(root, ".lovage", `eager-${process.pid}.mjs`); // where the SDK can be found
  const stdin = { contents, resolveDir: root, loader: "ts" } as const;
  try {
    await build({ stdin, outfile, bundle: true, platform: "node", format: "esm", external: ["@aws-sdk/*"] });
    expect(readFileSync(outfile, "utf8")).not.toContain("lib/worker/execute.ts");
    const { stdout } = await promisify(execFile)(process.execPath, [outfile]);
    expect(stdout).toMatch(/^LOVAGE_NOT_SUPPORTED eager mode is no part of bundles/);
  } finally {
    rmSync(outfile, { force: true });
  }
});

test.each([
  [{ eager: "yes" }, 'eager of app "shop" is "yes"; it takes true, false or { propagates: true }'],
  [{ eager: { propagate: true } }, "did you mean propagates?"],
  [{ eager: true, connect: async () => Promise.reject(new Error()) }, "was given eager and connect"],
])("options that cannot be: %j", (options, message) => {
  expect(() => createApp("shop", options as never)).toThrow(InvalidOption);
  expect(() => createApp("shop", options as never)).toThrow(message);
});

test("options of eager() that cannot be are refused", () => {
  const { app } = shop({ eager: false });
  expect(() => app.eager({ propagate: true } as never)).toThrow("did you mean propagates?");
});
