import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { chainOf } from "../../lib/core/canvas-shape.ts";
import type { Ending, Outcome } from "../../lib/core/outcome.ts";
import { type Fields, type Logger, silentLogger } from "../../lib/log.ts";
import type { JsonValue } from "../../lib/wire/serializer.ts";
import { type Ended, StopSignal } from "../../lib/worker/job.ts";
import { createPool, heapMb, type TaskPool } from "../../lib/worker/pool.ts";
import { type JobChanges, job } from "../fixtures/pool/job.ts";
import { signatureOf } from "../support/messages.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/pool/${name}`, import.meta.url));

/** Keeps what is logged, in order, with whatever else a test puts there. */
function recorder() {
  const entries: unknown[] = [];
  const logger = (bound: Fields): Logger => {
    const at = (level: string) => (fields: Fields, message: string) =>
      void entries.push([level, { ...bound, ...fields }, message]);
    const child = (fields: Fields) => logger({ ...bound, ...fields });
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), child };
  };
  return { entries, log: logger({}) };
}

let pool: TaskPool;
const poolLog = recorder();

beforeAll(() => {
  pool = createPool({ appPath: fixture("app.ts"), processes: 1, memoryMb: 64, log: poolLog.log });
});
afterAll(() => pool.close());

const run = (task: string, args: readonly JsonValue[] = [], changes: JobChanges = {}) =>
  pool.run(job(task, args, changes));

function value(outcome: Outcome): unknown {
  expect(outcome).toMatchObject({ kind: "success" });
  return outcome.kind === "success" && outcome.result !== undefined ? JSON.parse(outcome.result) : undefined;
}

const where = async (one: TaskPool) => (value(await one.run(job("facts"))) as { pid: number }).pid;

/** A zombie does not: it waits for whoever has become its parent. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync(`/proc/${pid}/stat`) || !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

const worksOn = async () => expect(value(await run("add", [2, 3]))).toBe(5);

describe("what a job brings back", () => {
  test("what came of a group's results, which its process read by itself, one by one", async () => {
    const envelope = { results: { group: "group-1", size: 101 } };
    expect(value(await run("total", [1_000], { envelope }))).toBe(1_000 + 4_950);
  });

  test("its value", async () => expect(value(await run("add", [2, 3]))).toBe(5));

  test("its context arrives, and the arguments with kwargs last", async () => {
    const outcome = await run("facts", [1, "two"], {
      envelope: { kwargs: { three: 3 }, retries: 2 },
      timeLimit: 9,
      softTimeLimit: 8,
    });
    expect(value(outcome)).toMatchObject({
      same: true,
      args: '[1,"two",{"three":3}]',
      id: "id of facts",
      retries: 2,
      worker: "test worker",
      messageId: "message",
      limits: [8, 9],
    });
  });

  test("a process is used again, and is not the worker's", async () => {
    const pid = await where(pool);
    expect(pid).not.toBe(process.pid);
    expect(await where(pool)).toBe(pid);
  });

  test("an error of its own class, with stack, code and cause", async () => {
    const outcome = await run("refuse");
    expect(outcome).toMatchObject({
      kind: "failure",
      expected: false,
      failure: {
        type: "PaymentRefused",
        message: "the card has expired",
        code: "card_expired",
        stack: expect.stringContaining("pool/tasks.ts:"),
        cause: { type: "RangeError", message: "12/24 is over" },
      },
    });
  });

  test("a retry: classes in autoRetryFor are those of the process", async () =>
    expect(await run("flaky")).toMatchObject({ kind: "retry", failure: { type: "Timeout", message: "no answer" } }));

  test("what is thrown to be ignored", async () =>
    expect(await run("give up")).toEqual({ kind: "ignored", reason: "nothing to do" }));

  test("what it puts in its place", async () => {
    const sig = chainOf([signatureOf("add", { args: [7, 1] }), signatureOf("add", { args: [2] })]);
    expect(await run("swap", [7])).toEqual({ kind: "replaced", sig });
  });

  test("progress and log lines, in order, before its outcome", async () => {
    const { entries, log } = recorder();
    const report = async (meta: string | undefined, state: string | undefined) => void entries.push([meta, state]);
    entries.push((await run("chatty", [], { log, report })).kind);
    expect(entries).toEqual([
      ["info", { step: 1 }, "begins"],
      ["1", undefined],
      ["warn", { part: "two", step: 2 }, "goes on"],
      ['{"at":2}', "HALFWAY"],
      ["3", "HALFWAY"],
      ["error", { step: 3 }, "ends"],
      "success",
    ]);
  });

  test("a report that could not be stored fails where it was made", async () => {
    const { entries, log } = recorder();
    const report = async () => Promise.reject(new RangeError("the table is gone"));
    await run("unlucky report", [], { log, report });
    expect(entries).toEqual([
      ["warn", { error: "RangeError: the table is gone" }, "progress could not be stored"],
      ["info", {}, "RangeError: the table is gone"],
    ]);
  });

  test("a map's results, by the code of the task that it calls", async () => {
    const mapOf = (task: string) =>
      run("celery.starmap", [], {
        envelope: {
          kwargs: {
            task: { task },
            it: [
              [2, 3],
              [4, 5],
            ],
          },
        },
      });
    expect(value(await mapOf("add"))).toEqual([5, 9]);
    const facts = value(await mapOf("facts")) as { id: string; args: string }[];
    expect(facts.map(({ id, args }) => [id, args])).toEqual([
      ["id of celery.starmap", "[2,3]"],
      ["id of celery.starmap", "[4,5]"],
    ]);
    expect(await mapOf("gone")).toMatchObject({ failure: { type: "NotRegistered" } });
  });

  test("a task its process does not know is a failure", async () =>
    expect(await run("no such task")).toMatchObject({ kind: "failure", failure: { type: "NotRegistered" } }));
});

describe("what a job sends without awaiting it", () => {
  test("has been accepted when the outcome is there", async () => {
    const before = value(await run("how many were sent")) as number;
    expect(value(await run("sends without awaiting", ["a", "b"]))).toBe("sent");
    expect(value(await run("how many were sent"))).toBe(before + 2);
  });

  test("and makes it fail where it was refused", async () =>
    expect(await run("sends without awaiting", ["a", "refuse me"])).toMatchObject({
      kind: "failure",
      failure: { type: "BrokerUnavailable" },
    }));

  test("unless the job has handled that itself", async () =>
    expect(value(await run("handles a send that fails"))).toBe("handled"));
});

describe("limits", () => {
  test("the soft limit reaches code that waits", async () => {
    expect(value(await run("tidy", [], { softTimeLimit: 0.05 }))).toBe("tidied up");
    expect(await run("nap", [], { softTimeLimit: 0.05 })).toMatchObject({
      kind: "failure",
      failure: { type: "SoftTimeLimitExceeded" },
    });
  });

  test("the hard limit ends a loop that never waits, and nothing else stands still meanwhile", async () => {
    let beats = 0;
    const heart = setInterval(() => beats++, 10);
    const outcome = await run("spin", [], { timeLimit: 0.5, softTimeLimit: 0.1 });
    clearInterval(heart);
    expect(outcome).toMatchObject({ kind: "failure", failure: { type: "TimeLimitExceeded" } });
    expect(beats).toBeGreaterThan(5);
    await worksOn();
  });

  test("a hard limit can be retried", async () => {
    const changes = { timeLimit: 0.2, softTimeLimit: 0.1, options: { autoRetryFor: ["TimeLimitExceeded"] } };
    expect(await run("spin", [], changes)).toMatchObject({ kind: "retry", failure: { type: "TimeLimitExceeded" } });
  });
});

describe("stops", () => {
  /** Stops the job as soon as it says that it runs. */
  const stopped = (task: string, reason: Parameters<StopSignal["stop"]>[0]) => {
    const stop = new StopSignal();
    return run(task, [], { stop, report: async () => stop.stop(reason) });
  };

  test("revoked: the signal aborts, the code ends as it likes", async () =>
    expect(value(await stopped("hold", "revoked"))).toBe("let go"));

  test.each([
    ["terminated", { kind: "revoked", reason: "terminated" }],
    ["shutdown", { kind: "interrupted" }],
    ["claim lost", { kind: "failure", failure: { type: "ClaimLost" } }],
  ] as const)("%s: the process is killed, whatever its code does", async (reason, outcome) => {
    expect(await stopped("spin", reason)).toMatchObject(outcome);
    await worksOn();
  });

  test("before it starts: nothing is started", async () => {
    const stop = new StopSignal();
    stop.stop("terminated");
    expect(await run("add", [2, 3], { stop })).toMatchObject({ kind: "revoked" });
  });
});

describe("deaths", () => {
  test.each(["objects", "arrays of objects", "arrays of millions", "a map"])("out of memory: %s", async (what) => {
    expect(await run("hog", [what])).toMatchObject({
      kind: "failure",
      failure: {
        type: "WorkerLost",
        message: expect.stringMatching(/ran out of memory, its heap is limited to 64 MB/),
      },
    });
    await worksOn();
  });

  test.each([
    ["exit", [0], /exit code 0: process\.exit\(\) was called/],
    ["exit", [3], /exit code 3: process\.exit\(\) was called/],
    ["abort", [], /died of SIGABRT: .* or code in it aborted/],
    ["kill", ["SIGKILL"], /was killed \(SIGKILL\)/],
    ["kill", ["SIGSEGV"], /died of SIGSEGV/],
    ["hangs up", [], /was killed \(SIGKILL\)/],
  ])("%s %j", async (task, args, message) => {
    expect(await run(task, args)).toMatchObject({
      kind: "failure",
      failure: { type: "WorkerLost", message: expect.stringMatching(message) },
    });
    await worksOn();
  });

  test("what was logged before is there", async () => {
    const { entries, log } = recorder();
    expect(await run("says a lot and exits", [], { log })).toMatchObject({ failure: { type: "WorkerLost" } });
    expect(entries.length).toBeGreaterThan(0);
    expect(entries).toEqual(entries.map((_, i) => ["info", { i }, "a line"]));
  });

  test.each([
    ["rejects behind its own back", "a rejected promise nobody handled", "nobody awaits me"],
    ["throws in a callback", "an error nobody caught", "nobody catches me"],
  ])("%s", async (task, what, message) => {
    expect(await run(task)).toMatchObject({
      kind: "failure",
      failure: {
        type: "WorkerLost",
        message: expect.stringContaining(`${what} ended the task's process: TypeError: ${message}`),
        cause: { type: "TypeError", message, stack: expect.stringContaining("pool/deaths.ts:") },
      },
    });
    await worksOn();
  });

  test("may be retried by name", async () => {
    const changes = { options: { autoRetryFor: ["WorkerLost"] } };
    expect(await run("exit", [1], changes)).toMatchObject({ kind: "retry", failure: { type: "WorkerLost" } });
  });

  test("what an earlier job left behind is logged under its name and blamed on nobody else", async () => {
    poolLog.entries.length = 0;
    expect((await run("leaves a bomb")).kind).toBe("success");
    expect(value(await run("innocent"))).toBe("innocent");
    expect(poolLog.entries).toEqual([
      [
        "error",
        expect.objectContaining({ task: "leaves a bomb", id: "id of leaves a bomb", error: "TypeError: too late" }),
        expect.stringContaining("a task that had already ended"),
      ],
    ]);
  });
});

test("an idle process that is killed is replaced", async () => {
  const pid = await where(pool);
  poolLog.entries.length = 0;
  process.kill(pid, "SIGKILL");
  await vi.waitUntil(() => poolLog.entries.length > 0, { timeout: 20_000 });
  expect(poolLog.entries).toEqual([["error", expect.anything(), expect.stringContaining("an idle process died")]]);
  expect(await where(pool)).not.toBe(pid);
});

test("SIGINT and SIGTERM are the worker's business", async () =>
  expect(value(await run("gets signals"))).toBe("alive"));

test("what a task's libraries send to a parent is nobody's business", async () =>
  expect(value(await run("sends messages of its own"))).toBe("sent"));

test.each([
  [512, 1, 460],
  [2048, 2, 921],
  [128, 4, 64],
])("%i MB for %i processes: a heap of %i MB each", (memoryMb, processes, heap) =>
  expect(heapMb({ memoryMb, processes })).toBe(heap),
);

test("two processes run two jobs at once, never three", async () => {
  await using two = createPool({ appPath: fixture("app.ts"), processes: 2, memoryMb: 64, log: silentLogger });
  const holding: StopSignal[] = [];
  let most = 0;
  let held = Promise.withResolvers<void>();
  const hold = async () => {
    const stop = new StopSignal();
    const report = async () => {
      most = Math.max(most, holding.push(stop));
      held.resolve();
    };
    const outcome = await two.run(job("hold", [], { stop, report }));
    return outcome.kind;
  };
  const jobs = [hold(), hold(), hold(), hold()];
  for (let ended = 0; ended < jobs.length; ) {
    const together = Math.min(2, jobs.length - ended);
    while (holding.length < together) {
      await held.promise;
      held = Promise.withResolvers<void>();
    }
    holding.shift()?.stop("revoked");
    ended++;
  }
  expect(await Promise.all(jobs)).toEqual(["success", "success", "success", "success"]);
  expect(most).toBe(2);
});

test("another process's death is nobody else's", async () => {
  await using two = createPool({ appPath: fixture("app.ts"), processes: 2, memoryMb: 64, log: silentLogger });
  const stop = new StopSignal();
  const held = Promise.withResolvers<void>();
  const holding = two.run(job("hold", [], { stop, report: async () => held.resolve() }));
  await held.promise;
  for (const task of ["hog", "exit", "throws in a callback"]) {
    expect(await two.run(job(task))).toMatchObject({ failure: { type: "WorkerLost" } });
  }
  stop.stop("revoked");
  expect(value(await holding)).toBe("let go");
});

describe("an app that does not load", () => {
  test("is a failure that says why, for every job", async () => {
    await using broken = createPool({
      appPath: fixture("load/throws.ts"),
      processes: 1,
      memoryMb: 64,
      log: silentLogger,
    });
    for (let i = 0; i < 2; i++) {
      expect(await broken.run(job("add", [1, 2]))).toMatchObject({
        kind: "failure",
        failure: { type: "StartupFailed", message: expect.stringContaining("ConfigMissing: no DATABASE_URL") },
      });
    }
  });

  test("or the end of every process is no hang, and no storm of new processes", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lovage-pool-"));
    vi.stubEnv("POOL_TEST_LOADS", join(folder, "loads"));
    try {
      const appPath = fixture("load/exits-in-children.ts");
      await using broken = createPool({ appPath, processes: 1, memoryMb: 64, log: silentLogger });
      for (let i = 0; i < 12; i++) {
        expect(await broken.run(job("any"))).toMatchObject({
          failure: { type: "WorkerLost", message: expect.stringContaining("exit code 7") },
        });
      }
      const loads = () => readFileSync(join(folder, "loads"), "utf8").length;
      const before = loads();
      await new Promise((resolve) => setTimeout(resolve, 300)); // a storm would go on
      expect(loads()).toBe(before);
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("hooks, listeners and resources", () => {
  const ended = (ending: Ending, log: Logger): Ended => ({ ...job("hooked", [], { log }), ending });

  test("are called in a process of the pool, with the context's log", async () => {
    const { entries, log } = recorder();
    const pid = await where(pool);
    await pool.announce(ended({ kind: "success", result: "5" }, log));
    await pool.announce(ended({ kind: "failure", failure: { type: "E", message: "no" }, expected: false }, log));
    await pool.announce(ended({ kind: "revoked", reason: "by hand" }, log));
    expect(entries).toEqual([
      ["info", { pid, result: 5 }, "onSuccess"],
      ["info", { pid, error: "E: no" }, "onFailure"],
      ["info", { reason: "by hand" }, "taskRevoked"],
    ]);
  });

  test("that end their process are logged, and the pool goes on", async () => {
    const { entries, log } = recorder();
    await pool.announce(ended({ kind: "retry", failure: undefined, retryAt: 0 }, log));
    expect(entries).toEqual([
      ["error", { error: expect.stringMatching(/^WorkerLost: .*7/) }, "hooks or listeners did not end"],
    ]);
    await worksOn();
  });

  test("may send without awaiting it: a process that has no job ends when that is accepted", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lovage-"));
    vi.stubEnv("POOL_NOTES", join(folder, "notes"));
    try {
      const one = createPool({ appPath: fixture("app.ts"), processes: 1, memoryMb: 128, log: silentLogger });
      const facts = job("sends behind its hook's back", [], { log: silentLogger });
      await one.announce({ ...facts, ending: { kind: "success", result: undefined } });
      await one.close();
      expect(readFileSync(join(folder, "notes"), "utf8")).toContain("sent\n");
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });

  test("are closed in every process that has no job when the pool closes, once", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lovage-"));
    vi.stubEnv("POOL_NOTES", join(folder, "notes"));
    try {
      const two = createPool({ appPath: fixture("app.ts"), processes: 2, memoryMb: 128, log: silentLogger });
      const pids = await Promise.all([two.run(job("hooked")), two.run(job("hooked"))]);
      await two.close();
      const written = readFileSync(join(folder, "notes"), "utf8").trim().split("\n");
      const expected = pids.flatMap((outcome) => [`closed in ${value(outcome)}`, `shut down ${value(outcome)}`]);
      expect(written.sort()).toEqual([...new Set(expected)].sort());
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the end of all", () => {
  test("a closed pool leaves no process, not even one in an endless loop", async () => {
    const two = createPool({ appPath: fixture("app.ts"), processes: 2, memoryMb: 64, log: silentLogger });
    const pids: number[] = [];
    const spinning = Promise.withResolvers<void>();
    const report = async (pid: string | undefined) => {
      pids.push(Number(pid));
      spinning.resolve();
    };
    const endless = two.run(job("spins and says where", [], { report }));
    await spinning.promise;
    pids.push(await where(two));
    expect(pids.map(runs)).toEqual([true, true]);
    await Promise.all([two.close(), two.close()]);
    expect(pids.map(runs)).toEqual([false, false]);
    expect(await endless).toEqual({ kind: "interrupted" });
    expect(await two.run(job("add", [1, 2]))).toEqual({ kind: "interrupted" });
  });

  test("console output arrives; a closed pool keeps no process alive, also the worker's own", async () => {
    const ran = await promisify(execFile)(process.execPath, [fixture("console.ts")], { timeout: 20_000 });
    expect(ran.stdout).toBe("a line for stdout\nclosed interrupted interrupted\n");
    expect(ran.stderr).toContain("a line for stderr\n");
  });

  test("a worker that is killed takes its processes with it, also one in an endless loop", async () => {
    const parent = spawn(process.execPath, [fixture("parent.ts")], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(parent.stdout, "data");
    const pids = String(line).trim().split(" ").map(Number);
    expect(pids.map(runs)).toEqual([true, true]);
    parent.kill("SIGKILL");
    await vi.waitUntil(() => !pids.some(runs), { timeout: 20_000 }); // a second, on a machine that has time
  });
});
