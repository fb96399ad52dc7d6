import { describe, expect, test } from "vitest";
import { createApp } from "../../lib/app.ts";
import { TaskLost, TaskUnknown } from "../../lib/errors.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { memoryApp } from "../support/memory-app.ts";

const DAY = 86_400;

const tasks = () =>
  memoryApp(
    (app) => ({
      add: app.task("add", (x: number, y: number) => x + y),
      quiet: app.task("quiet", { ignoreResult: true }, () => {}),
      hangs: app.task("hangs", { timeLimit: "2h" }, () => new Promise<never>(() => {})),
    }),
    { worker: false },
  );

describe("state() from an id alone", () => {
  test("an id this app never made is UNKNOWN, and get() says so at once", async () => {
    await using it = await tasks();
    for (const id of ["order-17", "9f1b9f5e-4f6b-4c55-8d7c-0a5c1f7f6a10"]) {
      const result = it.app.result(id);
      expect([await result.state(), await result.ready()]).toEqual(["UNKNOWN", false]);
      await expect(result.get()).rejects.toThrow(TaskUnknown);
    }
  });

  test("an id of another app is UNKNOWN", async () => {
    await using it = await tasks();
    const { id } = await it.tasks.add.delay(1, 2);
    const other = createApp("gosling", { clock: it.clock, connect: () => it.app.backends() });
    expect(await it.app.result(id).state()).toBe("PENDING");
    expect(await other.result(id).state()).toBe("UNKNOWN");
  });

  test("one that nobody consumed is PENDING for 14 days and an hour, and then LOST", async () => {
    await using it = await tasks();
    const result = await it.tasks.add.delay(1, 2);
    await it.advance(14 * DAY + 3_600);
    expect(await result.state()).toBe("PENDING");
    await it.advance(1);
    expect([await result.state(), await result.ready()]).toEqual(["LOST", true]);
    await expect(result.get()).rejects.toThrow(TaskLost);
  });

  test("one that ignores its result is UNTRACKED, whatever happens to it", async () => {
    await using it = await tasks();
    const { id } = await it.tasks.quiet.delay();
    expect(await it.app.result(id).state()).toBe("UNTRACKED");
    await it.advance(20 * DAY);
    expect(await it.app.result(id).state()).toBe("UNTRACKED");
  });

  test("get() of one that gets LOST while somebody waits ends there", async () => {
    await using it = await tasks();
    const result = await it.tasks.add.delay(1, 2);
    await it.advance(14 * DAY + 3_590);
    await expect(it.during(result.get())).rejects.toThrow(TaskLost);
  });

  test("a task whose worker died is STALLED, and then runs again (smoke: test_child_process_respawn)", async () => {
    await using it = await tasks();
    const doomed = await it.startWorker();
    const result = await it.tasks.hangs.delay();
    await it.advance(60);
    expect(await result.state()).toBe("STARTED");
    doomed.kill();
    await it.advance(20);
    expect(await result.state()).toBe("STARTED");
    await it.advance(6);
    expect([await result.state(), await result.ready()]).toEqual(["STALLED", false]);
    await it.startWorker();
    await it.advance(10);
    expect(await result.info()).toMatchObject({ state: "STARTED", runs: 2 });
  });

  test("RETRY for over 14 days after it was due is LOST", async () => {
    await using it = await memoryApp((app) => ({
      task: app.task("task", { bind: true }, (ctx) => ctx.retry({ countdown: 60 })),
    }));
    const result = await it.tasks.task.delay();
    await it.advance(1);
    expect(await result.state()).toBe("RETRY");
    const later = createApp("duckling", {
      connect: () => it.app.backends(),
      clock: new FakeClock({ start: it.clock.now() + (14 * DAY + 3_600 + 61) * 1_000 }),
    });
    expect(await later.result(result.id).state()).toBe("LOST");
  });
});
