import { expect, test } from "vitest";
import { memoryApp } from "../support/memory-app.ts";

const counting = (runs: string[] = []) =>
  memoryApp(
    (app) => ({
      charge: app.task("charge", { bind: true }, async (ctx, order: string) => {
        runs.push(order);
        await ctx.sleep(1);
        return order;
      }),
    }),
    { worker: false },
  );

test("a chosen id is recorded at its publish and reads PENDING", async () => {
  await using it = await counting();
  const result = await it.tasks.charge.applyAsync(["17"], { taskId: "order-17" });
  expect(result.id).toBe("order-17");
  expect(await result.state()).toBe("PENDING");
  expect(it.record(result)).toMatchObject({ state: "PENDING", task: "charge", workload: "default" });
});

test("published again while it is PENDING it is sent again, and runs once", async () => {
  const runs: string[] = [];
  await using it = await counting(runs);
  const publish = () => it.tasks.charge.applyAsync(["17"], { taskId: "order-17" });
  await publish();
  const result = await publish();
  expect(it.messages()).toHaveLength(2);
  await it.startWorker();
  expect(await it.settle(result)).toBe("SUCCESS");
  await it.advance(120);
  expect(runs).toEqual(["17"]);
  expect(it.messages()).toEqual([]);
});

test("published again once it runs, has ended, or was forgotten, nothing is sent", async () => {
  const runs: string[] = [];
  await using it = await counting(runs);
  await it.startWorker();
  const publish = () => it.tasks.charge.applyAsync(["17"], { taskId: "order-17" });
  const result = await publish();
  await it.advance(0.5);
  expect(await result.state()).toBe("STARTED");
  await publish();
  expect(it.messages()).toHaveLength(1); // the one that is being worked on
  await it.settle(result);
  expect(await (await publish()).get()).toBe("17");
  await result.forget();
  await publish();
  await it.advance(60);
  expect(it.messages()).toEqual([]);
  expect(runs).toEqual(["17"]);
});

test("one that nobody consumed for 14 days and an hour reads LOST, and may be published again", async () => {
  await using it = await counting();
  const result = await it.tasks.charge.applyAsync(["17"], { taskId: "order-17" });
  await it.advance(14 * 86_400 + 3_601);
  expect(await result.state()).toBe("LOST");
  await expect(result.get()).rejects.toMatchObject({ name: "TaskLost" });
  await it.tasks.charge.applyAsync(["17"], { taskId: "order-17" });
  expect(await result.state()).toBe("PENDING");
});
