import { expect, test } from "vitest";
import { memoryApp } from "../support/memory-app.ts";

const tasks = () =>
  memoryApp((app) => ({
    add: app.task("add", { ignoreResult: true }, (x: number, y: number) => x + y),
    keep: app.task("keep", (x: number) => x),
    fails: app.task("fails", { ignoreResult: true }, () => {
      throw new TypeError("no");
    }),
  }));

test("get() returns undefined at once and nothing is stored (test_tasks.py::test_ignore_result)", async () => {
  await using it = await tasks();
  const result = await it.tasks.add.delay(1, 2);
  expect(await result.get()).toBeUndefined();
  expect(await result.state()).toBe("UNTRACKED");
  await it.advance(5);
  expect(it.messages()).toEqual([]);
  expect(it.store.records.size).toBe(0);
  expect(await result.get()).toBeUndefined();
  expect(await result.ready()).toBe(true);
});

test("a call may ask for it, and a call may refuse it", async () => {
  await using it = await tasks();
  const asked = await it.tasks.keep.applyAsync([1], { ignoreResult: true });
  const refused = await it.tasks.add.applyAsync([1, 2], { ignoreResult: false });
  await it.settle(refused);
  await it.advance(5);
  expect(it.record(asked)).toBeUndefined();
  expect(await refused.get()).toBe(3);
});

test("a failure is stored all the same", async () => {
  await using it = await tasks();
  const result = await it.tasks.fails.delay();
  await it.advance(5);
  expect(await result.state()).toBe("FAILURE");
  expect(it.record(result)).toMatchObject({ state: "FAILURE", failure: { type: "TypeError", message: "no" } });
  await expect(result.get()).rejects.toThrow("no");
});

test("revoke() is refused: nobody would see it", async () => {
  await using it = await tasks();
  const result = await it.tasks.add.delay(1, 2);
  await expect(result.revoke()).rejects.toMatchObject({ name: "NotRevocable" });
});

test("claim: false writes once, at the end", async () => {
  await using it = await memoryApp((app) => ({
    add: app.task("add", { claim: false }, (x: number, y: number) => x + y),
  }));
  const result = await it.tasks.add.delay(1, 2);
  await it.settle(result);
  expect(await result.get()).toBe(3);
  expect(it.record(result)).not.toHaveProperty("startedAt");
});

test("with a chosen id the end is recorded, for that id cannot say so itself, and the value is not", async () => {
  await using it = await tasks();
  const result = await it.tasks.add.applyAsync([1, 2], { taskId: "sum-17" });
  expect(await it.settle(result)).toBe("SUCCESS");
  expect(it.record(result)).not.toHaveProperty("result");
  expect(await result.get()).toBeUndefined();
});
