// One program of a deployment: a producer, a reader, a function, a container. All share a stack; each is heard by itself.
import { createApp } from "../../lib/app.ts";
import { DynamoJoinStore } from "../../lib/aws/dynamo-join-store.ts";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { S3PayloadStore } from "../../lib/aws/s3-payload-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { Reject } from "../../lib/errors.ts";
import type { LocalStack } from "../../lib/local/stack.ts";
import { silentLogger } from "../../lib/log.ts";
import { createLambdaHandler } from "../../lib/worker/lambda.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";
import { type Recorder, startRecorder } from "./recorder.ts";

export const APP = "duckling";
export const BUCKET = "duckling-payloads";
/** As deployed, and as run: one workload of each kind, and what is large goes through the bucket. */
export const DEFINITION = {
  name: APP,
  workloads: {
    default: onLambda({ timeout: "60s" }),
    renders: onFargate({ work: "io", concurrency: 4, visibilityTimeout: "15s" }),
  },
  payloads: { bucket: BUCKET, argsOver: 1_024, resultsOver: 1_024 },
};
export type WorkloadName = keyof typeof DEFINITION.workloads;

/** Over both limits. */
export const LARGE = "x".repeat(2_000);
/** fauxqs's account. */
const ACCOUNT = "000000000000";

export interface Program extends AsyncDisposable {
  readonly app: ReturnType<typeof createApp>;
  readonly tasks: ReturnType<typeof define>;
  readonly recorder: Recorder;
  readonly broker: SqsBroker;
  readonly store: DynamoResultStore;
}

/** What `TaskApp.environment` tells. */
export function queueUrlBase({ sqsEndpoint }: Recorder): string {
  return `${sqsEndpoint}/${ACCOUNT}`;
}

/** It knows the queues' URLs, as whoever is granted something does (`TaskApp.environment`). */
export async function startProgram(stack: LocalStack): Promise<Program> {
  const recorder = await startRecorder(stack);
  const { sqsEndpoint, dynamodbEndpoint, s3Endpoint } = recorder;
  const broker = new SqsBroker({ endpoint: sqsEndpoint, queueUrlBase: queueUrlBase(recorder) });
  const store = new DynamoResultStore({ table: APP, endpoint: dynamodbEndpoint });
  const joins = new DynamoJoinStore({ table: APP, endpoint: dynamodbEndpoint });
  const { name, ...options } = DEFINITION;
  const app = createApp(name, {
    ...options,
    logger: silentLogger,
    connect: async () => ({
      broker,
      store,
      joins: async () => joins,
      close: () => joins.close(),
      payloads: new S3PayloadStore({ bucket: BUCKET, app: APP, endpoint: s3Endpoint }),
      where: async () => ({ broker: sqsEndpoint, store: dynamodbEndpoint }),
    }),
  });
  return {
    app,
    tasks: define(app),
    recorder,
    broker,
    store,
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await recorder[Symbol.asyncDispose]();
    },
  };
}

/** Every way that a task can go, on both workloads. */
function define(app: ReturnType<typeof createApp>) {
  const both = <T>(of: (workload: WorkloadName) => T) => ({ default: of("default"), renders: of("renders") });
  const echo = both((workload) => app.task(`${workload}.echo`, { workload }, (text: string) => text));
  return {
    echo,
    quiet: both((workload) => app.task(`${workload}.quiet`, { workload, claim: false }, (text: string) => text)),
    again: both((workload) =>
      app.task(
        `${workload}.again`,
        { workload, bind: true, defaultRetryDelay: 0, maxRetries: 1 },
        (ctx, text: string) => {
          if (ctx.retries === 0) throw ctx.retry({ countdown: 0 });
          return text;
        },
      ),
    ),
    gives: both((workload) => {
      let given = 0;
      return app.task(`${workload}.gives`, { workload }, () => {
        if (given++ === 0) throw new Reject({ requeue: true });
      });
    }),
    tells: both((workload) =>
      app.task(`${workload}.tells`, { workload, bind: true }, async (ctx) => {
        await ctx.progress({ done: 1 });
      }),
    ),
    calls: both((workload) =>
      app.task(`${workload}.calls`, { workload }, async () => {
        for (const other of Object.values(echo)) await other.delay(LARGE);
      }),
    ),
    fails: both((workload) =>
      app.task(`${workload}.fails`, { workload }, (_text?: string) => {
        throw new RangeError("as it may");
      }),
    ),
  };
}

/** Hands a function the messages of its queue until there are none, and does what its event source mapping does: it is `mapping`. */
export async function invokeUntilEmpty(queue: string, program: Program, mapping: Program): Promise<void> {
  const handler = createLambdaHandler(program.app);
  for (;;) {
    const deliveries = await mapping.broker.receive(queue, { max: 10, waitSeconds: 0, visibilitySeconds: 60 });
    if (deliveries.length === 0) break;
    const Records = deliveries.map(({ messageId, receipt, body, receiveCount, sentAt }) => ({
      messageId,
      receiptHandle: receipt,
      body,
      attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
      eventSourceARN: `arn:aws:sqs:eu-west-1:${ACCOUNT}:${queue}`,
    }));
    const context = { awsRequestId: "r", functionName: queue, getRemainingTimeInMillis: () => 60_000 };
    const { batchItemFailures } = await handler({ Records }, context);
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    await Promise.all(
      deliveries.filter(({ messageId }) => !failed.has(messageId)).map((delivery) => mapping.broker.delete(delivery)),
    );
  }
}
