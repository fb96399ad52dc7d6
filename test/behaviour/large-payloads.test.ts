// Arguments and results that are too large to travel go through the payload store, and come back as if they had not.
import { describe, expect, test, vi } from "vitest";
import { createApp } from "../../lib/app.ts";
import { MAX_DEAD_LETTER_RESENDS, MAX_RESULT_BYTES, PAYLOADS, SQS, WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { AccessDenied, type LovageError, PayloadStoreUnavailable } from "../../lib/errors.ts";
import { BOUNDS } from "../support/bounds.ts";
import { APP, DEAD, memoryApp, QUEUE } from "../support/memory-app.ts";

const MB = 1_048_576;
const text = (bytes: number, seed = "x") => seed.repeat(bytes);
const DAYS = 86_400;
/** What is stored beside one argument's text. */
const BESIDE = '[[""],{}]'.length;

function large(options: Parameters<typeof memoryApp>[1] = {}) {
  const ran: unknown[][] = [];
  const called: unknown[][] = [];
  const define = (app: Parameters<Parameters<typeof memoryApp>[0]>[0]) => ({
    length: app.task("length", { bind: true, maxRetries: 8 }, (ctx, value: string, times?: number) => {
      ran.push([ctx.retries, value.length, ctx.args.length]);
      if (ctx.retries < (times ?? 1) - 1) ctx.retry({ countdown: "1m" });
      return value.length;
    }),
    make: app.task("make", (bytes: number, seed?: string) => text(bytes, seed)),
    grow: app.task("grow", { bind: true }, (ctx, value: string) => {
      ran.push([ctx.retries, value.length]);
      if (ctx.retries === 0) ctx.retry({ countdown: "1m", args: [text(400_000)] });
      return value.length;
    }),
    slow: app.task("slow", { bind: true }, async (ctx, value: string) => {
      ran.push([ctx.retries, value.length]);
      await ctx.sleep("5s");
      return text(30_000, value.charAt(0));
    }),
    note: app.task("note", (...args: unknown[]) => {
      called.push(args);
    }),
  });
  return memoryApp(define, { payloads: { bucket: "ducklings" }, ...options }).then((it) =>
    Object.assign(it, { ran, called }),
  );
}

const down = async () => {
  throw new PayloadStoreUnavailable("S3 did not answer");
};

describe("arguments", () => {
  test("of 3 MB reach the task whole; the message holds a reference and none of them", async () => {
    await using it = await large({ worker: false });
    const result = await it.tasks.length.delay(text(3 * MB));
    const [message] = it.messages();
    expect(message).toMatchObject({ args: [], kwargs: {}, argsRef: { bytes: 3 * MB + BESIDE } });
    expect(it.payloads.keys).toEqual([message?.argsRef?.key]);
    expect(it.broker.bodies(QUEUE)[0]?.length).toBeLessThan(2_000);

    await it.startWorker();
    await it.settle(result);
    expect(await result.get()).toBe(3 * MB);
    expect(it.ran).toEqual([[0, 3 * MB, 1]]);
  });

  test("keyword arguments too", async () => {
    await using it = await large();
    const result = await it.app.sendTask("note", [1], { kwargs: { text: text(400_000) } });
    await it.settle(result);
    expect(it.called).toEqual([[1, { text: text(400_000) }]]);
  });

  test("that fit travel in the message, and nothing is put", async () => {
    await using it = await large({ worker: false });
    await it.tasks.length.delay(text(PAYLOADS.argsOver - 2_000));
    expect(it.messages()[0]?.args[0]).toHaveLength(PAYLOADS.argsOver - 2_000);
    expect(it.payloads.keys).toEqual([]);
    await it.tasks.length.delay(text(PAYLOADS.argsOver));
    expect(it.payloads.keys).toHaveLength(1);
  });

  test("a lower threshold counts where it is set", async () => {
    await using it = await large({
      worker: false,
      payloads: { bucket: "ducklings", argsOver: 2_048, resultsOver: 1_024 },
    });
    await it.tasks.length.delay(text(2_000));
    expect(it.payloads.keys).toHaveLength(1);
  });

  test("published twice under one id they are one object; other arguments under that id are another", async () => {
    await using it = await large({ worker: false });
    for (const seed of ["a", "a", "b"])
      await it.tasks.length.applyAsync([text(400_000, seed)], { taskId: "chosen/../id" });
    expect(it.messages()).toHaveLength(3);
    expect(it.payloads.keys).toHaveLength(2);
    await it.startWorker();
    await it.settle(it.app.result("chosen/../id"));
    expect(await it.app.result("chosen/../id").get()).toBe(400_000);
    await it.advance(60);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
    expect(it.ran).toHaveLength(1);
  });

  test("a plain retry, and the hops of a long delay, send the reference on and read the object only to run", async () => {
    await using it = await large();
    const get = vi.spyOn(it.payloads, "get");
    const put = vi.spyOn(it.payloads, "put");
    const result = await it.tasks.length.applyAsync([text(400_000), 3], { countdown: "10m" });
    await it.settle(result);
    expect(it.ran.map(([retries]) => retries)).toEqual([0, 1, 2]);
    expect([put.mock.calls.length, get.mock.calls.length]).toEqual([1, 3]);
  });

  test("a retry that asks for larger ones has them offloaded, in its message and in its record", async () => {
    await using it = await large();
    const result = await it.tasks.grow.delay("small");
    await it.advance(5);
    expect(it.record(result)).toMatchObject({
      state: "RETRY",
      retryArgs: expect.stringContaining(`"bytes":${400_000 + BESIDE}`),
    });
    expect(it.messages()[0]).toMatchObject({ args: [], argsRef: { bytes: 400_000 + BESIDE } });
    await it.settle(result);
    expect(await result.get()).toBe(400_000);
  });

  test("also where nothing is recorded: a retry with ignoreResult", async () => {
    await using it = await large();
    await it.tasks.grow.applyAsync(["small"], { ignoreResult: true });
    await it.advance(120);
    expect(it.ran).toEqual([
      [0, 5],
      [1, 400_000],
    ]);
  });

  test("a retry that changes only the arguments keeps keyword arguments that lie in the store", async () => {
    const seen: unknown[] = [];
    await using it = await memoryApp(
      (app) => ({
        both: app.task("both", { bind: true }, (ctx, n: number, options?: unknown) => {
          seen.push([n, options]);
          if (ctx.retries === 0) ctx.retry({ countdown: 1, args: [2] });
        }),
      }),
      { payloads: { bucket: "ducklings" } },
    );
    await it.settle(await it.app.sendTask("both", [1], { kwargs: { text: text(400_000) } }));
    expect(seen).toEqual([1, 2].map((n) => [n, { text: text(400_000) }]));
  });

  test("outlive any number of retries: the object is written again before it would expire", async () => {
    // Given a task that is retried every five days, eight times
    const values: number[] = [];
    await using it = await memoryApp(
      (app) => ({
        patient: app.task("patient", { bind: true, maxRetries: null }, (ctx, value: string) => {
          values.push(value.length);
          if (ctx.retries < 8) ctx.retry({ countdown: "5d" });
        }),
      }),
      { payloads: { bucket: "ducklings" } },
    );
    const put = vi.spyOn(it.payloads, "put");
    const result = await it.tasks.patient.delay(text(400_000));
    for (let day = 0; day < 41; day++) await it.advance(DAYS);
    expect(await result.state()).toBe("SUCCESS");
    expect(values).toEqual(Array.from({ length: 9 }, () => 400_000));
    // Then it took a few writes, not one for each of some 4,000 hops
    expect(put.mock.calls.length).toBeGreaterThan(2);
    expect(put.mock.calls.length).toBeLessThan(20);
  }, 60_000);

  test("a duplicate delivery finds that it has ended, and reads nothing", async () => {
    await using it = await large({ worker: false });
    const result = await it.tasks.length.delay(text(400_000));
    await it.duplicate();
    const get = vi.spyOn(it.payloads, "get");
    await it.startWorker({ concurrency: 1 });
    await it.settle(result);
    await it.advance(60);
    expect(it.ran).toHaveLength(1);
    expect(get).toHaveBeenCalledTimes(1);
    expect(it.messages()).toEqual([]);
  });
});

describe("results", () => {
  test("of 3 MB come back from get(); the record holds a reference", async () => {
    await using it = await large();
    const result = await it.tasks.make.delay(3 * MB);
    await it.settle(result);
    const record = it.record(result);
    expect(record).toMatchObject({ state: "SUCCESS", resultRef: { bytes: 3 * MB + 2 } });
    expect(record?.result).toBeUndefined();
    expect(record?.resultRef?.key).toContain(record?.token);
    expect(await result.get()).toBe(text(3 * MB));
    expect(await it.app.result(result.id).get()).toBe(text(3 * MB));
  });

  test("that fit the threshold stay in the record", async () => {
    await using it = await large();
    const result = await it.tasks.make.delay(PAYLOADS.resultsOver - 2);
    await it.settle(result);
    expect(it.record(result)?.result).toHaveLength(PAYLOADS.resultsOver);
    expect(it.payloads.keys).toEqual([]);
  });

  test("nobody wants are not put: ignoreResult", async () => {
    await using it = await large();
    const result = await it.tasks.make.applyAsync([100_000], { ignoreResult: true });
    await it.advance(5);
    expect(await result.get()).toBeUndefined();
    expect(it.payloads.keys).toEqual([]);
  });

  test("a callback is handed the value, and its message a reference of its own", async () => {
    await using it = await large();
    await it.settle(await it.tasks.make.applyAsync([400_000], { link: it.tasks.note.s("and this") }));
    await it.advance(5);
    expect(it.called).toEqual([[text(400_000), "and this"]]);
    expect(it.payloads.keys.map((key) => key.split("/")[1])).toEqual(["results", "args"]);
  });

  test("forget() removes the object", async () => {
    await using it = await large();
    const result = await it.tasks.make.delay(100_000);
    await it.settle(result);
    expect(it.payloads.keys).toHaveLength(1);
    await result.forget();
    expect(it.payloads.keys).toEqual([]);
    await expect(result.get()).rejects.toMatchObject({ code: "LOVAGE_RESULT_EXPIRED" });
    expect(await result.state()).toBe("SUCCESS");
  });

  test("forget() hides the value although its object cannot be removed, and removes it when called again", async () => {
    await using it = await large();
    const result = await it.tasks.make.delay(100_000);
    await it.settle(result);
    const spy = vi.spyOn(it.payloads, "delete").mockImplementation(down);
    await expect(result.forget()).rejects.toMatchObject({ code: "LOVAGE_PAYLOAD_STORE_UNAVAILABLE" });
    await expect(result.get()).rejects.toMatchObject({ code: "LOVAGE_RESULT_EXPIRED" });
    spy.mockRestore();
    await result.forget();
    expect(it.payloads.keys).toEqual([]);
  });

  test("live as long as their records: for 15 days, or as resultExpires says", async () => {
    await using it = await memoryApp(
      (app) => ({
        short: app.task("short", () => text(20_000)),
        long: app.task("long", { resultExpires: "40d" }, () => text(20_000)),
      }),
      { payloads: { bucket: "ducklings" } },
    );
    const results = [await it.tasks.short.delay(), await it.tasks.long.delay()];
    await it.settle(...results);
    expect(it.payloads.keys.map((key) => key.split("/")[0])).toEqual(["16d", "64d"]);
    await it.advance(39.9 * DAYS);
    expect(await results[1]?.get()).toBe(text(20_000));
    expect(it.payloads.keys).toHaveLength(1);
  });

  test("a result kept longer than any object is refused where the task is defined", async () => {
    await expect(
      memoryApp((app) => app.task("forever", { resultExpires: "5000d" }, () => 1), {
        payloads: { bucket: "ducklings" },
      }),
    ).rejects.toMatchObject({ code: "LOVAGE_INVALID_OPTION", message: expect.stringContaining("432000000 s") });
  });
});

describe("a crash", () => {
  test("between the object and its record costs a second run, whose own object is the result", async () => {
    await using it = await large({ worker: false });
    const result = await it.tasks.slow.delay("a");
    const first = await it.startWorker();
    await it.until("the first worker has put its result", async () => {
      if (it.ran.length === 1) first.killBefore("write");
      return it.payloads.keys.length === 1;
    });
    expect(it.record(result)?.state).toBe("STARTED");
    const orphan = it.payloads.keys[0];

    await it.startWorker();
    await it.settle(result);

    expect(it.ran).toHaveLength(2);
    expect(it.record(result)?.resultRef?.key).not.toBe(orphan);
    expect(await result.get()).toBe(text(30_000, "a"));
  });

  test("of a stale execution's finish leaves the winner's object alone", async () => {
    // Given an execution whose lease ends while it runs, and another that takes over
    await using it = await large({ worker: false });
    const result = await it.tasks.slow.delay("a");
    const stale = await it.startWorker();
    await it.until("it runs", () => it.ran.length === 1);
    const before = it.record(result)?.token;
    // Its put takes long, and none of its heartbeats gets through meanwhile.
    const { write } = it.store;
    vi.spyOn(it.store, "write").mockImplementation((change) =>
      change.kind === "heartbeat" && it.record(result)?.token === before ? down() : write.call(it.store, change),
    );
    const { changeVisibility } = it.broker;
    vi.spyOn(it.broker, "changeVisibility").mockImplementation((delivery, seconds) =>
      delivery.receiveCount === 1 ? down() : changeVisibility.call(it.broker, delivery, seconds),
    );
    const put = vi.spyOn(it.payloads, "put");
    put.mockImplementationOnce(async (payload) => {
      put.mockRestore();
      await it.clock.sleep(120_000);
      await it.payloads.put(payload);
    });
    await it.advance(40);
    await it.startWorker();
    await it.settle(result);
    const winner = it.record(result);
    await it.advance(200);

    // Then both have put, and the record names the winner's
    expect(it.ran).toHaveLength(2);
    expect(it.payloads.keys).toHaveLength(2);
    expect(winner?.token).not.toBe(before);
    expect(it.record(result)).toEqual(winner);
    expect(await result.get()).toBe(text(30_000, "a"));
    stale.kill();
  });

  test("between the record and its callback has the callback sent by the next delivery, with the value", async () => {
    await using it = await large({ worker: false });
    const result = await it.tasks.make.applyAsync([400_000, "b"], { link: it.tasks.note.s() });
    const first = await it.startWorker();
    first.killBefore("send");
    await it.until("it has ended", async () => it.record(result)?.state === "SUCCESS");
    expect(it.called).toEqual([]);
    await it.startWorker();
    await it.advance(60);
    expect(it.called).toEqual([[text(400_000, "b")]]);
  });
});

describe("an object that is gone", () => {
  test("ends the task as FAILURE(PayloadLost), with its error callbacks", async () => {
    await using it = await large({ worker: false });
    const result = await it.tasks.length.applyAsync([text(400_000)], { linkError: it.tasks.note.s() });
    const ref = it.messages()[0]?.argsRef;
    if (ref) await it.payloads.delete(ref);
    await it.startWorker();
    expect(await it.settle(result)).toBe("FAILURE");
    await it.advance(5);
    const error = await result.get().catch((thrown) => thrown);
    expect(error).toMatchObject({ type: "PayloadLost", message: expect.stringContaining(`"${ref?.key}"`) });
    expect(it.called).toEqual([[result.id]]);
    expect(it.ran).toEqual([]);
  });

  test("or was changed, too: nothing runs with other arguments than were sent", async () => {
    await using it = await large({ worker: false });
    const result = await it.tasks.length.delay(text(400_000));
    const ref = it.messages()[0]?.argsRef;
    if (ref) await it.payloads.put({ ref, json: JSON.stringify([[text(400_000, "y")], {}]) });
    await it.startWorker();
    expect(await it.settle(result)).toBe("FAILURE");
    await expect(result.get()).rejects.toMatchObject({
      type: "PayloadLost",
      message: expect.stringContaining("content"),
    });
    expect(it.ran).toEqual([]);
  });

  test("of a result: get() says so", async () => {
    await using it = await large();
    const result = await it.tasks.make.delay(100_000);
    await it.settle(result);
    const ref = it.record(result)?.resultRef;
    if (ref) await it.payloads.delete(ref);
    await expect(result.get()).rejects.toMatchObject({ code: "LOVAGE_PAYLOAD_LOST" });
  });

  test("of a result whose callback is still to be sent: the callback fails under its own id, the parent is done", async () => {
    await using it = await large({ worker: false });
    const result = await it.tasks.make.applyAsync([100_000], { link: it.tasks.note.s() });
    const first = await it.startWorker();
    first.killBefore("send");
    await it.until("it has ended", async () => it.record(result)?.state === "SUCCESS");
    const ref = it.record(result)?.resultRef;
    if (ref) await it.payloads.delete(ref);
    await it.startWorker();
    await it.advance(60);
    const callback = [...it.store.records.values()].find(({ task }) => task === "note");
    expect(callback).toMatchObject({ state: "FAILURE", failure: { type: "PayloadLost" } });
    expect(it.messages()).toEqual([]);
  });
});

describe("a store that is down", () => {
  test("at publish rejects the call, and nothing is sent or recorded", async () => {
    await using it = await large({ worker: false });
    vi.spyOn(it.payloads, "put").mockImplementation(down);
    for (const options of [{}, { taskId: "chosen" }]) {
      await expect(it.tasks.length.applyAsync([text(400_000)], options)).rejects.toMatchObject({
        code: "LOVAGE_PAYLOAD_STORE_UNAVAILABLE",
      });
    }
    expect(it.messages()).toEqual([]);
    expect(it.store.records.size).toBe(0);
    await it.tasks.length.delay("small ones do not need it");
    expect(it.messages()).toHaveLength(1);
  });

  test("at fetch gives the task back, claimed by nobody, and it runs when the store is back", async () => {
    await using it = await large({ worker: false });
    const result = await it.tasks.length.delay(text(400_000));
    const spy = vi.spyOn(it.payloads, "get").mockImplementation(down);
    await it.startWorker();
    await it.advance(2);
    expect(it.record(result)).toMatchObject({
      state: "RETRY",
      attempt: 0,
      failure: { type: "PayloadStoreUnavailable" },
    });
    const small = await it.tasks.length.delay("small");
    await it.settle(small); // others go on meanwhile
    await it.advance(600);
    expect(it.ran).toHaveLength(1);
    spy.mockRestore();
    await it.settle(result);
    expect(await result.get()).toBe(400_000);
    expect(it.ran.map(([retries]) => retries)).toEqual([0, 0]);
  });

  test("at fetch for hours ends the task as a dead letter that says why", async () => {
    await using it = await large();
    vi.spyOn(it.payloads, "get").mockImplementation(down);
    const result = await it.tasks.length.delay(text(400_000));
    const sentAt = it.clock.now();
    for (let hour = 0; hour < 6; hour++) await it.advance(3_600);
    const slack = 4 * 8 * 15; // polls, and tries of each fetch
    expect(((it.record(result)?.endedAt ?? 0) - sentAt) / 1_000).toBeLessThanOrEqual(BOUNDS.payloadOutage + slack);
    expect(it.record(result)).toMatchObject({
      state: "FAILURE",
      failure: { type: "DeadLettered", message: expect.stringContaining("S3 did not answer") },
    });
    expect(it.messages(DEAD)).toEqual([]);
  });

  test("at finish: a result that its record can hold goes there, nothing runs again", async () => {
    await using it = await large();
    vi.spyOn(it.payloads, "put").mockImplementation(down);
    const result = await it.tasks.make.delay(100_000);
    await it.settle(result);
    expect(it.record(result)).toMatchObject({ state: "SUCCESS", runs: 1 });
    expect(await result.get()).toBe(text(100_000));
  });

  test.each([
    ["a result", 0],
    ["what a retry asks for", 1],
  ])(
    "that is slow, with %s: the claim is kept meanwhile, and no other worker runs the task too",
    async (_, retries) => {
      let runs = 0;
      await using it = await memoryApp(
        (app) =>
          app.task("make", { bind: true }, (ctx, _given?: string) => {
            runs++;
            if (ctx.retries < retries) ctx.retry({ countdown: "1s", args: [text(100_000)] });
            return text(100_000);
          }),
        { payloads: { bucket: "ducklings" } },
      );
      await it.startWorker();
      const { put } = it.payloads;
      vi.spyOn(it.payloads, "put").mockImplementation(async (payload) => {
        await it.clock.sleep(60_000); // 32 MiB on a slow link take about as long
        return put.call(it.payloads, payload);
      });
      const result = await it.tasks.delay();
      await it.settle(result);
      expect(await result.state()).toBe("SUCCESS");
      expect(runs).toBe(retries + 1);
      expect(it.messages()).toEqual([]);
    },
  );

  test("at finish with a larger one: it runs again when the store is back", async () => {
    await using it = await large();
    const spy = vi.spyOn(it.payloads, "put").mockImplementation(down);
    const result = await it.tasks.make.delay(MAX_RESULT_BYTES + 1);
    await it.advance(5);
    expect(it.record(result)).toMatchObject({
      state: "RETRY",
      attempt: 0,
      failure: { type: "PayloadStoreUnavailable" },
    });
    spy.mockRestore();
    await it.settle(result);
    expect(it.record(result)).toMatchObject({ state: "SUCCESS", runs: 2 });
  });

  test("at finish with a larger one, for hours: it runs with every receive, and ends as a dead letter that says it could not be finished", async () => {
    await using it = await large();
    vi.spyOn(it.payloads, "put").mockImplementation(down);
    const result = await it.tasks.make.delay(MAX_RESULT_BYTES + 1);
    await it.advance(2 * BOUNDS.payloadOutage);
    const rounds = MAX_DEAD_LETTER_RESENDS + 1;
    expect(it.record(result)).toMatchObject({
      state: "FAILURE",
      runs: rounds * WORKLOAD_DEFAULTS.maxReceiveCount,
      failure: {
        message: `no worker could finish it in ${rounds} rounds of deliveries; its latest failure: S3 did not answer`,
      },
    });
  });

  test("at finish, and for good: no run would find the bucket, so the task fails with the reason", async () => {
    await using it = await large();
    vi.spyOn(it.payloads, "put").mockRejectedValue(new AccessDenied("s3:PutObject is not allowed"));
    const result = await it.tasks.make.delay(MAX_RESULT_BYTES + 1);
    expect(await it.settle(result)).toBe("FAILURE");
    await expect(result.get()).rejects.toMatchObject({ type: "AccessDenied" });
  });

  test("when a callback with a large value is to be sent: the message comes back until it is out", async () => {
    await using it = await large();
    const result = await it.tasks.make.applyAsync([400_000], { link: it.tasks.note.s() });
    const put = vi.spyOn(it.payloads, "put");
    put.mockImplementation(async (payload) => {
      if (payload.ref.key.includes("/args/")) return down();
      put.mockRestore();
      await it.payloads.put(payload);
      vi.spyOn(it.payloads, "put").mockImplementation(down);
    });
    await it.until("it has ended", async () => it.record(result)?.state === "SUCCESS");
    await it.advance(30);
    expect(it.called).toEqual([]);
    vi.restoreAllMocks();
    await it.advance(120);
    expect(it.called).toEqual([[text(400_000)]]);
  });
});

describe("limits", () => {
  test("without a store, large arguments are refused with the numbers and the way out", async () => {
    await using it = await memoryApp((app) => ({ add: app.task("add", (x: string) => x.length) }), { worker: false });
    const error: LovageError = await it.tasks.add.delay(text(2 * MB)).then(
      () => undefined as never,
      (thrown) => thrown,
    );
    expect(error.code).toBe("LOVAGE_MESSAGE_TOO_LARGE");
    expect(error.message).toMatch(new RegExp(`is 20\\d{5} bytes, the limit is ${SQS.maxMessageBytes}; set payloads`));
  });

  test("without a store, a large result ends the task as FAILURE with the numbers and the way out", async () => {
    await using it = await memoryApp((app) => ({ make: app.task("make", (n: number) => text(n)) }));
    const result = await it.tasks.make.delay(MAX_RESULT_BYTES);
    await it.settle(result);
    await expect(result.get()).rejects.toMatchObject({
      type: "ResultTooLarge",
      message: `the result of "make" is ${MAX_RESULT_BYTES + 2} bytes, the limit is ${MAX_RESULT_BYTES}; set payloads on the app, which keeps large results in S3, or store it elsewhere and return its key`,
    });
  });

  test("with a store there is a limit too", async () => {
    await using it = await large();
    await expect(it.tasks.length.delay(text(PAYLOADS.maxBytes))).rejects.toMatchObject({
      code: "LOVAGE_MESSAGE_TOO_LARGE",
      message: expect.stringContaining(`${PAYLOADS.maxBytes + BESIDE} bytes, the limit is ${PAYLOADS.maxBytes};`),
    });
    const result = await it.tasks.make.delay(PAYLOADS.maxBytes);
    await it.settle(result);
    await expect(result.get()).rejects.toMatchObject({
      type: "ResultTooLarge",
      message: expect.stringContaining(`the limit is ${PAYLOADS.maxBytes}; store it`),
    });
    expect(it.payloads.keys).toEqual([]);
  });

  test("what a callback is given by its caller stays in the message, and is refused there", async () => {
    await using it = await large();
    await expect(it.tasks.make.applyAsync([1], { link: it.tasks.note.si(text(2 * MB)) })).rejects.toMatchObject({
      code: "LOVAGE_MESSAGE_TOO_LARGE",
      message: expect.stringContaining("only a task's own arguments go through the payload store"),
    });
  });
});

describe("an app without a store", () => {
  test("gives a message that refers to one back, then fails the task with the reason", async () => {
    await using sender = await large({ worker: false });
    await sender.tasks.length.applyAsync([text(400_000)], { taskId: "from-elsewhere" });
    const [body = ""] = sender.broker.bodies(QUEUE);
    const heard: string[] = [];
    await using it = await memoryApp((app) => {
      for (const name of ["taskUnknown", "taskFailure"] as const) app.on(name, () => void heard.push(name));
      return app.task("length", (value: string) => value.length);
    });
    await it.send(body);
    await it.advance(5);
    expect(it.record({ id: "from-elsewhere" })).toBeUndefined();
    await it.settle(it.app.result("from-elsewhere"));
    expect(it.record({ id: "from-elsewhere" })).toMatchObject({
      state: "FAILURE",
      failure: { type: "NotSupported", message: expect.stringContaining("the same payloads") },
    });
    expect(heard).toEqual(["taskFailure"]); // its task is known
  });

  test("cannot forget a result that lies in one: it says so, and hides it", async () => {
    await using it = await large();
    const result = await it.tasks.make.delay(100_000);
    await it.settle(result);
    const { clock, broker, store } = it;
    const where = async () => ({ broker: "memory", store: "memory" });
    const other = createApp(APP, { clock, connect: async () => ({ broker, store, where }) });
    await expect(other.result(result.id).forget()).rejects.toMatchObject({ code: "LOVAGE_NOT_SUPPORTED" });
    await expect(result.get()).rejects.toMatchObject({ code: "LOVAGE_RESULT_EXPIRED" });
    await result.forget();
    expect(it.payloads.keys).toEqual([]);
  });
});
