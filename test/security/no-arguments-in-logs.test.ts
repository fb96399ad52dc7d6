// No argument and no result is in a log, a span, a metric, an answer about health or a list of failures: a secret goes through
// every way that a task can end, and everything a worker says, at its loudest, is searched for it.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type App, createApp } from "../../lib/app.ts";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { systemClock } from "../../lib/clock.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { createLogger } from "../../lib/log.ts";
import { encode } from "../../lib/wire/envelope.ts";
import { onFargate } from "../../lib/workload.ts";
import { logLines, lovage, type Running, start } from "../cli/lovage.ts";
import { useCredentialsOf } from "../support/credentials.ts";
import { envelopeOf } from "../support/messages.ts";

const APP = "secrets";
const FIXTURE = fileURLToPath(new URL("../fixtures/security/secrets.ts", import.meta.url));
const WORKLOADS = {
  default: onFargate({ work: "io", visibilityTimeout: "15s" }),
  renders: onFargate({ work: "cpu", concurrency: 1, memory: "1GB", visibilityTimeout: "15s" }),
};
const SECRET = "hunter2-fd1c90";
/** What a task puts into the message of its own error. */
const SAID = "said-by-the-task-itself";
const ON_RENDERS = ["apart", "killed", "exits"];

let stack: LocalStack;
/** What the program that sends says. */
let sender: string;
/** What the worker says, and its processes. */
let said: string;
let stderr: string;
let health: string;
let failures: string;
let redriven: string;
let ids: Readonly<Record<string, string>>;

beforeAll(async () => {
  stack = await startLocalStack({ app: { name: APP, workloads: WORKLOADS } });
  useCredentialsOf(stack);
  await using worker = start(
    ["worker", "--app", FIXTURE, "--json", "--debug", "--wait-seconds", "1", "--port", "0", "--host", "127.0.0.1"],
    {
      env: { ...stack.environment, LOVAGE_METRICS: "task" },
    },
  );
  await using producer = producing();
  await worker.said('"graceSeconds"');
  ids = await sendEverything(producer.app);
  await sendMessages();
  const { nobody: _, ...known } = ids; // for some days: a worker of a newer deployment may have it
  for (const id of Object.values(known))
    await vi.waitUntil(() => producer.app.result(id).ready(), { timeout: 90_000, interval: 100 });
  for (const last of ["cannot run this task", "an unreadable message stays", '"dead letter"']) await worker.said(last);
  health = await healthOf(worker);
  const command = (...args: readonly string[]) =>
    lovage([...args, "--app", FIXTURE, "--json"], { env: stack.environment });
  const listed = await command("failures");
  failures = listed.stdout + listed.stderr;
  const again = await command("redrive", ids.fails ?? "");
  redriven = again.stdout + again.stderr;
  worker.kill("SIGTERM");
  const ended = await worker.ended();
  stderr = ended.stderr;
  said = ended.stdout + ended.stderr;
  sender = producer.lines.join("\n");
}, 120_000);

afterAll(() => stack?.stop());

/** Knows the tasks by their names only, so no schema of theirs refuses anything where it is sent. */
function producing() {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const app = createApp(APP, {
    workloads: WORKLOADS,
    logger: createLogger({ level: "debug", format: "json", clock: systemClock, write }),
    connect: async () => ({
      broker: new SqsBroker({ endpoint: stack.sqsEndpoint }),
      store: new DynamoResultStore({ table: APP, endpoint: stack.dynamodbEndpoint }),
      where: async () => ({ broker: "", store: "" }),
    }),
  });
  return { app, lines, [Symbol.asyncDispose]: () => app.close() };
}

async function sendEverything(app: App): Promise<Readonly<Record<string, string>>> {
  const names = [
    "echo",
    "tells",
    "fails",
    "again",
    "rejects",
    "strict",
    "checked",
    "unserializable",
    "large",
    "soft",
    "late",
    "says",
    "calls",
  ];
  const entries = [...names, "nobody", ...ON_RENDERS].map(async (name) => {
    const workload = ON_RENDERS.includes(name) ? "renders" : "default";
    const kwargs = name === "strict" ? {} : { password: SECRET };
    const { id } = await app.sendTask(name, [name === "says" ? SAID : SECRET], { workload, kwargs });
    return [name, id] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** What no producer of ours sends, and what the dead-letter queue gets. */
async function sendMessages(): Promise<void> {
  const broker = new SqsBroker({ endpoint: stack.sqsEndpoint });
  const whole = JSON.parse(encode(envelopeOf({ id: "whole", task: "fails", args: [SECRET] }), `${APP}-default`));
  const { headers } = whole;
  const reprs = { argsrepr: `('${SECRET}',)`, kwargsrepr: `{'password': '${SECRET}'}` };
  const messages = [
    SECRET,
    `{"password": ${SECRET}}`,
    { ...whole, headers: { ...headers, id: "python", lang: "py", ...reprs } },
    { ...whole, headers: { ...headers, id: "not-json" }, body: `[[${SECRET}], {}, {}]` },
    { ...whole, headers: { ...headers, id: "no-arguments" }, body: JSON.stringify({ password: SECRET }) },
    {
      ...whole,
      headers: { ...headers, id: "pickled" },
      "content-type": "application/x-python-serialize",
      body: SECRET,
    },
  ];
  for (const message of messages) {
    const body = typeof message === "string" ? message : JSON.stringify(message);
    await broker.send(`${APP}-default`, { body, delaySeconds: 0 });
  }
  const dead = encode(envelopeOf({ id: "dead", task: "fails", args: [SECRET], resends: 3 }), `${APP}-default`);
  await broker.send(`${APP}-default-dead`, { body: dead, delaySeconds: 0 });
  await broker.close();
}

async function healthOf(worker: Running): Promise<string> {
  const { health: url } = JSON.parse(worker.stdout.split("\n").find((line) => line.startsWith('{"app"')) ?? "{}");
  const answers = await Promise.all(["/healthz", "/readyz"].map((path) => fetch(`${url}${path}`)));
  return (await Promise.all(answers.map((answer) => answer.text()))).join("\n");
}

describe("a secret that was an argument, a keyword argument, a result or progress", () => {
  test("is in no line of a log, in no span and in no metric of a worker", () => {
    expect(linesWith(said)).toEqual([]);
  });

  test("is in nothing that its sender logs", () => {
    expect(linesWith(sender)).toEqual([]);
  });

  test("is in no answer about health", () => {
    expect(health).toContain('"in_hand"');
    expect(linesWith(health)).toEqual([]);
  });

  test("is in no list of failures, and in nothing that redrive says", () => {
    expect(failures).toContain('"errorType"');
    expect(redriven).toContain('"redrivenAs"');
    expect(linesWith(failures)).toEqual([]);
    expect(linesWith(redriven)).toEqual([]);
  });
});

test("what a task's own error says is logged and listed as it is", () => {
  expect(linesWith(failures, SAID)).not.toEqual([]);
  expect(linesWith(stderr, SAID)).not.toEqual([]);
});

test("and all of that was said: every way a task can end, spans, metrics, decisions", () => {
  const logged = logLines(stderr);
  const messages = new Set(logged.map(({ message }) => message));
  for (const message of [
    ...[
      "started",
      "succeeded",
      "failed",
      "runs again later",
      "rejected",
      "cannot run this task",
      "cannot read a message",
    ],
    ...[
      "a call was refused",
      "settled",
      "its own line",
      "dead letter",
      "an unreadable message stays on the dead-letter queue",
    ],
  ])
    expect(messages).toContain(message);
  const errors = logged.map(({ error }) => String(error)).join("\n");
  for (const type of [
    ...[
      "InvalidArguments",
      "InvalidResult",
      "NotSerializable",
      "ResultTooLarge",
      "TimeLimitExceeded",
      "SoftTimeLimitExceeded",
    ],
    ...["WorkerLost", "is not registered here", "RangeError", "InvalidOption"],
  ])
    expect(errors).toContain(type);
  expect(said).toContain('"_aws"');
  expect(said).toContain("process secrets-default");
  expect(said).toContain("process secrets-renders");
});

function linesWith(text: string, what = SECRET): readonly string[] {
  return text.split("\n").filter((line) => line.includes(what));
}
