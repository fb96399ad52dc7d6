// A function as it is deployed: its entry bundled with the options that the CDK construct has, and run by Lambda's own runtime
// interface client, against a local Runtime API. The client comes from the registry, for these tests alone.
import { rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { esbuildOptions } from "../../infra/constructs/bundling.ts";
import { useEnvironment } from "../../lib/environment.ts";
import { EventSourceMapping } from "../../lib/local/lambda/event-source-mapping.ts";
import { LocalFunction } from "../../lib/local/lambda/function.ts";
import type { FunctionDefinition } from "../../lib/local/lambda/sandbox.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import type { Delivery } from "../../lib/ports/broker.ts";
import { app } from "../fixtures/lambda/app.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { say, temporaryFolder } from "./projects.ts";

const CLIENT = "aws-lambda-ric@4.0.2";
const QUEUE = "lambda-fixture-default";
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const fixture = (name: string) => path(`../fixtures/lambda/${name}`);
const { memoryMb, batchSize, visibilitySeconds, lambda } = app.workloads.default ?? {};
const { timeoutSeconds = 0, maxConcurrency = 0 } = lambda ?? {};

let folder: string;
let client: string;
let stack: LocalStack;

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, "package.json"), "{}");
  await say("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", CLIENT], { cwd: folder });
  client = createRequire(join(folder, "package.json")).resolve("aws-lambda-ric");
  stack = await startLocalStack({ app });
  useEnvironment(stack.environment);
  await bundle("handler", fixture("handler.ts"));
}, 120_000);

afterAll(async () => {
  await app.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

/** As NodejsFunction leaves it: a directory with an index.mjs, and nothing else in it. */
function bundle(name: string, entry: string) {
  return build({ ...esbuildOptions(), entryPoints: [entry], outfile: join(folder, name, "index.mjs") });
}

function deployed(name = "handler", changes: Partial<FunctionDefinition> = {}): LocalFunction {
  return new LocalFunction({
    name: "worker",
    memoryMb: memoryMb ?? 0,
    timeoutSeconds,
    runtime: ["--require", fixture("rapid-client.cjs"), client],
    onLine: () => {},
    ...changes,
    environment: {
      ...stack.environment,
      AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: "true",
      AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/worker",
      AWS_LAMBDA_LOG_STREAM_NAME: "stream",
      LAMBDA_TASK_ROOT: join(folder, name),
      _HANDLER: "index.handler",
      ...changes.environment,
    },
  });
}

/** One poll of the event source mapping. */
async function receive(max: number, forSeconds = 60): Promise<readonly Delivery[]> {
  const { broker } = await app.backends();
  await app.flush();
  return broker.receive(QUEUE, { max, waitSeconds: 5, visibilitySeconds: forSeconds });
}

const eventOf = (deliveries: readonly Delivery[]) =>
  JSON.stringify({
    Records: deliveries.map(({ messageId, receipt, body, receiveCount, sentAt }) => ({
      messageId,
      receiptHandle: receipt,
      body,
      attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
      eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:${QUEUE}`,
    })),
  });

/** What Lambda then does with a message that was not reported. */
async function settle(deliveries: readonly Delivery[]): Promise<void> {
  const { broker } = await app.backends();
  await Promise.all(deliveries.map((delivery) => broker.delete(delivery)));
}

async function invoke(fn: LocalFunction, task: string, ...args: readonly unknown[]) {
  const result = await app.sendTask(task, args);
  const deliveries = await receive(1);
  const answer = await fn.invoke(eventOf(deliveries));
  return { result, answer, deliveries };
}

const NONE_FAILED = { kind: "response", body: '{"batchItemFailures":[]}' };

test("a task runs, and its result is read by its id", async () => {
  await using fn = deployed();
  const { result, answer, deliveries } = await invoke(fn, "add", 2, 3);
  expect(answer).toEqual(NONE_FAILED);
  expect(await app.result(result.id).get()).toBe(5);
  await settle(deliveries);
});

test("a task that fails is recorded with where it was thrown; its message is no failure of the batch", async () => {
  await using fn = deployed();
  const { result, answer, deliveries } = await invoke(fn, "fail");
  expect(answer).toEqual(NONE_FAILED);
  const info = await result.info();
  expect(info).toMatchObject({ state: "FAILURE", failure: { type: "RangeError", message: "no good" } });
  expect(info.failure?.stack).toMatch(/index\.mjs:\d{3,}:\d+/);
  await settle(deliveries);
});

describe("what kills the process", () => {
  test("a timeout: the task stays STARTED, and the next invocation has a process of its own", async () => {
    await using fn = deployed();
    const killed = await invoke(fn, "loop");
    expect(killed.answer).toEqual({ kind: "timeout" });
    expect(await killed.result.state()).toBe("STARTED");
    const next = await invoke(fn, "add", 1, 1);
    expect(next.answer).toEqual(NONE_FAILED);
    expect(await next.result.get()).toBe(2);
    await settle([...killed.deliveries, ...next.deliveries]);
  });

  test("too much memory: the same", async () => {
    await using fn = deployed();
    const killed = await invoke(fn, "memory");
    expect(killed.answer).toMatchObject({ kind: "out of memory" });
    expect(await killed.result.state()).toBe("STARTED");
    const next = await invoke(fn, "add", 1, 2);
    expect(next.answer).toEqual(NONE_FAILED);
    expect(await next.result.get()).toBe(3);
    await settle([...killed.deliveries, ...next.deliveries]);
  });
});

test("a message whose task a killed process holds is reported; the others of its batch are done", async () => {
  await using fn = deployed();
  const held = await app.sendTask("loop", []);
  const first = await receive(1, 1); // visible again at once: earlier than the lease is over
  expect(await fn.invoke(eventOf(first))).toEqual({ kind: "timeout" });
  const again = await receive(1);
  const added = await app.sendTask<number>("add", [4, 4]);
  const fresh = await receive(1);
  const answer = await fn.invoke(eventOf([...again, ...fresh]));
  expect(answer).toEqual({
    kind: "response",
    body: JSON.stringify({ batchItemFailures: [{ itemIdentifier: first[0]?.messageId }] }),
  });
  expect(await added.get()).toBe(8);
  expect(await held.state()).toBe("STARTED");
  await settle([...again, ...fresh]);
});

describe("the error document", () => {
  test("of a module that throws while it loads names its error, and what would be right", async () => {
    await bundle("throwing-handler", fixture("throwing-handler.ts"));
    await using fn = deployed("throwing-handler");
    await expect(fn.invoke("{}")).rejects.toThrow(
      "the function cannot be loaded: InvalidOption: timeout of onLambda() is 960 s; Lambda allows 900 s",
    );
  });

  test("of an app whose tasks were not imported says what to import", async () => {
    await bundle("no-tasks-handler", fixture("no-tasks-handler.ts"));
    await using fn = deployed("no-tasks-handler");
    await expect(fn.invoke("{}")).rejects.toThrow(
      /cannot be loaded: StartupFailed: app "forgetful" has no tasks.*; export the modules that define tasks/,
    );
  });

  test("where no message could be finished is an error of the function, which slows Lambda down", async () => {
    await using down = await startFaultProxy(stack.dynamodbEndpoint);
    const gone = { kind: "status", status: 400, code: "ResourceNotFoundException" } as const;
    for (const operation of ["UpdateItem", "BatchExecuteStatement"]) down.on({ operation, fault: gone });
    await using fn = deployed("handler", { environment: { AWS_ENDPOINT_URL_DYNAMODB: down.endpoint } });
    const { result, answer, deliveries } = await invoke(fn, "add", 1, 1);
    expect(answer).toMatchObject({ kind: "error", type: "InvocationFailed" });
    expect(await result.state()).toBe("PENDING");
    await settle(deliveries);
  });
});

test.each(["worker", "dead-letter"])("the %s function of the example deployment starts", async (name) => {
  await bundle(name, path(`../../functions/${name}/handler.ts`));
  await using fn = deployed(name);
  expect(await fn.invoke('{"Records":[]}')).toEqual(NONE_FAILED);
});

test("behind an event source mapping every task ends, also those that a killed process took with it", async () => {
  await using fn = deployed();
  const { broker } = await app.backends();
  const marker = join(folder, "killed-once");
  const results = [
    await app.sendTask<number>("add", [1, 2]),
    await app.sendTask<number>("loopOnce", [marker]),
    await app.sendTask<number>("add", [3, 4]),
  ];
  await app.flush();
  const problems: string[] = [];
  const mapping = new EventSourceMapping({
    queue: QUEUE,
    batchSize: batchSize ?? 0,
    maxConcurrency,
    visibilitySeconds: visibilitySeconds ?? 0,
    broker,
    invoke: (event) => fn.invoke(event),
    onProblem: (problem) => problems.push(problem),
  });
  const running = mapping.run();
  try {
    expect(await Promise.all(results.map((result) => result.get({ timeout: "2m" })))).toEqual([3, 1, 7]);
    expect(problems.join("\n")).toContain("timed out");
  } finally {
    mapping.stop();
    await running;
  }
}, 180_000);
