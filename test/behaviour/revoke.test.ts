import { expect, test } from "vitest";
import { Retry, TaskRevoked } from "../../lib/errors.ts";
import { memoryApp } from "../support/memory-app.ts";

test("revoked before it starts, it never does (test_tasks.py::test_revoked)", async () => {
  let runs = 0;
  await using it = await memoryApp((app) => ({ add: app.task("add", () => runs++) }), { worker: false });
  const result = await it.tasks.add.delay();
  expect(await result.revoke()).toBe("revoked");
  expect(await result.state()).toBe("REVOKED");
  await it.startWorker();
  await it.advance(5);
  await expect(result.get()).rejects.toThrow(TaskRevoked);
  expect([runs, await result.ready(), await result.failed()]).toEqual([0, true, false]);
  expect(it.messages()).toEqual([]);
  expect(await result.revoke()).toBe("ended");
});

const sleeper = (ran: string[] = []) =>
  memoryApp((app) => ({
    sleeps: app.task("sleeps", { bind: true }, async (ctx) => {
      await ctx.sleep("60s").catch((reason: unknown) => {
        ran.push((reason as Error).name);
        throw reason;
      });
      return "slept";
    }),
    deaf: app.task("deaf", { bind: true }, async (ctx) => {
      await app.clock.sleep(30_000);
      ran.push(`aborted: ${ctx.signal.aborted}`);
      return "slept";
    }),
  }));

test("revoked while it runs, its signal aborts at the next heartbeat and it ends as REVOKED", async () => {
  const ran: string[] = [];
  await using it = await sleeper(ran);
  const result = await it.tasks.sleeps.delay();
  await it.advance(1);
  expect(await result.revoke()).toBe("requested");
  expect((await result.info()).revokeRequested).toBe(true);
  await it.advance(7);
  expect(ran).toEqual(["TaskRevoked"]);
  expect(await result.state()).toBe("REVOKED");
  await expect(result.get()).rejects.toThrow("revoked while it ran");
});

test("code that does not listen ends as it ends: cooperation is asked for, not enforced", async () => {
  const ran: string[] = [];
  await using it = await sleeper(ran);
  const result = await it.tasks.deaf.delay();
  await it.advance(1);
  await result.revoke();
  expect(await it.settle(result)).toBe("SUCCESS");
  expect(ran).toEqual(["aborted: true"]);
});

test("terminate does not wait for code that does not listen", async () => {
  await using it = await sleeper();
  const result = await it.tasks.deaf.delay();
  await it.advance(1);
  expect(await result.revoke({ terminate: true })).toBe("requested");
  await it.advance(7);
  expect(await result.state()).toBe("REVOKED");
});

test("a revoke that no heartbeat has seen is seen before a retry", async () => {
  let runs = 0;
  await using it = await memoryApp((app) => ({
    retries: app.task("retries", async () => {
      runs++;
      await app.clock.sleep(2_000);
      throw new Retry({ countdown: 1 });
    }),
  }));
  const result = await it.tasks.retries.delay();
  await it.advance(1);
  await result.revoke();
  expect(await it.settle(result)).toBe("REVOKED");
  await it.advance(60);
  expect(runs).toBe(1);
  expect(it.messages()).toEqual([]);
});

test("revoked between two attempts, the next one never starts", async () => {
  let runs = 0;
  await using it = await memoryApp((app) => ({
    retries: app.task("retries", () => {
      runs++;
      throw new Retry({ countdown: 30 });
    }),
  }));
  const result = await it.tasks.retries.delay();
  await it.advance(5);
  expect(await result.state()).toBe("RETRY");
  expect(await result.revoke()).toBe("revoked");
  await it.advance(60);
  expect([runs, await result.state()]).toEqual([1, "REVOKED"]);
});

test("a request to revoke survives the death of the worker that ran it", async () => {
  let runs = 0;
  await using it = await memoryApp(
    (app) => ({
      hangs: app.task("hangs", () => {
        runs++;
        return new Promise<never>(() => {});
      }),
    }),
    { worker: false },
  );
  const doomed = await it.startWorker();
  const result = await it.tasks.hangs.delay();
  await it.advance(1);
  doomed.kill();
  expect(await result.revoke()).toBe("requested");
  await it.startWorker();
  expect(await it.settle(result)).toBe("REVOKED");
  expect(runs).toBe(1);
});

test("revoking what nobody has sent ends it before it is sent", async () => {
  let runs = 0;
  await using it = await memoryApp((app) => ({ add: app.task("add", () => runs++) }));
  expect(await it.app.result("order-17").revoke()).toBe("revoked");
  await it.tasks.add.applyAsync([], { taskId: "order-17" });
  await it.advance(5);
  expect([runs, await it.app.result("order-17").state()]).toEqual([0, "REVOKED"]);
});

test("a task without a claim, revoked before it starts, never does", async () => {
  let runs = 0;
  await using it = await memoryApp((app) => ({ add: app.task("add", { claim: false }, () => runs++) }), {
    worker: false,
  });
  const result = await it.tasks.add.delay();
  expect(await result.revoke()).toBe("revoked");
  await it.startWorker();
  await it.advance(60);
  expect([runs, await result.state()]).toEqual([0, "REVOKED"]);
  expect(it.messages()).toEqual([]);
});
