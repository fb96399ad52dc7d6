import { describe, expect, test } from "vitest";
import { countOf, type Dimensions, emfDocument, type Measured, queueLatency } from "../../lib/core/emf.ts";
import { METRICS } from "../../lib/core/metrics.ts";
import type { Ending } from "../../lib/core/outcome.ts";

const NOTHING: Measured = { duration: [], queueLatency: [], retries: 0, failures: 0, successes: 0 };
const document = (measured: Partial<Measured>, dimensions: Partial<Dimensions> = {}) =>
  JSON.parse(
    emfDocument(1_700_000_000_123, { app: "shop", workload: "default", ...dimensions }, { ...NOTHING, ...measured }),
  );

describe("a document", () => {
  test("of a task counts for the task and for its workload", () => {
    const measured = { duration: [12.5, 7], queueLatency: [3, 0], retries: 1, failures: 2, successes: 3 };
    expect(document(measured, { task: "resize" })).toEqual({
      _aws: {
        Timestamp: 1_700_000_000_123,
        CloudWatchMetrics: [
          {
            Namespace: "Lovage",
            Dimensions: [
              ["App", "Workload"],
              ["App", "Workload", "Task"],
            ],
            Metrics: [
              { Name: "Duration", Unit: "Milliseconds" },
              { Name: "QueueLatency", Unit: "Milliseconds" },
              { Name: "Retries", Unit: "Count" },
              { Name: "Failures", Unit: "Count" },
              { Name: "Successes", Unit: "Count" },
            ],
          },
        ],
      },
      App: "shop",
      Workload: "default",
      Task: "resize",
      Duration: [12.5, 7],
      QueueLatency: [3, 0],
      Retries: 1,
      Failures: 2,
      Successes: 3,
    });
  });

  test("of a workload has no task", () => {
    const whole = document({ successes: 1 });
    expect(whole._aws.CloudWatchMetrics[0].Dimensions).toEqual([["App", "Workload"]]);
    expect(whole).not.toHaveProperty("Task");
  });

  test("says nothing of what did not happen: a metric that has a value costs", () => {
    const { _aws, ...members } = document({ failures: 1 });
    expect(_aws.CloudWatchMetrics[0].Metrics).toEqual([{ Name: "Failures", Unit: "Count" }]);
    expect(members).toEqual({ App: "shop", Workload: "default", Failures: 1 });
  });

  test("names a task in what CloudWatch takes for a dimension: printable ASCII, no colon at the front, not blank", () => {
    const named = (task: string) => document({ successes: 1 }, { task }).Task;
    expect(named("shop.tasks:resize ~1")).toBe("shop.tasks:resize ~1");
    expect(named("größe\n")).toBe("gr??e?");
    expect(named("::x")).toBe("?:x");
    expect(named("  ")).toBe("?");
  });

  test("is one line", () => {
    expect(emfDocument(0, { app: "a\nb", workload: "w", task: "t\r\n" }, { ...NOTHING, successes: 1 })).not.toMatch(
      /[\r\n]/,
    );
  });
});

test("every metric and every dimension has a name of its own, and nothing else in a document has it", () => {
  const { namespace: _, dimensions, ...metrics } = METRICS;
  const names = [...Object.values(dimensions), ...Object.values(metrics)];
  expect(new Set([...names, "_aws"]).size).toBe(names.length + 1);
});

describe("an ending counts as", () => {
  const failure = { type: "Error", message: "no" };
  test.each<[Ending, ReturnType<typeof countOf>]>([
    [{ kind: "success", result: undefined }, "successes"],
    [{ kind: "failure", failure, expected: false }, "failures"],
    [{ kind: "failure", failure, expected: true }, "failures"],
    [{ kind: "retry", failure: undefined, retryAt: 0 }, "retries"],
    [{ kind: "rejected", requeue: false, reason: "no" }, "failures"],
    [{ kind: "rejected", requeue: true, reason: "later" }, undefined],
    [{ kind: "revoked", reason: "by hand" }, undefined],
  ])("%j: %s", (ending, count) => expect(countOf(ending)).toBe(count));
});

describe("queue latency", () => {
  test("counts from the send", () => expect(queueLatency(1_000, undefined, 1_250)).toBe(250));
  test("leaves out a delay that was wished for", () => expect(queueLatency(1_000, 61_000, 61_040)).toBe(40));
  test("counts from the send where the time wished for was over by then", () =>
    expect(queueLatency(1_000, 500, 1_250)).toBe(250));
  test("is never negative, whatever two clocks say", () => expect(queueLatency(1_000, undefined, 900)).toBe(0));
});
