// One run: emulators, proxies, workers and a publisher as processes, faults by schedule and by chance, then quiet. What comes of
// it is evidence, and no opinion.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../lib/clock.ts";
import { VARIABLES } from "../../lib/environment.ts";
import { LOCAL_ACCOUNT } from "../../lib/local/aws-request.ts";
import { createBuckets } from "../../lib/local/buckets.ts";
import { createQueues, queuesOf } from "../../lib/local/queues.ts";
import { startLocalStack } from "../../lib/local/stack.ts";
import type { Asked, Fault } from "../support/fault-proxy.ts";
import { app, BUCKET } from "./app.ts";
import { DurableSqs } from "./durable-sqs.ts";
import { type Evidence, evidenceOf, keepSeen } from "./evidence.ts";
import { appender, createEmpty, type FaultLine, FILES } from "./lines.ts";
import { Memory } from "./memory.ts";
import type { MixOptions } from "./mix.ts";
import type { PublisherOptions } from "./publisher.ts";
import { queueContents } from "./queues.ts";
import { RequestFaults } from "./request-faults.ts";
import { schedule } from "./schedule.ts";
import { Sightings } from "./sightings.ts";
import { strike } from "./strike.ts";
import { readTable } from "./table.ts";
import { Workers } from "./workers.ts";

export interface RunOptions extends MixOptions {
  readonly count: number;
  /** Spreads the tasks over this. @default - as fast as it goes */
  readonly seconds?: number;
  readonly workers: number;
  /** In the pool of each. @default 1 */
  readonly processes?: number;
  /** Whether processes and services are hurt, and the part of all requests that something happens to. @default - nothing is */
  readonly faults?: { readonly rate: number };
  /** Messages on all queues at which the publisher waits. */
  readonly backlog: number;
  /** How long it may take, after the last task was sent, until all is quiet. */
  readonly quietSeconds: number;
  /** Proxies that break the protocol: what a checker must notice. @default - none */
  readonly doctor?: { readonly sqs?: Doctor; readonly dynamodb?: Doctor };
  /** Keeps the logs there. @default - a directory that is removed */
  readonly keep?: string;
  say(text: string): void;
}

type Doctor = (request: Asked) => Fault | undefined;

export interface Outcome {
  readonly evidence: Evidence;
  readonly memory: Memory;
  /** Of publishing. */
  readonly seconds: number;
  /** From the last task sent until all was quiet. */
  readonly quietAfter: number;
  /** Workers that ended though nobody had ended them. */
  readonly endedByThemselves: number;
}

const PUBLISHER = fileURLToPath(new URL("publisher.ts", import.meta.url));
const POLL_MS = 500;
/** Looks at empty queues before they are taken for quiet: a poll may have just brought something. */
const LOOKS = 4;

export async function run(options: RunOptions): Promise<Outcome> {
  const directory = options.keep ?? mkdtempSync(join(tmpdir(), "lovage-chaos-"));
  createEmpty(directory);
  try {
    return await inDirectory(directory, options);
  } finally {
    if (options.keep === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

async function inDirectory(directory: string, options: RunOptions): Promise<Outcome> {
  const { seed, faults, doctor, say } = options;
  const tell = appender<FaultLine>(directory, FILES.faults);
  await using stack = await startLocalStack({
    app: { name: app.name, workloads: app.workloads, payloads: { bucket: BUCKET } },
    dataDir: join(directory, "dynamodb"),
  });
  await using durable = faults && (await DurableSqs.start());
  const endpoint = durable ? durable.endpoint : stack.sqsEndpoint;
  if (durable) {
    await createQueues(endpoint, queuesOf(app));
    await createBuckets(endpoint, [BUCKET]);
  }
  const proxy = (service: "sqs" | "dynamodb" | "s3", target: string, salt: number) =>
    RequestFaults.start({
      service,
      target,
      seed: seed * 10 + salt,
      rate: faults?.rate ?? 0,
      tell,
      doctor: doctor?.[service as "sqs"],
    });
  await using sqs = await proxy("sqs", endpoint, 1);
  await using dynamodb = await proxy("dynamodb", stack.dynamodbEndpoint, 2);
  await using s3 = await proxy("s3", endpoint, 3);
  const environment = {
    ...withoutSettings(),
    ...stack.environment,
    ...(faults || doctor
      ? {
          AWS_ENDPOINT_URL_SQS: sqs.endpoint,
          [VARIABLES.queueUrlBase]: `${sqs.endpoint}/${LOCAL_ACCOUNT}`,
          AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
          AWS_ENDPOINT_URL_S3: s3.endpoint,
        }
      : {}),
    CHAOS_DIRECTORY: directory,
    CHAOS_PROCESSES: String(options.processes ?? 1),
    LOVAGE_LOG_FORMAT: "json",
  };
  await using workers = new Workers({ count: options.workers, directory, environment, tell });
  const sightings = new Sightings(directory, stack.dynamodbEndpoint, app.name);
  sightings.start();

  const began = systemClock.monotonic();
  const publisher = publish(directory, endpoint, environment, options);
  const memory = new Memory(() => ({ workers: workers.pids, publisher: publisher.pid ?? 0 }));
  const over = new AbortController();
  const blows = faults
    ? strike(
        schedule(seed, options.seconds ?? 60),
        { workers, sqs, dynamodb, durable: durable || undefined, stack, tell },
        over.signal,
      )
    : Promise.resolve();
  blows.catch(() => {}); // it is awaited when the publisher has ended
  const [code] = await once(publisher, "exit");
  if (code !== 0) {
    over.abort();
    memory.stop();
    await sightings.stop();
    const said = readFileSync(join(directory, "publisher.log"), "utf8").slice(-2_000);
    throw new Error(`the publisher ended with ${code}: ${said}`);
  }
  const published = systemClock.monotonic();
  say(`published after ${Math.round((published - began) / 1_000)} s; waiting for quiet`);
  await blows;
  for (const one of [sqs, dynamodb, s3]) one.calm();
  await quiet(endpoint, options.quietSeconds);
  const quietAt = systemClock.monotonic();
  memory.stop();
  await workers.stop();
  await sightings.stop();
  const seen = {
    records: await readTable(stack.dynamodbEndpoint, app.name),
    sightings: sightings.seen,
    queues: await queueContents(endpoint),
  };
  if (options.keep !== undefined) keepSeen(directory, seen);
  return {
    evidence: evidenceOf(directory, seen),
    memory,
    seconds: (published - began) / 1_000,
    quietAfter: (quietAt - published) / 1_000,
    endedByThemselves: workers.endedByThemselves,
  };
}

function publish(directory: string, sqs: string, env: NodeJS.ProcessEnv, options: RunOptions) {
  const { count, seconds, backlog, seed, mix, slow, outOfMemory } = options;
  const asked: PublisherOptions = {
    ...{ directory, count, backlog, seed, mix, slow, outOfMemory, sqs },
    ...(seconds !== undefined && { seconds }),
  };
  const output = openSync(join(directory, "publisher.log"), "a");
  return fork(PUBLISHER, [JSON.stringify(asked)], { env, execArgv: [], stdio: ["ignore", output, output, "ipc"] });
}

/** Nothing is left on the queues but what nobody can read. */
async function quiet(sqsEndpoint: string, seconds: number): Promise<void> {
  const began = systemClock.monotonic();
  for (let empty = 0; empty < LOOKS; ) {
    if (systemClock.monotonic() - began > seconds * 1_000) return;
    await systemClock.sleep(POLL_MS);
    const contents = await queueContents(sqsEndpoint);
    const readable = contents.flatMap(({ name, messages }) =>
      messages.filter(({ body }) => !(name.endsWith("-dead") && body.startsWith("unreadable-"))),
    );
    empty = readable.length === 0 ? empty + 1 : 0;
  }
}

/** This process's variables without what would reach the ones it starts by accident. */
function withoutSettings(): Readonly<Record<string, string>> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS_|ECS_|LOVAGE_|NODE_|VITEST|VITE)/.test(name));
  return { ...(Object.fromEntries(kept) as Record<string, string>), AWS_EC2_METADATA_DISABLED: "true" }; // none is undefined
}
