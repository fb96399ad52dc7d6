// Large payloads over the real protocols, from the app's definition to S3 and back: nothing is handed to it but the environment.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { silentLogger } from "../../lib/log.ts";
import { startWorker, type Worker } from "../../lib/worker/worker.ts";
import { app, elsewhere, here } from "../fixtures/payloads/app.ts";
import { INTERNAL_ERROR } from "../support/fault-proxy.ts";
import { realApp } from "../support/real-app.ts";

const appPath = fileURLToPath(new URL("../fixtures/payloads/app.ts", import.meta.url));
/** 3 MB of JSON, with what is not ASCII, and with quotes. */
const lines = Array.from({ length: 30_000 }, (_, n) => `${n}: "Zoë" ${"x".repeat(90)}`);

describe("an app with payloads, on the local stack", () => {
  let stack: LocalStack;
  let worker: Worker;

  beforeAll(async () => {
    stack = await startLocalStack({ app });
    Object.assign(process.env, stack.environment);
    worker = await startWorker(app, { appPath, waitSeconds: 1, log: silentLogger });
  });

  afterAll(async () => {
    await worker?.stop();
    await app.close();
    await stack?.stop();
  });

  test.each([
    ["in the worker's process", here, true],
    ["in a process of its own, for CPU-heavy work", elsewhere, false],
  ] as const)("3 MB of arguments and 3 MB of result make the round trip: %s", async (_where, task, same) => {
    expect(JSON.stringify(lines).length).toBeGreaterThan(3 * 1_048_576);
    const { id } = await task.delay(lines);
    const result = await app.result<ReturnType<typeof task>>(id).get({ timeout: "25s" });
    expect(result.lines).toEqual(lines.map((line) => `${line} again`));
    expect(result.pid === process.pid).toBe(same);
  });

  test("its worker says where the payloads are", () => {
    expect(worker.description.payloads).toBe(`lovage-test-payloads at ${stack.s3Endpoint}`);
  });
});

test("S3 on a bad day: throttles, errors, requests heard twice, lost answers", async () => {
  // Given S3 that does what it is asked and often cannot say so
  await using real = await realApp("bad-s3", { payloads: { bucket: "bad-s3", argsOver: 2_048, resultsOver: 1_024 } });
  const called: string[] = [];
  const note = real.app.task("note", (text: string) => void called.push(text));
  const echo = real.app.task("echo", (text: string) => text);
  const every = (n: number, from: number) => Array.from({ length: 100 }, (_, i) => from + i * n);
  const slowDown = { kind: "status", status: 503, code: "SlowDown" } as const;
  real.s3.on({ operation: "PutObject", nth: every(5, 1), fault: slowDown });
  real.s3.on({ operation: "PutObject", nth: every(5, 2), fault: { kind: "drop after" } });
  real.s3.on({ operation: "PutObject", nth: every(5, 3), fault: { kind: "duplicate" } });
  real.s3.on({ operation: "GetObject", nth: every(4, 2), fault: INTERNAL_ERROR });
  real.s3.on({ operation: "GetObject", nth: every(4, 3), fault: { kind: "drop before" } });
  await real.work();

  // When twenty tasks are sent, their arguments, results and callbacks all large
  const texts = Array.from({ length: 20 }, (_, n) => `${n} ${"x".repeat(3_000)}`);
  const results = await Promise.all(texts.map((text) => echo.applyAsync([text], { link: note.s() })));

  // Then each has its value, and each callback ran once
  expect(await Promise.all(results.map((result) => result.get({ timeout: "25s" })))).toEqual(texts);
  await expect.poll(() => called.length, { timeout: 20_000 }).toBe(texts.length);
  expect(called.sort()).toEqual(texts.sort());
  expect(real.s3.count("PutObject")).toBeGreaterThan(3 * texts.length);
}, 60_000);

test("an app whose payloads are all small makes no request to S3 but its worker's check", async () => {
  await using real = await realApp("small-ones", { payloads: { bucket: "small-ones" } });
  const echo = real.app.task("echo", (text: string) => text);
  await real.work();
  const checks = real.s3.requests.length;
  const results = await Promise.all(Array.from({ length: 10 }, (_, n) => echo.delay(String(n))));
  await Promise.all(results.map((result) => result.get({ timeout: "20s" })));
  expect(real.s3.requests.length).toBe(checks);
  expect(checks).toBe(1);
});

test("a worker whose bucket is missing does not start, and says which", async () => {
  await using real = await realApp("no-bucket", { payloads: { bucket: "no-bucket" } });
  real.app.task("echo", (value: string) => value);
  await fetch(`${real.stack.s3Endpoint}/no-bucket`, { method: "DELETE" });
  await expect(real.work()).rejects.toMatchObject({
    code: "LOVAGE_BUCKET_NOT_FOUND",
    message: expect.stringContaining('"no-bucket"'),
  });
});
