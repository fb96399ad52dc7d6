// SQS and DynamoDB that throttle, do not answer, or are away for an hour: what becomes of the tasks, by mode.
import { describe, expect, test, vi } from "vitest";
import type { App } from "../../lib/app.ts";
import type { ChangeKind } from "../../lib/core/changes.ts";
import { AccessDenied, BrokerUnavailable, StoreUnavailable } from "../../lib/errors.ts";
import { BOUNDS } from "../support/bounds.ts";
import { DEAD, type MemoryApp, memoryApp, QUEUE, type WorkerProcess } from "../support/memory-app.ts";

function working() {
  const ran: string[] = [];
  const called: unknown[] = [];
  const define = (app: App) => ({
    work: app.task("work", { bind: true, timeLimit: "2h" }, async (ctx, seconds: number) => {
      ran.push("work");
      await ctx.sleep(seconds);
      return seconds;
    }),
    unclaimed: app.task("unclaimed", { claim: false }, () => void ran.push("unclaimed")),
    untracked: app.task("untracked", { ignoreResult: true }, () => void ran.push("untracked")),
    fails: app.task("fails", () => {
      ran.push("fails");
      throw new Error("no");
    }),
    again: app.task("again", { bind: true, maxRetries: 1 }, (ctx) => {
      ran.push(`again ${ctx.retries}`);
      if (ctx.retries === 0) ctx.retry({ countdown: 5 });
    }),
    note: app.task("note", (value: unknown) => void called.push(value)),
  });
  return memoryApp(define, { worker: false }).then((it) => Object.assign(it, { ran, called }));
}

/** The next writes of this kind, as many as `times`, are refused by DynamoDB (`before`), or done while the answer is lost. */
function troubled(it: MemoryApp<unknown>, kind: ChangeKind, times: number, fault: "before" | "after"): () => number {
  const write = it.store.write.bind(it.store);
  let seen = 0;
  vi.spyOn(it.store, "write").mockImplementation(async (change) => {
    const hit = change.kind === kind && seen < times;
    if (hit) seen++;
    if (hit && fault === "before") throw new StoreUnavailable("throttled");
    const answer = await write(change);
    if (hit) throw new StoreUnavailable("the answer was lost");
    return answer;
  });
  return () => seen;
}

/** As a supervisor does: a worker that has ended is started again. */
async function supervised(it: Awaited<ReturnType<typeof working>>, seconds: number): Promise<number> {
  let starts = 0;
  let ended = true;
  let current: WorkerProcess | undefined;
  for (let passed = 0; passed < seconds; passed++) {
    if (ended) {
      current?.kill();
      current = await it.startWorker({ guard: false }).catch(() => undefined);
      ended = current === undefined;
      if (current) starts++;
      current?.worker.stopped.catch(() => {
        ended = true;
      });
    }
    await it.advance(1);
  }
  return starts;
}

describe("a table that throttles a few writes", () => {
  test.each([
    ["claim", "before"],
    ["claim", "after"],
    ["succeed", "before"],
    ["succeed", "after"],
  ] as const)("%s, %s its effect: the write is repeated, nothing runs twice", async (kind, fault) => {
    await using it = await working();
    const hits = troubled(it, kind, 4, fault);
    await it.startWorker();
    const result = await it.tasks.work.applyAsync([1], { link: it.tasks.note.s() });
    const sentAt = it.clock.now();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect((it.clock.now() - sentAt) / 1_000).toBeLessThan(10);
    await it.advance(600);
    expect(hits()).toBe(4);
    expect(it.ran).toEqual(["work"]);
    expect(it.called).toEqual([1]);
  });

  test.each([
    ["fails", "fail", "FAILURE", ["fails"]],
    ["again", "retry", "SUCCESS", ["again 0", "again 1"]],
  ] as const)("of %s, lost after its effect: the same", async (task, kind, state, ran) => {
    await using it = await working();
    const hits = troubled(it, kind, 4, "after");
    await it.startWorker();
    const result = await it.tasks[task].applyAsync([], { linkError: it.tasks.note.s() });
    expect(await it.settle(result)).toBe(state);
    await it.advance(600);
    expect(hits()).toBe(4);
    expect(it.ran).toEqual(ran);
    expect(it.called).toHaveLength(state === "FAILURE" ? 1 : 0);
  });

  test("heartbeats for four minutes: the message stays with its worker, and the task runs once", async () => {
    await using it = await working();
    troubled(it, "heartbeat", 1_000, "before");
    await it.startWorker();
    const result = await it.tasks.work.delay(240);
    await it.advance(120);
    await it.startWorker();
    expect(await result.state()).toBe("STALLED"); // the price: a reader sees no lease
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.ran).toEqual(["work"]);
  });
});

describe("a table that cannot be written for longer than a write is repeated", () => {
  test("a claim: the task is given back, and starts when the table is back", async () => {
    await using it = await working();
    troubled(it, "claim", 30, "before");
    await it.startWorker();
    const result = await it.tasks.work.delay(1);
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.ran).toEqual(["work"]);
  });

  test("a finish: the task runs again, and ends once, within the bound of a refused delivery", async () => {
    await using it = await working();
    troubled(it, "succeed", 5, "before");
    await it.startWorker();
    const result = await it.tasks.work.applyAsync([1], { link: it.tasks.note.s() });
    await it.until("it has run", () => it.ran.length === 1);
    const ranAt = it.clock.now();
    await it.until("it runs again", () => it.ran.length === 2);
    expect((it.clock.now() - ranAt) / 1_000).toBeLessThanOrEqual(BOUNDS.refused);
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(600);
    expect(it.ran).toEqual(["work", "work"]);
    expect(it.called).toEqual([1]);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });
});

describe("DynamoDB is away for an hour, and its workers are started again", () => {
  /** Ten run and four wait when it begins. */
  async function hour() {
    const it = await working();
    const first = await it.startWorker({ guard: false });
    const link = it.tasks.note.s();
    const running = await Promise.all(Array.from({ length: 10 }, () => it.tasks.work.applyAsync([10], { link })));
    await it.advance(1);
    const waiting = await Promise.all(Array.from({ length: 4 }, () => it.tasks.work.applyAsync([1], { link })));
    const unclaimed = await it.tasks.unclaimed.delay();
    await it.tasks.untracked.delay();
    const down = () => Promise.reject(new StoreUnavailable("DynamoDB did not answer"));
    const names = ["read", "write", "check"] as const;
    const spies = names.map((name) => vi.spyOn(it.store, name).mockImplementation(down));
    first.worker.stopped.catch(() => first.kill());
    await it.advance(400); // it ends as stalled
    await supervised(it, 3_200);
    for (const spy of spies) spy.mockRestore();
    await supervised(it, BOUNDS.hiccup + BOUNDS.takeover + 60);
    return { it, running, waiting, unclaimed };
  }

  test("what waited runs once, what was caught in the middle runs again, each ends once", async () => {
    const { it, running, waiting } = await hour();
    await using _ = it;
    const all = [...running, ...waiting];
    expect(await Promise.all(all.map((result) => result.state()))).toEqual(all.map(() => "SUCCESS"));
    expect(it.ran.filter((task) => task === "work")).toHaveLength(running.length * 2 + waiting.length);
    expect(it.called).toHaveLength(all.length);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });

  test("claim: false is a recorded failure where its receives were used up: no record can say that nobody ran it", async () => {
    const { it, unclaimed } = await hour();
    await using _ = it;
    expect(await unclaimed.info()).toMatchObject({ state: "FAILURE", failure: { type: "DeadLettered" } });
  });

  test("ignoreResult does not notice: nothing of it is written where it succeeds", async () => {
    const { it } = await hour();
    await using _ = it;
    expect(it.ran.filter((task) => task === "untracked")).toHaveLength(1);
  });
});

describe("SQS does not answer", () => {
  const down = () => Promise.reject(new BrokerUnavailable("SQS did not answer"));
  const outage = (it: MemoryApp<unknown>) => {
    const names = ["send", "receive", "delete", "changeVisibility"] as const;
    const spies = names.map((name) => vi.spyOn(it.broker, name).mockImplementation(down));
    return () => spies.forEach((spy) => void spy.mockRestore());
  };

  test("for four minutes: what runs keeps its lease, is recorded, and runs once", async () => {
    await using it = await working();
    await it.startWorker();
    const result = await it.tasks.work.applyAsync([120], { link: it.tasks.note.s() });
    await it.advance(1);
    const back = outage(it);
    await it.advance(150);
    expect(await result.state()).toBe("SUCCESS");
    await expect(it.tasks.work.delay(1)).rejects.toThrow(BrokerUnavailable);
    await it.advance(90);
    back();
    const backAt = it.clock.now();
    await it.until("its callback has run", () => it.called.length === 1);
    expect((it.clock.now() - backAt) / 1_000).toBeLessThanOrEqual(BOUNDS.hiccup);
    await it.advance(600);
    expect(it.ran).toEqual(["work"]);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });

  test("when a retry is to be sent: its record makes up for it", async () => {
    await using it = await working();
    await it.startWorker();
    const result = await it.tasks.again.delay();
    const [body] = it.broker.bodies(QUEUE);
    const send = vi.spyOn(it.broker, "send").mockImplementation(down);
    await it.advance(60);
    expect(await result.state()).toBe("RETRY");
    send.mockRestore();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.ran).toEqual(["again 0", "again 1"]);
    expect(body).toBeDefined();
  });
});

describe("a publish whose answer was lost", () => {
  const lost = (it: MemoryApp<unknown>) => {
    const send = it.broker.send.bind(it.broker);
    return vi.spyOn(it.broker, "send").mockImplementationOnce(async (queue, message) => {
      await send(queue, message);
      throw new BrokerUnavailable("the answer was lost");
    });
  };

  test("rejects although the task exists; with a chosen id it is sent again, and runs once", async () => {
    await using it = await working();
    lost(it);
    const call = () => it.tasks.work.applyAsync([1], { taskId: "order-7" });
    await expect(call()).rejects.toThrow(BrokerUnavailable);
    const result = await call();
    expect(it.messages()).toHaveLength(2);
    await it.startWorker();
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(600);
    expect(it.ran).toEqual(["work"]);
  });

  test("without one, sent again, it is two tasks: the caller never learned the first one's id", async () => {
    await using it = await working();
    lost(it);
    await expect(it.tasks.work.delay(1)).rejects.toThrow(BrokerUnavailable);
    await it.tasks.work.delay(1);
    await it.startWorker();
    await it.advance(60);
    expect(it.ran).toEqual(["work", "work"]);
  });

  test("that never arrived, with a chosen id: it reads PENDING, and is sent again", async () => {
    await using it = await working();
    vi.spyOn(it.broker, "send").mockImplementationOnce(() =>
      Promise.reject(new BrokerUnavailable("SQS did not answer")),
    );
    const call = () => it.tasks.work.applyAsync([1], { taskId: "order-8" });
    await expect(call()).rejects.toThrow(BrokerUnavailable);
    expect(await it.app.result("order-8").state()).toBe("PENDING");
    await it.startWorker();
    expect(await it.settle(await call())).toBe("SUCCESS");
  });
});

describe("SIGTERM during an outage", () => {
  test.each([
    ["what has ended and cannot be recorded", 3],
    ["what still runs when the grace is over", 60],
  ])("%s is given back, the worker ends in time, and another one runs it", async (_, seconds) => {
    await using it = await working();
    const first = await it.startWorker({ guard: false });
    const result = await it.tasks.work.delay(seconds);
    await it.advance(1);
    const write = vi
      .spyOn(it.store, "write")
      .mockImplementation(() => Promise.reject(new StoreUnavailable("DynamoDB did not answer")));
    const toldAt = it.clock.now();
    await first.stop();
    expect((it.clock.now() - toldAt) / 1_000).toBeLessThanOrEqual(BOUNDS.stop - BOUNDS.grace + 10);
    write.mockRestore();
    await it.startWorker();
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.ran).toEqual(["work", "work"]);
  });
});

test("where a permission is taken away every message is given back; nothing is lost when it returns", async () => {
  await using it = await working();
  const results = await Promise.all(Array.from({ length: 20 }, () => it.tasks.work.delay(1)));
  const denied = () => Promise.reject(new AccessDenied("kms:Decrypt"));
  const spies = [vi.spyOn(it.store, "read"), vi.spyOn(it.store, "write")].map((spy) => spy.mockImplementation(denied));
  await supervised(it, 1_800);
  for (const spy of spies) spy.mockRestore();
  await supervised(it, BOUNDS.hiccup + BOUNDS.takeover + 60);
  expect(await Promise.all(results.map((result) => result.state()))).toEqual(results.map(() => "SUCCESS"));
  expect(it.ran).toHaveLength(results.length);
});
