// What each verb of the command line asks of AWS: recorded while the built command runs, and compared with docs/security.md.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { chain } from "../../lib/canvas.ts";
import { claim } from "../../lib/core/changes.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { deadLetterQueueName, queueName } from "../../lib/store/table.ts";
import { decode, encode } from "../../lib/wire/envelope.ts";
import { lovage } from "../cli/lovage.ts";
import { useCredentialsOf } from "../support/credentials.ts";
import { envelopeOf } from "../support/messages.ts";
import {
  APP,
  BUCKET,
  DEFINITION,
  invokeUntilEmpty,
  LARGE,
  type Program,
  queueUrlBase,
  startProgram,
} from "./program.ts";
import { type Call, startRecorder } from "./recorder.ts";

vi.setConfig({ testTimeout: 90_000 }); // eighteen commands

const FIXTURE = fileURLToPath(new URL("../fixtures/security/app.ts", import.meta.url));
const DOCUMENT = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");
const QUEUE = queueName(APP, "default");
const DEAD = deadLetterQueueName(APP, "default");

let stack: LocalStack;

beforeAll(async () => {
  stack = await startLocalStack({ app: DEFINITION });
  useCredentialsOf(stack);
});

afterAll(() => stack?.stop());

/** What a command has asked for. It ends well, or it shows nothing. */
async function asked(args: readonly string[], knowsUrls = true): Promise<ReadonlySet<Call>> {
  await using recorder = await startRecorder(stack);
  const env = { ...recorder.environment, ...(knowsUrls && { LOVAGE_QUEUE_URL_BASE: queueUrlBase(recorder) }) };
  const { code, stderr } = await lovage([...args, "--app", FIXTURE, "--json"], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
  return recorder.calls;
}

/** By what is asked, in the document's words for resources. */
function needed(calls: ReadonlySet<Call>): string {
  const resources = [...calls].sort().map((call) => {
    const [action = "", ...name] = call.split(" ");
    return `\`${action}\` ${kindOf(name.join(" "))}`;
  });
  const unique = [...new Set(resources)];
  return unique.length === 0 ? "nothing" : unique.join(", ");
}

function kindOf(resource: string): string {
  if (resource === BUCKET) return "bucket";
  if (resource.startsWith(`${BUCKET}/`)) return resource.includes("/args/") ? "arguments" : "results";
  if (resource.includes("/index/")) return "index";
  if (resource.startsWith("table/")) return "table";
  return resource.endsWith("-dead") ? "dead letters" : "queue";
}

/** What purge may meet: a task that waits, one that runs, and one that has ended, but what follows may not have been sent. */
function messagesFor(queue: string, { tasks }: Program) {
  const link = [tasks.echo.default.s().wire];
  const message = (name: string) =>
    encode(envelopeOf({ id: `${name} ${queue}`, task: "default.echo", args: [LARGE], link }), QUEUE);
  return { ended: message("ended"), runs: message("runs"), waits: message("waits") };
}

function claimOf(body: string) {
  const now = Date.now();
  const right = { id: decode(body).id, task: "default.echo", workload: "default", attempt: 0, token: "token" };
  return claim(right, now, { owner: "somebody", until: now + 60_000, lastDelivery: false });
}

/** Rows of the document's table of verbs. */
function documented(): ReadonlyMap<string, string> {
  const section = DOCUMENT.split("\n## ").find((one) => one.startsWith("What each verb needs")) ?? "";
  const rows = [...section.matchAll(/^\| `lovage ([^`]+)` \| (.+) \|$/gm)];
  return new Map(rows.map(([, verb = "", actions = ""]) => [verb, actions]));
}

test("the table of verbs says what each of them asks of AWS", async () => {
  await using outside = await startProgram(stack);
  const { tasks, broker, store } = outside;
  const drain = () => invokeUntilEmpty(QUEUE, outside, outside);
  const [large, failed] = await Promise.all([tasks.echo.default.delay(LARGE), tasks.fails.default.delay(LARGE)]);
  await drain();
  const waits = await tasks.echo.default.delay("waits");
  const found = new Map<string, string>();
  const ask = async (verb: string, ...args: readonly string[]) => found.set(verb, needed(await asked(args)));

  await ask("send", "send", "default.echo", "small");
  await ask("send, large arguments", "send", "default.echo", LARGE);
  await ask("send --id", "send", "default.echo", "small", "--id", "chosen");
  await ask("result", "result", failed.id);
  await ask("result, a large value", "result", large.id);
  await ask("revoke", "revoke", waits.id);
  const flow = await chain(tasks.echo.default.s("first"), tasks.echo.default.s()).delay();
  await ask("workflow", "workflow", flow.id);
  await ask("workflow --revoke", "workflow", flow.id, "--revoke");
  await ask("queues", "queues", "--workloads", "default");
  await ask("failures", "failures");
  await ask("failures <id>", "failures", failed.id);
  await ask("redrive", "redrive", "--task", "default.fails", "--yes");
  await drain();
  const messages = [QUEUE, DEAD].map((queue) => [queue, messagesFor(queue, outside)] as const);
  for (const [, { ended }] of messages) await broker.send(QUEUE, { body: ended, delaySeconds: 0 });
  await drain();
  for (const [queue, { ended, runs, waits }] of messages) {
    await store.write(claimOf(runs));
    for (const body of [ended, runs, waits, "no task at all"]) await broker.send(queue, { body, delaySeconds: 0 });
  }
  await ask("purge", "purge", "default", "--yes");
  await ask("purge --dead-letters", "purge", "default", "--dead-letters", "--yes");
  for (const verb of ["tasks", "cost"]) await ask(verb, verb);

  expect(Object.fromEntries(documented())).toEqual(Object.fromEntries(found));
});

test("whoever does not know the queues' URLs asks for them, which takes sqs:GetQueueUrl", async () => {
  const [known, unknown] = [await asked(["queues"]), await asked(["queues"], false)];
  const more = [...unknown].filter((call) => !known.has(call));
  expect(more.sort()).toEqual(
    ["default", "renders"].flatMap((workload) => [
      `sqs:GetQueueUrl ${queueName(APP, workload)}`,
      `sqs:GetQueueUrl ${deadLetterQueueName(APP, workload)}`,
    ]),
  );
  expect(DEAD).toBe(`${QUEUE}-dead`);
  expect(DOCUMENT).toContain("`sqs:GetQueueUrl`");
});
