// SQS, DynamoDB and S3 on one machine, from npm packages alone: for `lovage dev`, `lovage/testing` and this repository's tests.
// All of it listens on 127.0.0.1 only, in one process of its own that ends with the process that started it.
//
//   startLocalStack ─ fork ─> emulators-process ─┬─ fauxqs    (SQS and S3, in memory)
//                                                └─ dynoxide  (DynamoDB, in memory or in `dataDir`)
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { VARIABLES } from "../environment.ts";
import { NotSupported } from "../errors.ts";
import { tableName } from "../store/table.ts";
import { LOCAL_REGION, LOOPBACK } from "./aws-request.ts";
import { createBuckets } from "./buckets.ts";
import { dynoxideBinary } from "./dynoxide-binary.ts";
import { type Emulators, forkEmulators } from "./emulators.ts";
import type { StartOptions } from "./messages.ts";
import { createQueues, type LocalApp, type QueueSpec, queueRequests, queuesOf } from "./queues.ts";
import { createTables } from "./tables.ts";

export type { LocalApp, QueueSpec } from "./queues.ts";

export interface LocalStackOptions {
  /** Makes the queues, dead-letter queues, table and bucket of this app. @default - only `queues` and `tables` are made */
  readonly app?: LocalApp;
  readonly queues?: readonly QueueSpec[];
  readonly tables?: readonly string[];
  /** Their objects are never kept, expire never, and hold at most 11 MiB: fauxqs takes no larger request. */
  readonly buckets?: readonly string[];
  /** @default - a free port */
  readonly sqsPort?: number;
  /** @default - a free port */
  readonly dynamodbPort?: number;
  /** Directory that keeps DynamoDB's items. Messages are never kept. @default - in memory */
  readonly dataDir?: string;
  /** Another DynamoDB to use, for platforms that have no dynoxide. @default - dynoxide is started */
  readonly dynamodbEndpoint?: string;
  /** Gives up starting. A running stack is ended by `stop` alone. */
  readonly signal?: AbortSignal;
}

export interface LocalStack extends AsyncDisposable {
  readonly sqsEndpoint: string;
  readonly dynamodbEndpoint: string;
  /** The same as SQS's: one server. */
  readonly s3Endpoint: string;
  /** For child processes that use the SDK; nothing else has to be set. */
  readonly environment: Readonly<Record<string, string>>;
  /** Idempotent. Existing queues get the new attributes. */
  createQueues(queues: readonly QueueSpec[]): Promise<void>;
  /** Idempotent. */
  createTables(names: readonly string[]): Promise<void>;
  /** Idempotent. */
  createBuckets(names: readonly string[]): Promise<void>;
  /** On the same port, as after a crash. Queues and buckets stay, messages and objects are lost; items are lost without `dataDir`. */
  restart(which: "sqs" | "dynamodb"): Promise<void>;
  /** Removes the items whose time to live is over. Nothing happens where DynamoDB is elsewhere. */
  sweep(): Promise<void>;
  /** Idempotent. */
  stop(): Promise<void>;
}

export async function startLocalStack(options: LocalStackOptions = {}): Promise<LocalStack> {
  const { signal } = options;
  signal?.throwIfAborted();
  const start = startOptions(options);
  const emulators = forkEmulators();
  const giveUp = () => void emulators.stop();
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const { started } = await emulators.ask({ do: "start", options: start });
    const stack = localStack(
      emulators,
      `http://${LOOPBACK}:${started?.sqsPort}`,
      options.dynamodbEndpoint ?? `http://${LOOPBACK}:${started?.dynamodbPort}`,
      options,
    );
    const { app, queues = [], tables = [], buckets = [] } = options;
    await stack.createQueues(app ? [...queuesOf(app), ...queues] : queues);
    await stack.createTables(app ? [tableName(app.name), ...tables] : tables);
    await stack.createBuckets(app?.payloads ? [app.payloads.bucket, ...buckets] : buckets);
    signal?.throwIfAborted();
    return stack;
  } catch (error) {
    await emulators.stop();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
}

function startOptions({ sqsPort = 0, dynamodbPort, dataDir, dynamodbEndpoint }: LocalStackOptions): StartOptions {
  if (dynamodbEndpoint !== undefined) return { sqsPort };
  const binary = dynoxideBinary();
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true });
  return {
    sqsPort,
    dynoxide: {
      binary,
      ...(dynamodbPort === undefined ? {} : { port: dynamodbPort }),
      ...(dataDir === undefined ? {} : { database: join(dataDir, "dynamodb.sqlite") }),
    },
  };
}

function localStack(
  emulators: Emulators,
  sqsEndpoint: string,
  dynamodbEndpoint: string,
  options: LocalStackOptions,
): LocalStack {
  const queues = new Map<string, QueueSpec>();
  const tables = new Set<string>();
  const buckets = new Set<string>();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= emulators.stop();
    return stopped;
  };
  return {
    sqsEndpoint,
    dynamodbEndpoint,
    s3Endpoint: sqsEndpoint,
    environment: environmentOf(sqsEndpoint, dynamodbEndpoint),
    createQueues: async (specs) => {
      await createQueues(sqsEndpoint, specs);
      for (const spec of specs) queues.set(spec.name, spec);
    },
    createTables: async (names) => {
      await createTables(dynamodbEndpoint, names);
      for (const name of names) tables.add(name);
    },
    createBuckets: async (names) => {
      await createBuckets(sqsEndpoint, names);
      for (const name of names) buckets.add(name);
    },
    restart: async (which) => {
      if (which === "sqs") {
        await emulators.ask({ do: "restart-sqs", setup: queueRequests(sqsEndpoint, [...queues.values()]) });
        await createBuckets(sqsEndpoint, [...buckets]);
        return;
      }
      if (options.dynamodbEndpoint !== undefined) {
        throw new NotSupported(
          `DynamoDB at ${dynamodbEndpoint} was not started here and cannot be restarted from here`,
        );
      }
      await emulators.ask({ do: "restart-dynamodb" });
      await createTables(dynamodbEndpoint, [...tables]);
    },
    sweep: async () => {
      await emulators.ask({ do: "sweep" });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * The emulators take any credentials, but the SDK wants some. A profile or a session of the user's shell would win over them;
 * its queue URLs are those of a deployment.
 */
function environmentOf(sqsEndpoint: string, dynamodbEndpoint: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL_SQS: sqsEndpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodbEndpoint,
    AWS_ENDPOINT_URL_S3: sqsEndpoint,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_SESSION_TOKEN: "",
    AWS_PROFILE: "",
    [VARIABLES.queueUrlBase]: "",
  };
}
