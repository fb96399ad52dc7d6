// `lovage redrive`: a failed task is sent again as a new one, once, whoever asks and however often.
import { describe, expect, test } from "vitest";
import { certify } from "../../lib/core/ids.ts";
import { StoreUnavailable } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import type { ResultStore } from "../../lib/ports/result-store.ts";
import { decode } from "../../lib/wire/envelope.ts";
import { decisionDeps } from "../../lib/worker/deps.ts";
import { type Redriven, type RedriveTaskOptions, redriveTask, redriveTasks } from "../../lib/worker/redrive.ts";
import { DEAD, type MemoryApp, memoryApp, QUEUE } from "../support/memory-app.ts";

const BROKEN = { down: true };
const ONCE = { again: false, dryRun: false };

const tasks = (options = {}) => {
  BROKEN.down = true;
  const seen: unknown[] = [];
  return memoryApp(
    (app) => ({
      seen,
      charge: app.task("charge", { bind: true }, (ctx, order: string, text: string = "") => {
        if (BROKEN.down) throw new RangeError(`no bank for ${order}`);
        return [order, text.length, ctx.redrivenFrom ?? null, ctx.parentId ?? null, ctx.retries];
      }),
      note: app.task("note", { ignoreResult: true }, (text: string): void => {
        if (BROKEN.down) throw new Error("no ink");
        seen.push(text);
      }),
      patient: app.task("patient", { bind: true, maxRetries: 1 }, (ctx, n: number) => {
        if (ctx.retries === 0) throw ctx.retry({ args: [n + 1], countdown: 1 });
        if (BROKEN.down) throw new Error(`no patience with ${n}`);
        return n;
      }),
      notice: app.task("notice", (value: unknown) => void seen.push(value)),
    }),
    options,
  );
};

async function depsOf(it: MemoryApp<unknown>) {
  return decisionDeps(it.app, await it.app.backends(), silentLogger);
}

function storeWith(store: ResultStore, overrides: Partial<ResultStore>): ResultStore {
  return {
    read: (id) => store.read(id),
    write: (change) => store.write(change),
    failures: (query) => store.failures(query),
    check: () => store.check(),
    close: () => store.close(),
    ...overrides,
  };
}

async function redrive(it: MemoryApp<unknown>, id: string, options: Partial<RedriveTaskOptions> = {}) {
  return it.during(redriveTask(id, { ...ONCE, ...options }, await depsOf(it)));
}

function idOf(redriven: Redriven): string {
  if (!("redrivenAs" in redriven)) throw new Error(`${redriven.kind}: ${redriven.reason}`);
  return redriven.redrivenAs;
}

describe("a failed task", () => {
  test("runs again as another task, which knows where it came from; the old one keeps its ending", async () => {
    await using it = await tasks();
    const result = await it.tasks.charge.applyAsync(["o-1"], { expires: "1h" });
    expect(await it.settle(result)).toBe("FAILURE");
    BROKEN.down = false;
    const redriven = await redrive(it, result.id);
    expect(redriven).toMatchObject({ kind: "sent", id: result.id, task: "charge" });
    const again = it.app.result(idOf(redriven));
    expect(await it.settle(again)).toBe("SUCCESS");
    expect(await again.get()).toEqual(["o-1", 0, result.id, result.id, 0]);
    expect(await again.info()).toMatchObject({ redrivenFrom: result.id });
    expect(await result.info()).toMatchObject({ state: "FAILURE", redrives: 1 });
  });

  test("is left alone the second time, and sent as a third task where that is asked for", async () => {
    await using it = await tasks();
    const result = await it.tasks.charge.delay("o-1");
    await it.settle(result);
    const first = await redrive(it, result.id);
    expect(await redrive(it, result.id)).toEqual({
      kind: "skipped",
      id: result.id,
      redrives: 1,
      redrivenAs: idOf(first),
    });
    const second = await redrive(it, result.id, { again: true });
    expect(idOf(second)).not.toBe(idOf(first));
    expect(it.record(result)?.redrives).toBe(2);
    expect(await it.settle(it.app.result(idOf(first)), it.app.result(idOf(second)))).toBe("FAILURE");
  });

  test("is one task where two send it at once, and where the one who sent it died before counting", async () => {
    await using it = await tasks();
    const result = await it.tasks.charge.delay("o-1");
    await it.settle(result);
    BROKEN.down = false;
    const deps = await depsOf(it);
    const dies = storeWith(deps.store, { write: () => new Promise(() => {}) });
    void redriveTask(result.id, ONCE, { ...deps, store: dies });
    await it.advance(1);
    const [one, other] = await Promise.all([redrive(it, result.id), redrive(it, result.id)]);
    expect(idOf(one)).toBe(idOf(other));
    expect(it.record(result)?.redrives).toBe(1);
    await it.settle(it.app.result(idOf(one)));
    expect(it.store.records.get(idOf(one))?.runs).toBe(1);
  });

  test("is sent with the arguments it failed with, not with those of its first run", async () => {
    await using it = await tasks({ worker: false });
    const worker = await it.startWorker();
    const result = await it.tasks.patient.delay(1);
    await it.settle(result);
    await worker.stop();
    expect(it.record(result)?.failure?.message).toBe("no patience with 2");
    const redriven = await redrive(it, result.id);
    expect(it.messages().map(({ args, retries }) => [args, retries])).toEqual([[[2], 0]]);
    BROKEN.down = false;
    await it.startWorker();
    await it.settle(it.app.result(idOf(redriven)));
    expect(await it.app.result(idOf(redriven)).get()).toBe(3);
  });

  test("calls its callbacks, and its error callbacks once more where it fails again", async () => {
    await using it = await tasks();
    const { charge, notice } = it.tasks;
    const result = await charge.applyAsync(["o-1"], { link: notice.s(), linkError: notice.s() });
    await it.settle(result);
    const second = idOf(await redrive(it, result.id));
    await it.settle(it.app.result(second));
    BROKEN.down = false;
    const third = idOf(await redrive(it, second));
    await it.settle(it.app.result(third));
    await it.until("all have been called", () => it.tasks.seen.length === 3);
    expect(it.tasks.seen).toEqual([result.id, second, ["o-1", 0, second, second, 0]]);
  });

  test("sent with ignoreResult is recorded where it fails, and goes again without a record", async () => {
    await using it = await tasks();
    const result = await it.tasks.note.delay("hello");
    await it.until("it failed", () => it.record(result) !== undefined);
    BROKEN.down = false;
    const again = idOf(await redrive(it, result.id));
    expect(certify(again, it.app.key).untracked).toBe(true);
    await it.until("it ran", () => it.tasks.seen.length > 0);
    expect(it.store.records.has(again)).toBe(false);
  });
});

test("a dead letter, an unknown task and a message nobody can read are kept with their message; the last is refused", async () => {
  await using it = await tasks({ worker: { deadLetters: true } });
  const body = (id: string, task: string) =>
    JSON.stringify({
      headers: { id, task, lang: "py", lovage_resends: 3 },
      body: btoa('[["o-1"],{},{}]'),
      "content-type": "application/json",
      properties: { body_encoding: "base64" },
    });
  await it.send(body("dead-1", "charge"), DEAD);
  await it.send('{"headers": {"id": "odd-1", "task": "charge"}, "body": 5}', DEAD);
  await it.until("both are recorded", () => it.store.records.has("dead-1") && it.store.records.has("odd-1"));
  expect(it.store.records.get("dead-1")?.failure).toMatchObject({ type: "DeadLettered" });
  expect(await redrive(it, "odd-1")).toMatchObject({ kind: "refused", reason: /cannot read the message/ });
  BROKEN.down = false;
  const again = it.app.result(idOf(await redrive(it, "dead-1")));
  expect(await it.settle(again)).toBe("SUCCESS");
});

test("a follow-up whose queue was missing keeps its message, and is sent when the queue is there", async () => {
  await using it = await tasks();
  BROKEN.down = false;
  const notice = it.tasks.notice.s();
  const link = { wire: { ...notice.wire, options: { queue: "nowhere" } } }; // as a Python producer asks for a queue
  const result = await it.tasks.charge.applyAsync(["o-1"], { link });
  await it.settle(result);
  const failed = [...it.store.records.values()].find(({ state }) => state === "FAILURE");
  expect(failed).toMatchObject({ task: "notice", workload: "nowhere", failure: { type: "QueueNotFound" } });
  expect(decode(failed?.body ?? "").args).toEqual([["o-1", 0, null, null, 0]]);
  expect(await redrive(it, failed?.id ?? "")).toMatchObject({
    kind: "refused",
    reason: /queue "duckling-nowhere" does not exist/,
  });
});

test("what was never recorded, succeeded, or was forgotten is refused with the reason", async () => {
  await using it = await tasks();
  const failed = await it.tasks.charge.delay("o-1");
  await it.settle(failed);
  await failed.forget();
  expect(await redrive(it, failed.id)).toMatchObject({ kind: "refused", reason: /it was forgotten/ });
  BROKEN.down = false;
  const done = await it.tasks.charge.delay("o-2");
  await it.settle(done);
  expect(await redrive(it, done.id)).toMatchObject({ kind: "refused", reason: /it is SUCCESS/ });
  expect(await redrive(it, "nobody")).toMatchObject({ kind: "refused", reason: /no record of it/ });
});

test("a chosen id that was used again, long after it failed, is redriven as another task", async () => {
  await using it = await tasks({ worker: false });
  const failOnce = async () => {
    const worker = await it.startWorker();
    const result = await it.tasks.charge.applyAsync(["o-1"], { taskId: "monthly" });
    await it.settle(result);
    await worker.stop();
  };
  const DAY_MS = 86_400_000;
  await failOnce();
  await it.clock.advance(14 * DAY_MS);
  const first = idOf(await redrive(it, "monthly"));
  const worker = await it.startWorker();
  await it.settle(it.app.result(first));
  await worker.stop();
  await it.clock.advance(2 * DAY_MS);
  await failOnce();
  BROKEN.down = false;
  const second = idOf(await redrive(it, "monthly"));
  await it.startWorker();
  expect(await it.settle(it.app.result(second))).toBe("SUCCESS");
  expect(await it.app.result(first).state()).toBe("FAILURE");
});

test("a dry run says what would be sent, and changes nothing", async () => {
  await using it = await tasks();
  const result = await it.tasks.charge.delay("o-1");
  await it.settle(result);
  const before = it.record(result);
  const would = await redrive(it, result.id, { dryRun: true });
  expect(would.kind).toBe("would send");
  expect([it.messages(), it.record(result)]).toEqual([[], before]);
  expect(idOf(await redrive(it, result.id))).toBe(idOf(would));
});

describe("arguments in the payload store", () => {
  const payloads = { bucket: "duckling-payloads", argsOver: 2_000, resultsOver: 2_000 };
  const DAY = 86_400;
  const failedWithLargeArguments = async () => {
    const it = await tasks({ payloads, worker: false });
    const worker = await it.startWorker();
    const result = await it.tasks.charge.delay("o-1", "x".repeat(5_000));
    await it.settle(result);
    await worker.stop();
    return { it, result };
  };

  test("go again, and are kept until the new task has run", async () => {
    const { it, result } = await failedWithLargeArguments();
    await using _ = it;
    await it.clock.advance(14 * DAY * 1_000);
    const again = it.app.result(idOf(await redrive(it, result.id)));
    const ref = it.messages()[0]?.argsRef;
    expect(ref?.keptUntil).toBeGreaterThan(it.clock.now() + 29 * DAY * 1_000);
    BROKEN.down = false;
    await it.startWorker();
    expect(await it.settle(again)).toBe("SUCCESS");
    expect(await again.get()).toEqual(["o-1", 5_000, result.id, result.id, 0]);
  });

  test("that are gone are said to be, and nothing is sent or counted", async () => {
    const { it, result } = await failedWithLargeArguments();
    await using _ = it;
    await it.clock.advance(14 * DAY * 1_000);
    const ref = decode(it.record(result)?.body ?? "").argsRef;
    if (ref) await it.payloads.delete(ref);
    expect(await redrive(it, result.id)).toMatchObject({ kind: "refused", reason: /it expired or was removed/ });
    expect(it.messages()).toEqual([]);
    expect(it.record(result)).not.toHaveProperty("redrives");
  });

  test("cannot be looked after without the store: the app's module is asked for", async () => {
    const { it, result } = await failedWithLargeArguments();
    await using _ = it;
    await it.clock.advance(14 * DAY * 1_000);
    const { payloads: _payloads, ...deps } = await depsOf(it);
    for (const dryRun of [true, false]) {
      const redriven = await it.during(redriveTask(result.id, { ...ONCE, dryRun }, deps));
      expect(redriven).toMatchObject({ kind: "refused", reason: /name the app's module \(--app\)/ });
    }
  });
});

describe("many", () => {
  const failed = async (it: Awaited<ReturnType<typeof tasks>>, count: number) => {
    const results = await Promise.all(Array.from({ length: count }, (_, i) => it.tasks.charge.delay(`o-${i}`)));
    await it.settle(...results);
    return results.map(({ id }) => id);
  };
  const run = async (it: MemoryApp<unknown>, ids: readonly string[], options = {}) => {
    const redriven: Redriven[] = [];
    const signal = new AbortController().signal;
    const all = { ...ONCE, ids, rate: 10, signal, onTask: (one: Redriven) => redriven.push(one), ...options };
    return { redriven, ended: redriveTasks(all, await depsOf(it)) };
  };

  test("go at the rate that was asked for", async () => {
    await using it = await tasks();
    const ids = await failed(it, 30);
    const { redriven, ended } = await run(it, ids, { rate: 5 });
    await it.advance(1);
    expect(redriven.length).toBeGreaterThanOrEqual(5);
    expect(redriven.length).toBeLessThanOrEqual(6);
    await it.advance(2);
    expect(redriven.length).toBeLessThanOrEqual(16);
    await it.during(ended);
    expect(redriven.map(({ kind }) => kind)).toEqual(ids.map(() => "sent"));
  });

  test("stop where they are asked to: what was begun is finished, the rest is not begun", async () => {
    await using it = await tasks();
    const ids = await failed(it, 20);
    const asked = new AbortController();
    const { redriven, ended } = await run(it, ids, { signal: asked.signal });
    await it.advance(0.95);
    asked.abort();
    await it.during(ended);
    expect(redriven).toHaveLength(10);
    expect(ids.filter((id) => it.store.records.get(id)?.redrives === 1)).toEqual(ids.slice(0, 10));
  });

  test("stop at the first failure of a back end, and go on where they stopped the next time", async () => {
    await using it = await tasks();
    const ids = await failed(it, 10);
    const deps = await depsOf(it);
    let reads = 0;
    const read = (id: string) => (++reads === 4 ? Promise.reject(new StoreUnavailable("down")) : deps.store.read(id));
    const redriven: Redriven[] = [];
    const all = { ...ONCE, ids, rate: 10, signal: new AbortController().signal };
    const onTask = (one: Redriven) => redriven.push(one);
    const store = storeWith(deps.store, { read });
    const broken = it.during(redriveTasks({ ...all, onTask }, { ...deps, store }));
    await expect(broken).rejects.toThrow("down");
    expect(redriven).toHaveLength(3);
    await it.during(redriveTasks({ ...all, onTask }, deps));
    expect(redriven.map(({ kind }) => kind)).toEqual([
      ...ids.slice(0, 3).map(() => "sent"),
      ...ids.slice(0, 3).map(() => "skipped"),
      ...ids.slice(3).map(() => "sent"),
    ]);
    expect(it.broker.bodies(QUEUE).length).toBeLessThanOrEqual(10);
  });

  test("where the list of them cannot be read on, what was begun is finished and told of first", async () => {
    await using it = await tasks();
    const [id = ""] = await failed(it, 1);
    async function* broken() {
      yield id;
      throw new StoreUnavailable("no next page");
    }
    const { redriven, ended } = await run(it, [], { ids: broken() });
    const told = ended.then(
      () => "it ended",
      (error: Error) => [error.message, redriven.map(({ kind }) => kind)],
    );
    expect(await it.during(told)).toEqual(["no next page", ["sent"]]);
    expect(it.store.records.get(id)?.redrives).toBe(1);
  });

  test("a failure of a back end does not wait for the next one's turn", async () => {
    await using it = await tasks();
    const ids = await failed(it, 2);
    const deps = await depsOf(it);
    const read = async () => {
      await it.clock.sleep(1_000);
      throw new StoreUnavailable("down");
    };
    const store = storeWith(deps.store, { read });
    const signal = new AbortController().signal;
    const began = it.clock.now();
    const broken = redriveTasks({ ...ONCE, ids, rate: 1 / 3_600, signal, onTask: () => {} }, { ...deps, store });
    await expect(it.during(broken)).rejects.toThrow("down");
    expect(it.clock.now() - began).toBeLessThan(60_000);
  });

  test("one that has become too large for a message is refused, and those after it are sent", async () => {
    await using it = await tasks({ worker: { deadLetters: true } });
    const [id = ""] = await failed(it, 1);
    const floats = Array.from({ length: 55_000 }, () => "1e+20").join(); // Python's way to write it; in JavaScript it has 21 digits
    const headers = { id: "large-1", task: "charge", lang: "py", lovage_resends: 3 };
    await it.send(JSON.stringify({ headers, body: `[[[${floats}]],{},{}]`, "content-type": "application/json" }), DEAD);
    await it.until("it is recorded", () => it.store.records.has("large-1"));
    for (const dryRun of [true, false]) {
      const { redriven, ended } = await run(it, ["large-1", id], { dryRun });
      await it.during(ended);
      expect(redriven).toMatchObject([
        { kind: "refused", id: "large-1", reason: /the message of task "charge" has [\d,]+ bytes/ },
        { kind: dryRun ? "would send" : "sent", id },
      ]);
    }
  });
});
