import { describe, expect, test } from "vitest";
import { TaskRevoked } from "../../lib/errors.ts";
import { memoryApp } from "../support/memory-app.ts";

describe("a task that comes after its `expires` never starts (test_tasks.py::test_expired)", () => {
  test.each(["seconds", "a Date"])("given as %s", async (how) => {
    let runs = 0;
    await using it = await memoryApp(
      (app) => ({
        add: app.task("add", (x: number, y: number) => {
          runs++;
          return x + y;
        }),
        log: app.task("log", () => void runs++),
      }),
      { worker: false },
    );
    const expires = how === "seconds" ? "10s" : new Date(it.clock.now() + 10_000);
    const result = await it.tasks.add.applyAsync([1, 1], {
      expires,
      linkError: it.tasks.log.si(),
      link: it.tasks.log.si(),
    });
    await it.advance(11);
    await it.startWorker();
    expect(await it.settle(result)).toBe("REVOKED");
    await expect(result.get()).rejects.toThrow(TaskRevoked);
    await expect(result.get()).rejects.toThrow("expired");
    expect(await result.ready()).toBe(true);
    expect(await result.failed()).toBe(false);
    expect(await result.successful()).toBe(false);
    await it.advance(5);
    expect(runs).toBe(0);
    expect(it.record(result)).toMatchObject({ task: "add", workload: "default" });
  });
});

test("a task that comes before its `expires` runs, however long it takes", async () => {
  await using it = await memoryApp((app) => ({ slow: app.task("slow", { bind: true }, (ctx) => ctx.sleep("30s")) }));
  const result = await it.tasks.slow.applyAsync([], { expires: "10s" });
  expect(await it.settle(result)).toBe("SUCCESS");
});

test("a countdown past its `expires` revokes it, as in Celery", async () => {
  await using it = await memoryApp((app) => ({ add: app.task("add", () => 1) }));
  const result = await it.tasks.add.applyAsync([], { countdown: "20s", expires: "10s" });
  expect(await it.settle(result)).toBe("REVOKED");
});
