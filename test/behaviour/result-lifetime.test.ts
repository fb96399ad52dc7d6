import { describe, expect, test } from "vitest";
import { NotReady, ResultExpired } from "../../lib/errors.ts";
import { memoryApp, QUEUE } from "../support/memory-app.ts";

const DAY = 86_400;

function tasks(runs: string[] = []) {
  return memoryApp((app) => ({
    add: app.task("add", (x: number, y: number) => {
      runs.push("add");
      return x + y;
    }),
    brief: app.task("brief", { resultExpires: "1h" }, () => "soon gone"),
    nothing: app.task("nothing", { resultExpires: "1h" }, () => {}),
    fails: app.task("fails", (): number => {
      throw new TypeError("no");
    }),
    note: app.task("note", (value: number) => void runs.push(`note ${value}`)),
  }));
}

describe("after resultExpires", () => {
  test("the value is hidden and the state stays", async () => {
    await using it = await tasks();
    const result = await it.tasks.brief.delay();
    await it.settle(result);
    await it.advance(3_590);
    expect(await result.get()).toBe("soon gone");
    await it.advance(11);
    await expect(result.get()).rejects.toThrow(ResultExpired);
    expect([await result.state(), await result.ready()]).toEqual(["SUCCESS", true]);
  });

  test("a day is the default, as in Celery", async () => {
    await using it = await tasks();
    const result = await it.tasks.add.delay(1, 2);
    await it.settle(result);
    expect(it.record(result)?.resultExpiresAt).toBe((it.record(result)?.endedAt ?? 0) + DAY * 1_000);
  });

  test("there is nothing to hide where nothing was returned", async () => {
    await using it = await tasks();
    const result = await it.tasks.nothing.delay();
    await it.settle(result);
    await it.advance(3_601);
    expect(await result.get()).toBeUndefined();
  });

  test("the record outlives every message that could repeat the task", async () => {
    await using it = await tasks();
    const result = await it.tasks.brief.delay();
    await it.settle(result);
    const { expiresAt = 0, endedAt = 0 } = it.record(result) ?? {};
    expect(expiresAt - endedAt).toBeGreaterThanOrEqual(15 * DAY * 1_000);
  });
});

describe("forget()", () => {
  test("removes the value and leaves a tombstone, so a late duplicate does not run again", async () => {
    const runs: string[] = [];
    await using it = await tasks(runs);
    const result = await it.tasks.add.delay(1, 2);
    const [body] = it.broker.bodies(QUEUE);
    await it.settle(result);
    await result.forget();
    await expect(result.get()).rejects.toThrow("it was forgotten");
    expect(await result.info()).toMatchObject({ state: "SUCCESS", forgotten: true });
    expect(it.record(result)).not.toHaveProperty("result");
    await it.send(body as string);
    await it.advance(60);
    expect(runs).toEqual(["add"]);
    expect(it.messages()).toEqual([]);
    expect(await result.state()).toBe("SUCCESS");
  });

  test("a duplicate of a forgotten task calls no callback: there is no result to hand it", async () => {
    const runs: string[] = [];
    await using it = await tasks(runs);
    const result = await it.tasks.add.applyAsync([1, 2], { link: it.tasks.note.s() });
    const [body] = it.broker.bodies(QUEUE);
    await it.settle(result);
    await it.advance(5);
    await result.forget();
    await it.send(body as string);
    await it.advance(60);
    expect(runs).toEqual(["add", "note 3"]);
  });

  test("forgets why a task failed", async () => {
    await using it = await tasks();
    const result = await it.tasks.fails.delay();
    await it.settle(result);
    await result.forget();
    await result.forget();
    expect(it.record(result)).not.toHaveProperty("failure");
    await expect(result.get()).rejects.toThrow(ResultExpired);
  });

  test("is refused before the task has ended", async () => {
    await using it = await tasks();
    const result = await it.tasks.add.applyAsync([1, 2], { countdown: "1m" });
    await expect(result.forget()).rejects.toThrow(NotReady);
    await expect(result.forget()).rejects.toThrow("is PENDING and cannot be forgotten before it ends; revoke it first");
  });
});
