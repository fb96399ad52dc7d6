import { describe, expect, test } from "vitest";
import type { TaskOptions } from "../../lib/settings.ts";
import { memoryApp } from "../support/memory-app.ts";

class NetworkError extends Error {}
class DnsError extends NetworkError {}

async function runsOf(options: TaskOptions, errors: readonly (Error | undefined)[]) {
  const runs: number[] = [];
  await using it = await memoryApp((app) => ({
    task: app.task("task", { bind: true, ...options }, (ctx) => {
      runs.push(app.clock.now());
      const error = errors[Math.min(ctx.retries, errors.length - 1)];
      if (error) throw error;
      return 1;
    }),
  }));
  const result = await it.tasks.task.delay();
  const state = await it.settle(result);
  const pauses = runs.slice(1).map((at, i) => (at - (runs[i] as number)) / 1_000);
  return { state, runs: runs.length, pauses, failure: (await result.info()).failure };
}

const soon = { defaultRetryDelay: 1 };

describe("autoRetryFor (test_tasks.py::test_class_based_task_retried)", () => {
  test("an error of a named class runs the task once more", async () => {
    expect(await runsOf({ ...soon, autoRetryFor: [NetworkError] }, [new NetworkError("no"), undefined])).toMatchObject({
      state: "SUCCESS",
      runs: 2,
    });
  });

  test.each<[string, TaskOptions, Error, number]>([
    ["a class matches its subclasses", { autoRetryFor: [NetworkError] }, new DnsError("no"), 4],
    ["a name matches the class", { autoRetryFor: ["NetworkError"] }, new NetworkError("no"), 4],
    ["a name matches subclasses", { autoRetryFor: ["NetworkError"] }, new DnsError("no"), 4],
    [
      "a name matches the name an error gave itself",
      { autoRetryFor: ["Throttled"] },
      Object.assign(new Error("no"), { name: "Throttled" }),
      4,
    ],
    ["Error matches all", { autoRetryFor: [Error] }, new TypeError("no"), 4],
    ["no other class matches", { autoRetryFor: [NetworkError, "RangeError"] }, new TypeError("no"), 1],
    ["an exception by class", { autoRetryFor: [NetworkError], dontAutoRetryFor: [DnsError] }, new DnsError("no"), 1],
    ["an exception by name", { autoRetryFor: ["Error"], dontAutoRetryFor: ["DnsError"] }, new DnsError("no"), 1],
    ["nothing is retried unless asked for", {}, new NetworkError("no"), 1],
  ])("%s", async (_, options, error, runs) => {
    expect(await runsOf({ ...soon, ...options }, [error])).toMatchObject({
      state: "FAILURE",
      runs,
      failure: { message: "no" },
    });
  });
});

describe("the pauses between automatic retries", () => {
  const always = { autoRetryFor: [Error], maxRetries: 6 };

  test("are the default delay without backoff", async () => {
    const { pauses } = await runsOf({ ...always, maxRetries: 2, defaultRetryDelay: 7 }, [new Error("no")]);
    expect(pauses.map(Math.floor)).toEqual([7, 7]);
  });

  test("are 1, 2, 4 … seconds with backoff, up to its maximum", async () => {
    const { pauses } = await runsOf({ ...always, retryBackoff: true, retryBackoffMax: 20, retryJitter: false }, [
      new Error("no"),
    ]);
    expect(pauses.map(Math.floor)).toEqual([1, 2, 4, 8, 16, 20]);
  });

  test("start at the factor", async () => {
    const { pauses } = await runsOf({ ...always, maxRetries: 3, retryBackoff: "5s", retryJitter: false }, [
      new Error("no"),
    ]);
    expect(pauses.map(Math.floor)).toEqual([5, 10, 20]);
  });

  test("are within the backoff with jitter, and differ", async () => {
    const { pauses } = await runsOf({ ...always, retryBackoff: 64, retryBackoffMax: 256 }, [new Error("no")]);
    const bounds = [64, 128, 256, 256, 256, 256];
    for (const [i, pause] of pauses.entries()) expect(pause).toBeLessThan((bounds[i] as number) + 2);
    expect(new Set(pauses).size).toBe(6);
  });
});
