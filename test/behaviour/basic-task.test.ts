import { expect, test } from "vitest";
import { memoryApp } from "../support/memory-app.ts";

test("20 calls with arguments return their values (test_tasks.py::test_basic_task)", async () => {
  await using it = await memoryApp((app) => ({
    add: app.task("add", (x: number, y: number, z: number = 0) => x + y + z),
  }));
  const { add } = it.tasks;
  const results = [];
  for (let i = 0; i < 20; i++) results.push(await add.delay(i, i), await add.applyAsync([i, i, 1]));
  await it.settle(...results);
  for (const [i, result] of results.entries()) {
    const n = Math.floor(i / 2);
    expect(await result.get()).toBe(n + n + (i % 2));
    expect(await result.state()).toBe("SUCCESS");
    expect(await result.ready()).toBe(true);
    expect(await result.successful()).toBe(true);
    expect(await result.failed()).toBe(false);
  }
  expect(it.messages()).toEqual([]);
});

test("keyword arguments, which only Python and sendTask write, reach the handler as one last argument", async () => {
  await using it = await memoryApp((app) => {
    app.task("add", (x: number, { y }: { y: number }) => x + y);
  });
  const result = await it.app.sendTask<number>("add", [2], { kwargs: { y: 3 } });
  await it.settle(result);
  expect(await result.get()).toBe(5);
});

test("whatever JSON holds comes back as it was", async () => {
  await using it = await memoryApp((app) => ({ echo: app.task("echo", (value: unknown) => value) }));
  for (const value of [null, true, 0, -1.5, "", "käse \u0000 🦆", [], [[1], {}], { a: { b: [null] } }]) {
    const result = await it.tasks.echo.delay(value);
    await it.settle(result);
    expect(await result.get()).toEqual(value);
  }
});

test("a task that returns nothing gives undefined, and a rejected promise is a failure", async () => {
  await using it = await memoryApp((app) => ({
    nothing: app.task("nothing", async () => {}),
    rejects: app.task("rejects", async () => Promise.reject(new RangeError("no"))),
  }));
  const [nothing, rejects] = [await it.tasks.nothing.delay(), await it.tasks.rejects.delay()];
  await it.settle(nothing, rejects);
  expect(await nothing.get()).toBeUndefined();
  await expect(rejects.get()).rejects.toThrow("no");
});

test("a result JSON cannot hold is a failure that names the place", async () => {
  await using it = await memoryApp((app) => ({ bad: app.task("bad", () => ({ rows: [{ at: new Date(0) }] })) }));
  const result = await it.tasks.bad.delay();
  expect(await it.settle(result)).toBe("FAILURE");
  await expect(result.get()).rejects.toMatchObject({
    type: "NotSerializable",
    message: expect.stringContaining("result.rows[0].at"),
  });
});

test("get() resolves while the task is under way, in the same process or in any other", async () => {
  await using it = await memoryApp((app) => ({
    slow: app.task("slow", { bind: true }, async (ctx, answer: string) => {
      await ctx.sleep("3s");
      return answer;
    }),
  }));
  const result = await it.tasks.slow.delay("done");
  const elsewhere = it.app.result<string>(JSON.parse(JSON.stringify(result)));
  expect(await it.during(Promise.all([result.get(), elsewhere.get({ timeout: "10s" })]))).toEqual(["done", "done"]);
});
