// The worker as a container starts it, functions/worker/main.js, on the local stack and beside an ECS agent: stopped under load.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "../../lib/app.ts";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { ECS, WORKER_DEFAULTS } from "../../lib/defaults.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { silentLogger } from "../../lib/log.ts";
import { onFargate } from "../../lib/workload.ts";
import { useCredentialsOf } from "../support/credentials.ts";
import { type EcsAgent, startAgent } from "../support/ecs-agent.ts";
import { logLines, type Running, start } from "./lovage.ts";

const NAME = "container";
const WORKLOADS = { default: onFargate({ work: "io", concurrency: 200 }), renders: onFargate({ concurrency: 2 }) };
const GRACE_SECONDS = 4;
/** What ECS would give a worker of this grace before it kills it: the default grace leaves as much of the 120 s. */
const STOP_TIMEOUT_SECONDS = GRACE_SECONDS + ECS.maxStopTimeoutSeconds - WORKER_DEFAULTS.graceSeconds;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lovage-container-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The tasks of test/fixtures/container, as their callers know them. */
function caller(stack: LocalStack) {
  useCredentialsOf(stack);
  const app = createApp(NAME, {
    logger: silentLogger,
    workloads: WORKLOADS,
    connect: async (_app, clock) => ({
      broker: new SqsBroker({ endpoint: stack.sqsEndpoint, clock }),
      store: new DynamoResultStore({ table: NAME, endpoint: stack.dynamodbEndpoint, clock }),
      where: async () => ({ broker: stack.sqsEndpoint, store: stack.dynamodbEndpoint }),
    }),
  });
  const waits = app.task("waits", (n: number) => n);
  const computes = app.task("computes", { workload: "renders" }, (n: number) => n);
  return { app, waits, computes, [Symbol.asyncDispose]: () => app.close() };
}

interface ContainerOptions {
  readonly holdMs?: number;
  readonly runs: string;
}

function container(stack: LocalStack, agent: EcsAgent, { holdMs = 0, runs }: ContainerOptions): Running {
  const options = ["--json", "--debug", "--no-dead-letters", "--grace", `${GRACE_SECONDS}s`, "--wait-seconds", "1"];
  return start(options, {
    entry: "functions/worker/main.js",
    cwd: fileURLToPath(new URL("../fixtures/container", import.meta.url)),
    env: {
      ...stack.environment,
      LOVAGE_APP: "./app.ts",
      ECS_AGENT_URI: agent.uri,
      HOLD_MS: String(holdMs),
      RUNS_FILE: runs,
    },
  });
}

/** As ECS does: SIGTERM, and SIGKILL when the stop timeout is over. */
async function stoppedByEcs(worker: Running) {
  worker.kill("SIGTERM");
  const killing = setTimeout(() => worker.kill("SIGKILL"), STOP_TIMEOUT_SECONDS * 1_000);
  const ended = await worker.ended();
  clearTimeout(killing);
  return ended;
}

test("SIGTERM with hundreds of tasks under way: it ends within its stop timeout, and nothing is lost or run to its end twice", async () => {
  await using stack = await startLocalStack({ app: { name: NAME, workloads: WORKLOADS } });
  await using agent = await startAgent();
  await using producer = caller(stack);
  const runs = join(folder, "load");

  // Given a worker whose every slot is taken by a task that does not end: 200 wait, 2 compute
  await using first = container(stack, agent, { holdMs: 600_000, runs });
  const numbers = Array.from({ length: 500 }, (_, n) => n);
  const results = await Promise.all([
    ...numbers.map((n) => producer.waits.delay(n)),
    ...Array.from({ length: 8 }, (_, n) => producer.computes.delay(1_000 + n)),
  ]);
  for (let held = 0; held < 202; await pause(50)) {
    const { stderr } = first;
    const count = (message: string) => stderr.split(`"message":"${message}"`).length - 1;
    held = count("started") - count("succeeded");
  }
  expect(agent.protected).toBe(true);

  // When ECS stops it
  const { code, stderr } = await stoppedByEcs(first);

  // Then it has come to rest by itself, within the bound of its own grace; protected to the end, and not longer
  expect(code).toBe(0);
  const said = logLines(stderr).map(({ message }) => message);
  expect(said).toContainEqual(expect.stringMatching(/^stopping: 202 in hand, up to 4 s/));
  expect(said.at(-1)).toBe("stopped, nothing in hand");
  expect(agent.requests[0]).toMatchObject({ ProtectionEnabled: true, ExpiresInMinutes: 21 });
  expect(agent.requests.findIndex(({ ProtectionEnabled }) => !ProtectionEnabled)).toBe(agent.requests.length - 1);

  // And another worker finishes the rest: each task has one ending, and was run to its end once
  await using second = container(stack, agent, { runs });
  const values: number[] = [];
  for (const result of results) values.push(await result.get({ timeout: "90s" })); // not all at once: the workers want DynamoDB, too
  expect(values.toSorted((a, b) => a - b)).toEqual([...numbers, ...Array.from({ length: 8 }, (_, n) => 1_000 + n)]);
  const ended = readFileSync(runs, "utf8").trim().split("\n").map(Number);
  expect(ended.toSorted((a, b) => a - b)).toEqual(values.toSorted((a, b) => a - b));
  expect((await stoppedByEcs(second)).code).toBe(0);
  const { broker } = await producer.app.backends();
  for (const queue of Object.keys(WORKLOADS).map((workload) => `${NAME}-${workload}`)) {
    expect(await broker.depth(queue)).toMatchObject({ visible: 0, inFlight: 0 });
    expect(await broker.depth(`${queue}-dead`)).toMatchObject({ visible: 0, inFlight: 0 });
  }
}, 180_000);

test("an agent that refuses protection stops no work", async () => {
  await using stack = await startLocalStack({ app: { name: NAME, workloads: WORKLOADS } });
  await using agent = await startAgent({
    status: 400,
    body: {
      error: { Code: "AccessDeniedException", Message: "is not authorized to perform: ecs:UpdateTaskProtection" },
    },
  });
  await using producer = caller(stack);
  await using worker = container(stack, agent, { runs: join(folder, "refused") });
  expect(await (await producer.waits.delay(2)).get({ timeout: "60s" })).toBe(2);
  await worker.said("not protected");
  const { code, stderr } = await stoppedByEcs(worker);
  expect(code).toBe(0);
  expect(logLines(stderr)).toContainEqual(
    expect.objectContaining({ level: "warn", message: expect.stringContaining("needs ecs:UpdateTaskProtection") }),
  );
}, 60_000);
