import { expect, test } from "vitest";
import { Ignore, Reject } from "../../lib/errors.ts";
import { DEAD, memoryApp } from "../support/memory-app.ts";

test("reject without requeue stores FAILURE (test_tasks.py::test_reject_without_requeue_stores_failure)", async () => {
  await using it = await memoryApp((app) => ({
    rejects: app.task("rejects", () => {
      throw new Reject({ reason: "not mine" });
    }),
  }));
  const result = await it.tasks.rejects.delay();
  expect(await it.settle(result)).toBe("FAILURE");
  await expect(result.get()).rejects.toMatchObject({ type: "Reject", message: "not mine" });
  expect(it.messages()).toEqual([]);
});

test("reject with requeue redelivers and succeeds (test_tasks.py::test_reject_with_requeue_redelivers_and_succeeds)", async () => {
  const receives: number[] = [];
  await using it = await memoryApp((app) => ({
    rejects: app.task("rejects", { bind: true }, (ctx) => {
      receives.push(ctx.delivery.receiveCount);
      if (ctx.delivery.receiveCount === 1) throw new Reject({ requeue: true });
      return "done";
    }),
  }));
  const result = await it.tasks.rejects.delay();
  await it.advance(0.5);
  expect(await result.state()).toBe("RETRY");
  await it.settle(result);
  expect(await result.get()).toBe("done");
  expect(receives).toEqual([1, 2]);
  expect((await result.info()).retries).toBe(0); // it is no retry: the task's attempts are its own
});

test("reject with requeue for ever is bounded by the receives of its queue", async () => {
  let runs = 0;
  await using it = await memoryApp((app) => ({
    rejects: app.task("rejects", () => {
      runs++;
      throw new Reject({ requeue: true, reason: "not now" });
    }),
  }));
  const result = await it.tasks.rejects.delay();
  expect(await it.settle(result)).toBe("FAILURE");
  await expect(result.get()).rejects.toMatchObject({
    type: "DeadLettered",
    message: "its task gave it back (Reject, requeue) in every delivery the queue allows: not now",
  });
  await it.advance(600);
  expect(runs).toBe(it.app.workloads.default?.maxReceiveCount);
  expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
});

test("Ignore ends the task as SUCCESS without a value or callbacks", async () => {
  const called: unknown[] = [];
  await using it = await memoryApp((app) => ({
    ignores: app.task("ignores", (): number => {
      throw new Ignore("nothing to do");
    }),
    note: app.task("note", (value: number) => void called.push(value)),
  }));
  const result = await it.tasks.ignores.applyAsync([], { link: it.tasks.note.s() });
  expect(await it.settle(result)).toBe("SUCCESS");
  await it.advance(5);
  expect(await result.get()).toBeUndefined();
  expect((await result.info()).ignored).toBe(true);
  expect(called).toEqual([]);
});
