// What `lovage cost` says a task uses is what it uses: tasks run on the local stack, with their SQS requests counted on the way and
// DynamoDB's own count of write units.
import { afterAll, beforeAll, expect, test } from "vitest";
import { SIZES } from "../../lib/core/cost/sizes.ts";
import { usageOf } from "../../lib/core/cost/usage.ts";
import { emfDocument } from "../../lib/core/emf.ts";
import { COST_DEFAULTS } from "../../lib/defaults.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { Broker } from "../../lib/ports/broker.ts";
import { type TaskOptions, taskSettings } from "../../lib/settings.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { startHeartbeat } from "../../lib/worker/heartbeat.ts";
import { onFargate, onLambda, type Workload } from "../../lib/workload.ts";
import { useCredentialsOf } from "../support/credentials.ts";
import { measureUsage } from "../support/measured-usage.ts";

/** And twice as many. */
const TASKS = 30;
const EMPTY_POLLS = 3;
/** CloudWatch Logs adds this to the size of each event. */
const CLOUDWATCH_EVENT_BYTES = 26;

let stack: LocalStack;
let apps = 0;

beforeAll(async () => {
  stack = await startLocalStack();
  useCredentialsOf(stack);
});
afterAll(() => stack.stop());

interface Case {
  readonly workload: Workload;
  readonly options?: TaskOptions;
  readonly resultBytes?: number;
  /** @default "together" */
  readonly sent?: "together" | "one by one";
}

const io = (concurrency: number) => onFargate({ work: "io", concurrency });

const CASES: Readonly<Record<string, Case>> = {
  "default options, together": { workload: io(10) },
  "default options, one by one": { workload: io(1), sent: "one by one" },
  "claim: false": { workload: io(10), options: { claim: false } },
  ignoreResult: { workload: io(10), options: { ignoreResult: true } },
  "a result of 3 KB": { workload: io(10), resultBytes: 3_072 },
  "a result of 3 KB, claim: false": { workload: io(10), options: { claim: false }, resultBytes: 3_072 },
  "Lambda, batches of ten": { workload: onLambda() },
  "Lambda, CPU-heavy: batches of one": { workload: onLambda({ work: "cpu" }) },
};

function measured({ workload, options = {}, resultBytes = 200, sent = "together" }: Case) {
  return measureUsage({ stack, name: `cost${++apps}`, workload, options, resultBytes, sent, tasks: TASKS });
}

function said({ workload, options = {}, resultBytes = 200, sent = "together" }: Case) {
  const work = { ...COST_DEFAULTS, argsBytes: 3, resultBytes, together: sent === "together" ? 10 : 1 };
  return usageOf(taskSettings("reports.make", options, {}), workload, work, undefined);
}

test.each(Object.entries(CASES))("%s", async (_, one) => {
  const [found, expected] = [await measured(one), said(one)];
  // Exactly: nothing that DynamoDB bills depends on timing, and neither do sends, of which those of one turn share requests.
  expect(found.writes).toBe(expected.writes);
  expect(found.sends).toBeCloseTo(expected.sends, 10);
  // Requests depend on timing. Fewer: two that end in one turn are acknowledged together. More: a poll comes when not all slots are
  // free, what ends apart is acknowledged apart, and the last polls find nothing. So where many share a request, three times as many are
  // allowed for; with `claim: false`, whose endings are written one by one, as many as for tasks that each come alone.
  const apart = one.options?.claim === false ? said({ ...one, sent: "one by one" }) : undefined;
  for (const name of ["receives", "deletes"] as const) {
    const shared = expected[name] < 1;
    const most = apart?.[name] ?? expected[name] * (shared ? 3 : 1);
    expect(found[name], name).toBeGreaterThanOrEqual(expected[name] * (shared ? 1 : 0.5));
    expect(found[name], name).toBeLessThanOrEqual(most + EMPTY_POLLS / (2 * TASKS));
  }
});

test("the sizes that are assumed are those of real records and log lines, with room for longer names", async () => {
  const { record, logged } = await measured({ workload: onLambda(), sent: "one by one" });
  for (const [assumed, found] of [
    [SIZES.record, record - 200],
    [SIZES.logLine, logged + CLOUDWATCH_EVENT_BYTES],
  ] as const) {
    expect(assumed).toBeGreaterThanOrEqual(found);
    expect(assumed).toBeLessThan(1.5 * found);
  }
});

test("the sizes of metrics are those of the lines that workers write, with room for longer names", () => {
  const bytes = (tasks: number) => {
    const durations = Array.from({ length: tasks }, (_, i) => 200.25 + i);
    const measured = { duration: durations, queueLatency: durations, retries: 0, failures: 0, successes: tasks };
    const dimensions = { app: "duckling", workload: "default", task: "reports.make" };
    return Buffer.byteLength(emfDocument(Date.UTC(2026, 10, 21), dimensions, measured)) + CLOUDWATCH_EVENT_BYTES;
  };
  const ofTask = (bytes(91) - bytes(1)) / 90;
  for (const [assumed, found] of [
    [SIZES.metricsDocument, bytes(1) - ofTask],
    [SIZES.metricsOfTask, ofTask],
  ] as const) {
    expect(assumed).toBeGreaterThanOrEqual(found);
    expect(assumed).toBeLessThan(1.5 * found);
  }
});

test("a long-running task is renewed as often as it is said to be", async () => {
  const workload = onFargate({ visibilityTimeout: "40s" });
  const clock = new FakeClock();
  let renewed = 0;
  const broker = { changeVisibility: async () => void renewed++ } as unknown as Broker; // all that a heartbeat asks of it
  const delivery = { queue: "q", messageId: "1", receipt: "1", body: "", receiveCount: 1, sentAt: 0 };
  const listener = { claimLost: () => {}, revokeRequested: () => {} };
  const deps = { broker, store: new MemoryResultStore({ clock }), clock, log: silentLogger };
  const heartbeat = startHeartbeat(delivery, undefined, workload.heartbeatVisibilitySeconds, listener, deps);
  await clock.advance(35_000);
  await heartbeat.stop();
  const work = { ...COST_DEFAULTS, durationSeconds: 35 };
  expect(usageOf(taskSettings("reports.make", {}, {}), workload, work, undefined).visibilityChanges).toBe(renewed);
  expect(renewed).toBe(3);
});
