// An app on the local stack, its traffic through fault proxies: the whole of Lovage on the real protocols.
import { type App, type AppOptions, createApp } from "../../lib/app.ts";
import { DynamoJoinStore } from "../../lib/aws/dynamo-join-store.ts";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { S3PayloadStore } from "../../lib/aws/s3-payload-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { type LocalStackOptions, startLocalStack } from "../../lib/local/stack.ts";
import { silentLogger } from "../../lib/log.ts";
import { startWorker, type Worker, type WorkerOptions } from "../../lib/worker/worker.ts";
import { onFargate } from "../../lib/workload.ts";
import { useCredentialsOf } from "./credentials.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

export interface RealApp extends AsyncDisposable {
  readonly app: App;
  readonly sqs: FaultProxy;
  readonly dynamodb: FaultProxy;
  readonly s3: FaultProxy;
  readonly stack: Awaited<ReturnType<typeof startLocalStack>>;
  work(options?: WorkerOptions): Promise<Worker>;
}

export async function realApp(
  name: string,
  options: AppOptions = {},
  stackOptions: LocalStackOptions = {},
): Promise<RealApp> {
  const workloads = options.workloads ?? { default: onFargate({ work: "io", visibilityTimeout: "15s" }) };
  const stack = await startLocalStack({
    ...stackOptions,
    app: { name, workloads, payloads: options.payloads },
  });
  useCredentialsOf(stack);
  const sqs = await startFaultProxy(stack.sqsEndpoint);
  const dynamodb = await startFaultProxy(stack.dynamodbEndpoint);
  const s3 = await startFaultProxy(stack.s3Endpoint);
  const joins = new DynamoJoinStore({ table: name, endpoint: dynamodb.endpoint });
  const app = createApp(name, {
    logger: silentLogger,
    ...options,
    workloads,
    connect: async (_app, clock, payloads) => ({
      broker: new SqsBroker({ endpoint: sqs.endpoint, clock }),
      store: new DynamoResultStore({ table: name, endpoint: dynamodb.endpoint, clock }),
      joins: async () => joins,
      ...(payloads && {
        payloads: new S3PayloadStore({ bucket: payloads.bucket, app: name, endpoint: s3.endpoint, clock }),
      }),
      where: async () => ({ broker: sqs.endpoint, store: dynamodb.endpoint }),
    }),
  });
  const workers: Worker[] = [];
  return {
    app,
    sqs,
    dynamodb,
    s3,
    stack,
    work: async (workerOptions = {}) => {
      const worker = await startWorker(app, { waitSeconds: 1, ...workerOptions });
      workers.push(worker);
      return worker;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled(workers.map((worker) => worker.stop()));
      await app.close();
      await joins.close();
      await Promise.all([sqs.close(), dynamodb.close(), s3.close()]);
      await stack.stop();
    },
  };
}
