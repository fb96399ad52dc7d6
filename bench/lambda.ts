// A function's cold start: Lovage's handler, bundled as it is deployed, beside a bare one that makes the SDK's clients once, reads
// one item and answers. A process for each sample, behind the Runtime API that `lovage dev` has: "init" is from its start to its
// first request for an invocation, "first invocation" from there to the answer.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { esbuildOptions } from "../infra/constructs/bundling.ts";
import { createApp } from "../lib/app.ts";
import { Sandbox } from "../lib/local/lambda/sandbox.ts";
import type { LocalStack } from "../lib/local/stack.ts";
import { queueName } from "../lib/store/table.ts";
import { APP, VISIBILITY_SECONDS, WORKLOAD } from "./contestant.ts";
import { median } from "./measure.ts";

export interface ColdStart {
  readonly lambda_init_ms: number;
  readonly lambda_first_ms: number;
  readonly lambda_bundle_kb: number;
}

const QUEUE = queueName(APP, WORKLOAD);
const RUNTIME = fileURLToPath(new URL("processes/runtime.mjs", import.meta.url));
const RESOLVE_DIR = fileURLToPath(new URL("..", import.meta.url));
const MEMORY_MB = 512;
const TIMEOUT_SECONDS = 30;

const ENTRIES = {
  lovage: `
    import { createApp, onLambda } from "./lib/index.ts";
    import { createLambdaHandler } from "./lib/worker/lambda.ts";
    const app = createApp("${APP}", { workloads: { ${WORKLOAD}: onLambda() } });
    app.task("add", (x, y) => x + y);
    export const handler = createLambdaHandler(app);
  `,
  raw: `
    import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
    import { SQSClient } from "@aws-sdk/client-sqs";
    export const sqs = new SQSClient({});
    const dynamodb = new DynamoDBClient({});
    export const handler = async ({ Records }) => {
      const Key = { id: { S: Records[0].messageId } };
      await dynamodb.send(new GetItemCommand({ TableName: "${APP}", Key }));
      return { batchItemFailures: [] };
    };
  `,
};
type Name = keyof typeof ENTRIES;

export async function coldStart(stack: LocalStack, samples: number): Promise<Readonly<Record<Name, ColdStart>>> {
  const folder = await mkdtemp(join(tmpdir(), "lovage-bench-"));
  try {
    const bundles = { lovage: await bundle("lovage", folder), raw: await bundle("raw", folder) };
    const measured: Record<Name, { init: number[]; first: number[] }> = {
      lovage: { init: [], first: [] },
      raw: { init: [], first: [] },
    };
    for (let i = 0; i < samples; i++) {
      for (const name of ["lovage", "raw"] as const) {
        const { init, first } = await sample(bundles[name].file, stack);
        measured[name].init.push(init);
        measured[name].first.push(first);
      }
    }
    const figures = (name: Name): ColdStart => ({
      lambda_init_ms: median(measured[name].init),
      lambda_first_ms: median(measured[name].first),
      lambda_bundle_kb: bundles[name].kilobytes,
    });
    return { lovage: figures("lovage"), raw: figures("raw") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function bundle(name: Name, folder: string) {
  const file = join(folder, name, "index.mjs");
  const stdin = { contents: ENTRIES[name], resolveDir: RESOLVE_DIR, loader: "ts" } as const;
  const { metafile } = await build({ ...esbuildOptions(), stdin, outfile: file, metafile: true });
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  return { file, kilobytes: bytes / 1_024 };
}

async function sample(file: string, stack: LocalStack): Promise<{ readonly init: number; readonly first: number }> {
  const event = await oneTask();
  const said: string[] = [];
  const began = performance.now();
  await using sandbox = await Sandbox.start({
    name: "bench",
    memoryMb: MEMORY_MB,
    timeoutSeconds: TIMEOUT_SECONDS,
    runtime: [RUNTIME, file],
    environment: stack.environment,
    onLine: (line) => said.push(line),
  });
  const ready = performance.now();
  const answer = await sandbox.invoke(event);
  const answered = performance.now();
  if (answer.kind !== "response" || answer.body !== '{"batchItemFailures":[]}')
    throw new Error(`the function answered ${JSON.stringify(answer)} and said ${said.join("\n")}`);
  return { init: ready - began, first: answered - ready };
}

/** The event with the message of one task, as an event source mapping makes it. */
async function oneTask(): Promise<string> {
  await using app = createApp(APP);
  await app.sendTask("add", [1, 2]);
  const { broker } = await app.backends();
  const poll = { max: 1, waitSeconds: 5, visibilitySeconds: VISIBILITY_SECONDS };
  const [delivery] = await broker.receive(QUEUE, poll);
  if (delivery === undefined) throw new Error("what was sent did not arrive");
  await broker.delete(delivery);
  const { messageId, receipt, body, receiveCount, sentAt } = delivery;
  const attributes = { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) };
  const eventSourceARN = `arn:aws:sqs:eu-west-1:123456789012:${QUEUE}`;
  return JSON.stringify({ Records: [{ messageId, receiptHandle: receipt, body, attributes, eventSourceARN }] });
}
