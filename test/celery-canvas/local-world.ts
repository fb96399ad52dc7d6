// A world on the local stack: SQS and DynamoDB by their protocols. One stack and one worker for all cases, each with a journal of its own.
import { createApp } from "../../lib/app.ts";
import { DynamoJoinStore } from "../../lib/aws/dynamo-join-store.ts";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { systemClock } from "../../lib/clock.ts";
import { BrokerUnavailable } from "../../lib/errors.ts";
import { startLocalStack } from "../../lib/local/stack.ts";
import { silentLogger } from "../../lib/log.ts";
import type { Broker } from "../../lib/ports/broker.ts";
import { deadLetterQueueName, queueName, tableName } from "../../lib/store/table.ts";
import { startWorker } from "../../lib/worker/worker.ts";
import { onFargate } from "../../lib/workload.ts";
import { useCredentialsOf } from "../support/credentials.ts";
import { Journal } from "./journal.ts";
import { celeryTasks } from "./tasks.ts";
import { slowed, Trouble, type World, world } from "./world.ts";

const NAME = "celery-canvas";
const PAUSE_MS = 20;

export interface LocalWorlds extends AsyncDisposable {
  /** The same stack with nothing in its journal. */
  next(): World;
}

export async function localWorlds(): Promise<LocalWorlds> {
  const workloads = { default: onFargate({ work: "io", visibilityTimeout: "15s" }) };
  const stack = await startLocalStack({ app: { name: NAME, workloads } });
  useCredentialsOf(stack);
  let journal = new Journal();
  let trouble = new Trouble();
  const sqs = new SqsBroker({ endpoint: stack.sqsEndpoint });
  const store = new DynamoResultStore({ table: tableName(NAME), endpoint: stack.dynamodbEndpoint });
  const dynamo = new DynamoJoinStore({ table: tableName(NAME), endpoint: stack.dynamodbEndpoint });
  const broker = watched(sqs, () => trouble);
  const joins = slowed(
    dynamo,
    () => trouble,
    (ms) => systemClock.sleep(ms),
  );
  const app = createApp(NAME, {
    workloads,
    logger: silentLogger,
    connect: async () => ({
      broker,
      store,
      joins: async () => joins,
      close: () => dynamo.close(),
      where: async () => ({ broker: stack.sqsEndpoint, store: stack.dynamodbEndpoint }),
    }),
  });
  const tasks = celeryTasks(app, () => journal);
  const worker = await startWorker(app, { waitSeconds: 1 });
  const quiet = async () => {
    for (;;) {
      const { visible, inFlight } = await sqs.depth(queueName(NAME, "default"));
      if (visible + inFlight === 0) return;
      await systemClock.sleep(PAUSE_MS);
    }
  };
  const deadLetters = async () => (await sqs.depth(deadLetterQueueName(NAME, "default"))).visible;
  return {
    next: () => {
      journal = new Journal();
      trouble = new Trouble();
      return world({ app, tasks, journal, trouble, get: (handle) => handle.get(), quiet, deadLetters, broker: sqs });
    },
    [Symbol.asyncDispose]: async () => {
      await worker.stop();
      await app.close();
      await stack.stop();
    },
  };
}

function watched(broker: SqsBroker, trouble: () => Trouble): Broker {
  return new Proxy(broker, {
    get: (target, name) => {
      if (name === "send")
        return async (...[queue, message]: Parameters<Broker["send"]>) => {
          trouble().sending(queue, message, () => new BrokerUnavailable("send failed, as the test asked"));
          await target.send(queue, message);
        };
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
