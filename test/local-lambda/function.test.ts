// A local function in real processes, against the local stack: what Lambda does to a function's process is done to it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { useEnvironment } from "../../lib/environment.ts";
import { StartupFailed } from "../../lib/errors.ts";
import { LocalFunction } from "../../lib/local/lambda/function.ts";
import type { FunctionDefinition, InvocationResult } from "../../lib/local/lambda/sandbox.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { app } from "../fixtures/lambda/app.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const QUEUE = "lambda-fixture-default";

let stack: LocalStack;
const lines: string[] = [];

beforeAll(async () => {
  stack = await startLocalStack({ app });
  useEnvironment(stack.environment);
});
afterAll(async () => {
  await app.close();
  await stack[Symbol.asyncDispose]();
});

function local(changes: Partial<FunctionDefinition> = {}): LocalFunction {
  return new LocalFunction({
    name: "worker",
    memoryMb: 256,
    timeoutSeconds: 4,
    runtime: [path("../../lib/local/lambda/runtime.ts"), path("../fixtures/lambda/app.ts")],
    environment: stack.environment,
    onLine: (line) => lines.push(line),
    ...changes,
  });
}

/** Sends a task, receives its message as the event source mapping does, and runs the function with it. */
async function invoke(fn: LocalFunction, task: string, ...args: readonly unknown[]) {
  const { broker } = await app.backends();
  const result = await app.sendTask(task, args);
  await app.flush();
  const deliveries = await broker.receive(QUEUE, { max: 1, waitSeconds: 5, visibilitySeconds: 60 });
  const Records = deliveries.map((delivery) => ({
    messageId: delivery.messageId,
    receiptHandle: delivery.receipt,
    body: delivery.body,
    attributes: { ApproximateReceiveCount: "1", SentTimestamp: "0" },
    eventSourceARN: `arn:aws:sqs:local:000000000000:${QUEUE}`,
  }));
  const answer: InvocationResult = await fn.invoke(JSON.stringify({ Records }));
  for (const delivery of deliveries) await broker.delete(delivery);
  return { result, answer };
}

const NONE_FAILED = { kind: "response", body: '{"batchItemFailures":[]}' };

describe("a function", () => {
  test("runs tasks, in a sandbox that stays warm", async () => {
    await using fn = local();
    const { result, answer } = await invoke(fn, "add", 2, 3);
    expect(answer).toEqual(NONE_FAILED);
    expect(await result.get()).toBe(5);
    const pids = [await invoke(fn, "pid"), await invoke(fn, "pid")];
    const [first, second] = await Promise.all(pids.map(({ result }) => result.get()));
    expect(first).toBe(second);
  });

  test("answers for a task that failed too: that is recorded, and no failure of the message", async () => {
    await using fn = local();
    const { result, answer } = await invoke(fn, "fail");
    expect(answer).toEqual(NONE_FAILED);
    expect(await result.state()).toBe("FAILURE");
  });

  test("prints what its tasks log, with the task's name and id", async () => {
    await using fn = local();
    const { result } = await invoke(fn, "says", "hello from the sandbox");
    const line = lines.map((text) => JSON.parse(text)).find(({ message }) => message === "hello from the sandbox");
    expect(line).toMatchObject({ level: "warn", task: "says", id: result.id });
  });

  test("is killed at its timeout, also in an endless loop, and starts afresh", async () => {
    await using fn = local({ timeoutSeconds: 3 });
    const { result, answer } = await invoke(fn, "loop");
    expect(answer).toEqual({ kind: "timeout" });
    expect(await result.state()).toBe("STARTED");
    expect((await invoke(fn, "add", 1, 1)).answer).toEqual(NONE_FAILED);
  });

  test("is killed over its memory", async () => {
    await using fn = local();
    expect((await invoke(fn, "memory")).answer).toMatchObject({ kind: "out of memory" });
  });

  test("whose process ends has failed", async () => {
    await using fn = local();
    expect((await invoke(fn, "exit")).answer).toEqual({ kind: "exit", how: "exit code 3" });
  });

  test("that cannot be loaded says why", async () => {
    await using fn = local({
      runtime: [path("../../lib/local/lambda/runtime.ts"), path("../fixtures/pool/load/throws.ts")],
    });
    const refused = fn.invoke("{}");
    await expect(refused).rejects.toThrow(StartupFailed);
    await expect(refused).rejects.toThrow(/cannot be loaded: StartupFailed: cannot load the app's module .*throws\.ts/);
  });
});

test("a sandbox ends with the process that started it, also in an endless loop", async () => {
  const parent = spawn(process.execPath, [path("../fixtures/lambda/parent.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(parent.stdout, "data");
  const pid = Number(line);
  expect(runs(pid)).toBe(true);
  parent.kill("SIGKILL");
  try {
    await vi.waitUntil(() => !runs(pid), { timeout: 20_000 }); // a second, on a machine that has time
  } finally {
    if (runs(pid)) process.kill(pid, "SIGKILL");
  }
});

test("a process that cannot be started leaves nothing behind", async () => {
  const servers = () => process.getActiveResourcesInfo().filter((one) => one === "TCPServerWrap").length;
  const before = servers();
  await using fn = local({ environment: { HUGE: "x".repeat(4_000_000) } }); // more than exec() takes
  await expect(fn.invoke('{"Records":[]}')).rejects.toThrow(StartupFailed);
  await vi.waitUntil(() => servers() === before);
});

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
