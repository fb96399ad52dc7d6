import { describe, expect, test, vi } from "vitest";
import type { App } from "../../lib/app.ts";
import { QueueNotFound } from "../../lib/errors.ts";
import { encode } from "../../lib/wire/envelope.ts";
import { DEAD, memoryApp, QUEUE } from "../support/memory-app.ts";
import { envelopeOf } from "../support/messages.ts";

const addOnly = (app: App) => ({ add: app.task("add", () => 5) });

describe("a task whose name is not registered", () => {
  test("is FAILURE(NotRegistered) when a deploy has had 100 s to bring it", async () => {
    await using it = await memoryApp((app) => ({ add: app.task("add", () => 1) }));
    const result = await it.app.sendTask("proj.tasks.missing");
    await it.advance(99);
    expect(await result.state()).toBe("PENDING");
    await it.advance(2);
    expect(await result.state()).toBe("FAILURE");
    await expect(result.get()).rejects.toMatchObject({
      type: "NotRegistered",
      message: expect.stringContaining("registered: add"),
    });
    expect(it.messages()).toEqual([]);
  });

  test("calls its error callback, once", async () => {
    const calls: string[] = [];
    await using it = await memoryApp((app) => ({ note: app.task("note", (id: string) => void calls.push(id)) }));
    const result = await it.app.sendTask("missing", [], { linkError: it.tasks.note.s() });
    await it.settle(result);
    await it.advance(30);
    expect(calls).toEqual([result.id]);
  });

  test("runs where a deploy brings it in time", async () => {
    await using it = await memoryApp(addOnly, { worker: false });
    const old = await it.startWorker();
    const result = await it.app.sendTask<number>("late");
    await it.advance(0.5);
    old.kill();
    await it.startWorker({}, (app) => app.task("late", () => 1));
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toBe(1);
  });
});

describe("a message nobody can read", () => {
  test("with an id in it is a recorded failure that keeps the body", async () => {
    await using it = await memoryApp(addOnly);
    const body = JSON.stringify({
      body: "gASVAAA=",
      headers: { id: "x-1", task: "add" },
      "content-type": "application/x-python-serialize",
      "content-encoding": "binary",
    });
    await it.send(body);
    const result = it.app.result("x-1");
    expect(await it.settle(result)).toBe("FAILURE");
    await expect(result.get()).rejects.toMatchObject({ type: "DecodeError" });
    expect(it.record(result)).toMatchObject({ task: "add", body });
    expect(it.messages()).toEqual([]);
  });

  test("cannot overwrite the record of another task", async () => {
    await using it = await memoryApp(addOnly);
    const result = await it.tasks.add.delay();
    await it.settle(result);
    await it.send(JSON.stringify({ body: "!", headers: { id: result.id, task: "add" } }));
    await it.advance(5);
    expect(await result.get()).toBe(5);
    expect(it.messages()).toEqual([]);
  });

  test.each(["", "hello", "{}", "[1]", '{"Records":[]}', "\u0000"])(
    "without one goes to the dead-letter queue and stays: %j",
    async (body) => {
      await using it = await memoryApp(addOnly);
      await it.send(body);
      await it.advance(60);
      expect(it.broker.bodies("duckling-default")).toEqual([]);
      expect(it.broker.bodies(DEAD)).toEqual([body]);
      const result = await it.tasks.add.delay();
      expect(await it.settle(result)).toBe("SUCCESS"); // the worker lives on
      await it.advance(3_600);
      expect(it.broker.bodies(DEAD)).toEqual([body]);
    },
  );
});

describe("poison: a task that kills every worker that runs it", () => {
  const poison = (calls: unknown[][]) =>
    memoryApp(
      (app) => ({
        kills: app.task("kills", () => new Promise<never>(() => {})),
        note: app.task("note", (...args: unknown[]) => void calls.push(args)),
      }),
      { worker: false },
    );

  test("is FAILURE(DeadLettered) after the receives its queue allows, with linkError once", async () => {
    const calls: unknown[][] = [];
    await using it = await poison(calls);
    const result = await it.tasks.kills.applyAsync([], { linkError: it.tasks.note.s() });
    let workers = 0;
    for (; !(await result.ready()) && workers < 20; workers++) {
      const doomed = await it.startWorker({ deadLetters: workers > 8 });
      await it.advance(5);
      if ((await result.state()) === "STARTED") doomed.kill();
      else await it.advance(20);
      await it.advance(30);
    }
    expect(await result.state()).toBe("FAILURE");
    const failure = {
      type: "DeadLettered",
      message: expect.stringContaining("its worker was lost in every delivery the queue allows"),
    };
    await expect(result.get()).rejects.toMatchObject(failure);
    expect(it.record(result)).toMatchObject({ runs: 8, body: expect.any(String) });
    await it.startWorker();
    await it.advance(60);
    expect(calls).toEqual([[result.id]]);
    expect(it.messages(DEAD)).toEqual([]);
  });
});

describe("a dead letter", () => {
  test("that cannot go back, for its queue does not exist, stays and is no failure", async () => {
    await using it = await memoryApp(addOnly, { worker: false });
    const result = await it.tasks.add.delay();
    const [body] = it.broker.bodies(QUEUE);
    for (let i = 0; i < 9; i++) await it.broker.receive(QUEUE, { max: 1, waitSeconds: 0, visibilitySeconds: 0 });
    const send = vi.spyOn(it.broker, "send").mockRejectedValue(new QueueNotFound(QUEUE, "memory"));
    await it.startWorker();
    await it.advance(20);
    expect(send).toHaveBeenCalled();
    expect([it.broker.bodies(DEAD), it.record(result)?.state, await result.state()]).toEqual([
      [body],
      "PENDING",
      "PENDING",
    ]);
    send.mockRestore();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.broker.bodies(DEAD)).toEqual([]);
  });

  test("that no worker ever claimed is sent to its queue again", async () => {
    await using it = await memoryApp(addOnly, { worker: false });
    const result = await it.tasks.add.delay();
    const [body] = it.broker.bodies("duckling-default");
    for (let i = 0; i < 9; i++)
      await it.broker.receive("duckling-default", { max: 1, waitSeconds: 0, visibilitySeconds: 0 }); // throttled pollers
    expect(it.broker.bodies(DEAD)).toEqual([body]);
    await it.startWorker();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.broker.bodies(DEAD)).toEqual([]);
  });

  test("nobody can read, with an id in it, is a recorded failure", async () => {
    await using it = await memoryApp(addOnly);
    const body = JSON.stringify({ body: "!", headers: { id: "x-1", task: "add" } });
    await it.send(body, DEAD);
    const result = it.app.result("x-1");
    expect(await it.settle(result)).toBe("FAILURE");
    expect(it.record(result)).toMatchObject({ task: "add", body, failure: { type: "DecodeError" } });
    expect(it.broker.bodies(DEAD)).toEqual([]);
  });

  test("nobody can read, without one, stays", async () => {
    await using it = await memoryApp(addOnly);
    await it.send("hello", DEAD);
    await it.advance(3_600);
    expect(it.broker.bodies(DEAD)).toEqual(["hello"]);
    expect(it.store.records.size).toBe(0);
  });

  test("of what has ended only does the follow-ups", async () => {
    const calls: unknown[][] = [];
    await using it = await memoryApp((app) => ({
      note: app.task("note", (...args: unknown[]) => void calls.push(args)),
      add: app.task("add", () => 5),
    }));
    const result = await it.tasks.add.applyAsync([], { link: it.tasks.note.s() });
    const [body] = it.broker.bodies("duckling-default");
    await it.settle(result);
    await it.advance(5);
    await it.send(body as string, DEAD);
    await it.advance(30);
    expect(calls).toEqual([[5]]);
    expect(it.broker.bodies(DEAD)).toEqual([]);
  });

  test("of an unknown task ends as FAILURE after three rounds", async () => {
    await using it = await memoryApp(addOnly);
    await it.send(encode(envelopeOf({ id: "x-1", task: "missing", args: [], lang: "py" }), "default"), DEAD);
    expect(await it.settle(it.app.result("x-1"))).toBe("FAILURE");
    expect(it.broker.bodies(DEAD)).toEqual([]);
  });
});
