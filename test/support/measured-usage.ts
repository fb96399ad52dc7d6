// What tasks really use on the local stack: their SQS requests as they pass a proxy, and DynamoDB's own count of write units.
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { startMeter } from "../../bench/meter.ts";
import { type App, createApp } from "../../lib/app.ts";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { itemBytes } from "../../lib/aws/record-item.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { systemClock } from "../../lib/clock.ts";
import { EventSourceMapping } from "../../lib/local/lambda/event-source-mapping.ts";
import { queuesOf } from "../../lib/local/queues.ts";
import type { LocalStack } from "../../lib/local/stack.ts";
import { createLogger } from "../../lib/log.ts";
import type { TaskOptions } from "../../lib/settings.ts";
import { createLambdaHandler, type SqsEvent } from "../../lib/worker/lambda.ts";
import { startWorker } from "../../lib/worker/worker.ts";
import type { Workload } from "../../lib/workload.ts";
import { startFaultProxy } from "./fault-proxy.ts";

/** Of one task. */
export interface MeasuredUsage {
  /** SQS requests. */
  readonly sends: number;
  readonly receives: number;
  readonly deletes: number;
  /** DynamoDB write units. */
  readonly writes: number;
  /** Bytes of its record, and of what its worker logs. */
  readonly record: number;
  readonly logged: number;
}

export interface MeasuredTasks {
  readonly stack: LocalStack;
  /** Of the app: each has its own. */
  readonly name: string;
  readonly workload: Workload;
  readonly options: TaskOptions;
  /** Of JSON. */
  readonly resultBytes: number;
  /** "one by one": each call is awaited before the next is made. */
  readonly sent: "together" | "one by one";
  readonly tasks: number;
}

export async function measureUsage(given: MeasuredTasks): Promise<MeasuredUsage> {
  const { stack, name, workload, options, resultBytes, sent, tasks } = given;
  const workloads = { default: workload };
  await stack.createQueues(queuesOf({ name, workloads }));
  await stack.createTables([name]);
  await using sqs = await startFaultProxy(stack.sqsEndpoint);
  await using meter = await startMeter(stack.dynamodbEndpoint);
  let logged = 0;
  const write = (line: string) => {
    logged += line.length;
  };
  await using app = createApp(name, {
    workloads,
    logger: createLogger({ level: "info", format: "json", clock: systemClock, write }),
    connect: async () => ({
      broker: new SqsBroker({ endpoint: sqs.endpoint }),
      store: new DynamoResultStore({ table: name, endpoint: meter.endpoint }),
      where: async () => ({ broker: sqs.endpoint, store: meter.endpoint }),
    }),
  });
  const result = "x".repeat(resultBytes - 2);
  const task = app.task("reports.make", options, (_: number) => result);
  const serve = workload.kind === "lambda" ? serveAsLambda : serveAsContainer;
  let id = "";

  const spend = async (count: number) => {
    const before = { units: meter.units, logged };
    const calls = Array.from({ length: count }, (_, i) => i);
    const first = sqs.requests.length;
    if (sent === "together") await Promise.all(calls.map((i) => task.delay(i)));
    else for (const i of calls) id = (await task.delay(i)).id;
    await serve(app, count, sqs.endpoint);
    const requests = sqs.requests.slice(first).map(({ target }) => target);
    const times = (target: string) => requests.filter((one) => one === target).length;
    return {
      sends: times("SendMessageBatch"),
      receives: times("ReceiveMessage"),
      deletes: times("DeleteMessageBatch"),
      writes: meter.units - before.units,
      logged: logged - before.logged,
    };
  };

  // What twice as many cost more: a start costs something too.
  const once = await spend(tasks);
  const twice = await spend(2 * tasks);
  return {
    sends: twice.sends / (2 * tasks),
    receives: twice.receives / (2 * tasks),
    deletes: twice.deletes / (2 * tasks),
    writes: (twice.writes - once.writes) / tasks,
    logged: (twice.logged - once.logged) / tasks,
    record: id === "" ? 0 : await recordBytes(stack, name, id),
  };
}

async function recordBytes(stack: LocalStack, table: string, id: string): Promise<number> {
  const client = new DynamoDBClient({ endpoint: stack.dynamodbEndpoint });
  const { Item = {} } = await client.send(new GetItemCommand({ TableName: table, Key: { id: { S: id } } }));
  client.destroy();
  return itemBytes(Item);
}

async function serveAsContainer(app: App, count: number): Promise<void> {
  let ran = 0;
  using _ = app.on("taskPostrun", () => {
    ran++;
  });
  const worker = await startWorker(app, { waitSeconds: 1, deadLetters: false });
  while (ran < count || worker.inHand > 0) await systemClock.sleep(5);
  await worker.stop();
}

/** The mapping receives and deletes, as Lambda's does; the function runs here. */
async function serveAsLambda(app: App, count: number, sqsEndpoint: string): Promise<void> {
  const handler = createLambdaHandler(app);
  const broker = new SqsBroker({ endpoint: sqsEndpoint });
  const workload = app.workloads.default as Workload; // the one there is
  const done = Promise.withResolvers<void>();
  let ran = 0;
  const mapping = new EventSourceMapping({
    queue: `${app.name}-default`,
    batchSize: workload.batchSize,
    maxConcurrency: 10,
    visibilitySeconds: workload.visibilitySeconds,
    broker,
    invoke: async (event) => {
      const { Records } = JSON.parse(event) as SqsEvent; // the mapping wrote it
      const context = { awsRequestId: "1", functionName: app.name, getRemainingTimeInMillis: () => 60_000 };
      const response = await handler({ Records }, context);
      ran += Records.length;
      if (ran >= count) done.resolve();
      return { kind: "response", body: JSON.stringify(response) };
    },
    onProblem: (problem) => done.reject(new Error(problem)),
  });
  const running = mapping.run();
  await done.promise;
  mapping.stop();
  await running;
  await broker.close();
}
