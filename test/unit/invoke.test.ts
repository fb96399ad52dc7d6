import { describe, expect, test } from "vitest";
import type { TaskContext } from "../../lib/context.ts";
import { currentTask } from "../../lib/context.ts";
import type { Outcome } from "../../lib/core/outcome.ts";
import { MAX_RESULT_BYTES } from "../../lib/defaults.ts";
import { Events } from "../../lib/events.ts";
import { createApp, Ignore, Reject, Replace, Retry } from "../../lib/index.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import type { JsonValue } from "../../lib/wire/serializer.ts";
import { type Handler, invoke } from "../../lib/worker/invoke.ts";
import { StopSignal } from "../../lib/worker/job.ts";
import { runHere } from "../../lib/worker/pool-here.ts";
import { type JobChanges, job } from "../fixtures/pool/job.ts";
import { signatureOf } from "../support/messages.ts";

const plain = (handler: Handler) => ({ handler, hooks: [], schemas: {}, events: new Events() });

const run = (handler: Handler, changes: JobChanges = {}, args: readonly JsonValue[] = []) =>
  invoke(plain(handler), job("task", args, changes), new FakeClock());

const throwing = (error: unknown, changes: JobChanges = {}) =>
  run(() => {
    throw error;
  }, changes);

/** Lets virtual time pass until the run has ended. */
async function runFor(ms: number, handler: Handler, changes: JobChanges): Promise<Outcome | "still running"> {
  const clock = new FakeClock();
  let ended: Outcome | "still running" = "still running";
  void invoke(plain(handler), job("task", [], changes), clock).then((outcome) => {
    ended = outcome;
  });
  await clock.advance(ms);
  return ended;
}

const bound = { options: { bind: true } } as const;

describe("the stack of a failure", () => {
  const stackOf = (outcome: Outcome) => (outcome.kind === "failure" ? (outcome.failure.stack ?? "") : "");

  test.each([
    [
      "at once",
      () => {
        throw new Error("no");
      },
    ],
    [
      "later",
      async () => {
        await null;
        throw new Error("no", { cause: new TypeError("why") });
      },
    ],
  ])("ends where the task's code does: thrown %s", async (_, handler) => {
    const stack = stackOf(await run(handler));
    expect(stack).toMatch(/^Error: no\n\s+at .*invoke\.test\.ts/);
    expect(stack).not.toContain("lib/worker/invoke");
  });
});

describe("what the handler gets", () => {
  test("the arguments as they were sent", async () =>
    expect(await run((...args) => args, {}, [1, { a: null }])).toEqual({ kind: "success", result: '[1,{"a":null}]' }));

  test("kwargs, where there are any, as the last argument", async () =>
    expect(await run((...args) => args, { envelope: { kwargs: { k: 1 } } }, ["a"])).toEqual({
      kind: "success",
      result: '["a",{"k":1}]',
    }));

  test("the context first, where it is bound; currentTask() is the same", async () => {
    const handler = (ctx: TaskContext, x: number) => [ctx === currentTask(), ctx.id, ctx.retries, x];
    expect(await run(handler, { ...bound, envelope: { retries: 2 } }, [7])).toEqual({
      kind: "success",
      result: '[true,"id of task",2,7]',
    });
  });
});

describe("success", () => {
  test("nothing returned is no value", async () =>
    expect(await run(() => {})).toEqual({ kind: "success", result: undefined }));

  test("null is a value", async () => expect(await run(async () => null)).toEqual({ kind: "success", result: "null" }));

  test.each([
    ["is no JSON", () => ({ when: new Date(0) }), "NotSerializable", "result.when is a Date"],
    ["is too large", () => "x".repeat(MAX_RESULT_BYTES), "ResultTooLarge", `the limit is ${MAX_RESULT_BYTES}`],
  ])("but not where the value %s", async (_why, handler, type, message) =>
    expect(await run(handler)).toMatchObject({
      kind: "failure",
      expected: false,
      failure: { type, message: expect.stringContaining(message) },
    }),
  );
});

describe("errors", () => {
  class NetworkError extends Error {}
  class Timeout extends NetworkError {}

  test("fail the task", async () =>
    expect(await throwing(new RangeError("no"))).toMatchObject({
      kind: "failure",
      expected: false,
      failure: { type: "RangeError", message: "no" },
    }));

  test("thrown before the first await and after it are the same", async () =>
    expect(await run(async () => Promise.reject(new RangeError("no")))).toMatchObject({ kind: "failure" }));

  test("named in `throws` are expected", async () =>
    expect(await throwing(new Timeout("no"), { options: { throws: [NetworkError] } })).toMatchObject({
      kind: "failure",
      expected: true,
    }));

  test.each([
    ["class", [Timeout]],
    ["base class", [NetworkError]],
    ["name", ["Timeout"]],
    ["name of a base class", ["NetworkError"]],
  ])("retry the task by their %s", async (_what, autoRetryFor) => {
    const outcome = await throwing(new Timeout("no"), { options: { autoRetryFor } });
    expect(outcome).toMatchObject({ kind: "retry", failure: { type: "Timeout" }, exhausted: { type: "Timeout" } });
  });

  test("in dontAutoRetryFor fail all the same", async () =>
    expect(
      await throwing(new Timeout("no"), { options: { autoRetryFor: [Error], dontAutoRetryFor: [Timeout] } }),
    ).toMatchObject({ kind: "failure" }));

  const untouchable = new Proxy(new Error("no"), {
    getPrototypeOf: () => {
      throw new Error("hands off");
    },
  });
  test.each([
    ["null", null],
    ["undefined", undefined],
    ["a string", "no"],
    ["an object without a prototype", Object.create(Object.create(null))],
  ])("may be %s", async (_what, error) =>
    expect(await throwing(error, { options: { autoRetryFor: [NetworkError] } })).toMatchObject({
      kind: "failure",
      failure: { type: "NonError" },
    }),
  );
  test("may be an error that cannot be looked at", async () =>
    expect(await throwing(untouchable, { options: { autoRetryFor: [NetworkError] } })).toMatchObject({
      kind: "failure",
    }));
});

describe("words to the worker", () => {
  test("Ignore", async () => expect(await throwing(new Ignore("why"))).toEqual({ kind: "ignored", reason: "why" }));

  test.each([true, false])("Reject, requeue: %s", async (requeue) =>
    expect(await throwing(new Reject({ requeue, reason: "why" }))).toMatchObject({
      kind: "rejected",
      requeue,
      failure: { type: "Reject", message: "why" },
    }),
  );

  test("Retry without anything", async () =>
    expect(await throwing(new Retry())).toMatchObject({
      kind: "retry",
      failure: undefined,
      exhausted: { type: "MaxRetriesExceeded" },
    }));

  test("Retry with everything", async () => {
    const cause = new RangeError("no");
    const options = { countdown: "90s" as const, args: [1], kwargs: { k: 2 }, maxRetries: 7, cause };
    expect(await run((ctx: TaskContext) => ctx.retry(options), bound)).toMatchObject({
      kind: "retry",
      failure: { type: "RangeError" },
      exhausted: { type: "RangeError" },
      countdown: 90,
      maxRetries: 7,
      next: { args: [1], kwargs: { k: 2 } },
    });
  });

  test("Replace", async () => {
    const sig = signatureOf("instead", { args: [1] });
    expect(await throwing(new Replace({ wire: sig }))).toEqual({ kind: "replaced", sig });
    expect(await throwing(new Replace({ wire: { ...sig, args: [new Date(0)] as never } }))).toMatchObject({
      kind: "failure",
      failure: { type: "NotSerializable" },
    });
    expect(await throwing(new Replace(undefined as never))).toMatchObject({ failure: { type: "NotSerializable" } });
  });

  test("Replace, where it was revoked meanwhile", async () => {
    const stop = new StopSignal();
    const handler = () => {
      stop.stop("revoked");
      throw new Replace({ wire: signatureOf("instead") });
    };
    expect(await run(handler, { stop })).toMatchObject({ kind: "revoked" });
  });

  test("Retry at a time", async () =>
    expect(await throwing(new Retry({ eta: new Date(5) }))).toMatchObject({ kind: "retry", eta: 5 }));

  test.each([
    ["countdown and eta", { countdown: 1, eta: new Date(5) }, "countdown or eta, not both"],
    ["no time", { eta: new Date(Number.NaN) }, "valid Date"],
    ["a negative countdown", { countdown: -1 }, "countdown of retry() is -1"],
    ["arguments that are no JSON", { args: [new Date(5)] }, "args[0] is a Date"],
    ["arguments that are no list", { args: "abc" as unknown as unknown[] }, "args of retry()"],
    ["kwargs that are no object", { kwargs: [1] as unknown as Record<string, unknown> }, "kwargs of retry()"],
    ["half a retry", { maxRetries: 0.5 }, "maxRetries of retry()"],
  ])("Retry with %s fails", async (_what, options, message) =>
    expect(await throwing(new Retry(options))).toMatchObject({
      kind: "failure",
      failure: { message: expect.stringContaining(message) },
    }),
  );
});

describe("limits, in virtual time", () => {
  const limits = { timeLimit: 10, softTimeLimit: 5, ...bound };
  const wait = (ctx: TaskContext) => ctx.sleep("1h");

  test("the soft limit throws into code that waits", async () => {
    expect(await runFor(4_999, wait, limits)).toBe("still running");
    expect(await runFor(5_000, wait, limits)).toMatchObject({
      kind: "failure",
      failure: { type: "SoftTimeLimitExceeded", message: "soft time limit of 5 s exceeded" },
    });
  });

  test("an AbortError that somebody made of it is it again", async () => {
    const handler = (ctx: TaskContext) =>
      new Promise((_, reject) =>
        ctx.signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))),
      );
    expect(await runFor(5_000, handler, limits)).toMatchObject({ failure: { type: "SoftTimeLimitExceeded" } });
  });

  test("an AbortError of one's own stays one", async () =>
    expect(await throwing(new DOMException("aborted", "AbortError"))).toMatchObject({
      failure: { type: "AbortError" },
    }));

  test("the hard limit does not wait for code that goes on", async () => {
    const handler = () => new Promise(() => {});
    expect(await runFor(9_999, handler, limits)).toBe("still running");
    expect(await runFor(10_000, handler, limits)).toMatchObject({
      kind: "failure",
      failure: { type: "TimeLimitExceeded" },
    });
  });

  test("an ended run leaves no timer behind that matters", async () =>
    expect(await runFor(20_000, () => 1, limits)).toEqual({ kind: "success", result: "1" }));

  test("longer than Node's timers is no limit, not one that passes at once", async () => {
    const month = { ...bound, timeLimit: 31 * 86_400, softTimeLimit: 30 * 86_400 };
    expect(
      await invoke(
        plain((ctx: TaskContext) => ctx.sleep("20ms")),
        job("task", [], month),
      ),
    ).toMatchObject({
      kind: "success",
    });
  });
});

describe("stops", () => {
  const stopAt = async (reason: Parameters<StopSignal["stop"]>[0], handler: Handler) => {
    const stop = new StopSignal();
    const running = run(handler, { stop, ...bound });
    stop.stop(reason);
    return running;
  };
  const wait = (ctx: TaskContext) => ctx.sleep("1h");
  const deaf = () => new Promise(() => {});

  test("revoked: what the code throws then is its revocation", async () =>
    expect(await stopAt("revoked", wait)).toEqual({ kind: "revoked", reason: "revoked while it ran" }));

  test("revoked: code that ends well has ended well", async () =>
    expect(await stopAt("revoked", (ctx: TaskContext) => ctx.sleep("1h").catch(() => 5))).toEqual({
      kind: "success",
      result: "5",
    }));

  test("claim lost: the code hears of it", async () =>
    expect(await stopAt("claim lost", wait)).toMatchObject({ kind: "failure", failure: { type: "ClaimLost" } }));

  test("terminated and shutdown do not wait for it", async () => {
    expect(await stopAt("terminated", deaf)).toEqual({ kind: "revoked", reason: "terminated" });
    expect(await stopAt("shutdown", deaf)).toEqual({ kind: "interrupted" });
  });

  test.each(["terminated", "shutdown"] as const)("%s before it starts: it does not start", async (reason) => {
    const stop = new StopSignal();
    stop.stop(reason);
    let started = false;
    const outcome = await run(
      () => {
        started = true;
      },
      { stop },
    );
    expect([started, outcome.kind]).toEqual([false, reason === "shutdown" ? "interrupted" : "revoked"]);
  });
});

describe("on the worker's own thread", () => {
  /** An app whose queue answers when told to. */
  function gated() {
    const gates: PromiseWithResolvers<void>[] = [];
    const send = () => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    };
    const connect = async () => ({ broker: { send }, store: {} }) as never; // nothing else of them is used
    const app = createApp("here", { connect });
    const other = app.task("other", () => {});
    app.task("sends", () => {
      other.delay().catch(() => {});
      return "sent";
    });
    app.task("adds", (x: number, y: number) => x + y);
    return { here: runHere(app).run, gates };
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  test("a run waits for what it has sent itself, and for nobody else's", async () => {
    const { here, gates } = gated();
    let ended = false;
    const sends = here(job("sends")).finally(() => {
      ended = true;
    });
    await turn();
    expect(await here(job("adds", [2, 3]))).toEqual({ kind: "success", result: "5" });
    expect(ended).toBe(false);
    gates[0]?.resolve();
    expect(await sends).toEqual({ kind: "success", result: '"sent"' });
  });

  test("what could not be sent fails it, or retries it", async () => {
    const { here, gates } = gated();
    const failing = here(job("sends"));
    const retrying = here(job("sends", [], { options: { autoRetryFor: ["RangeError"] } }));
    await turn();
    for (const gate of gates) gate.reject(new RangeError("no queue"));
    expect(await failing).toMatchObject({ kind: "failure", failure: { message: "no queue" } });
    expect(await retrying).toMatchObject({ kind: "retry" });
  });

  test("an unknown task is a failure", async () =>
    expect(await gated().here(job("nowhere"))).toMatchObject({ failure: { type: "NotRegistered" } }));
});
