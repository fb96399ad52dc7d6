// Worlds on the local stack: SQS and DynamoDB by their protocols. One stack, and some apps with a worker each, which serve one case at a time.
import { type App, createApp } from "../../lib/app.ts";
import { DynamoJoinStore } from "../../lib/aws/dynamo-join-store.ts";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { systemClock } from "../../lib/clock.ts";
import { BrokerUnavailable } from "../../lib/errors.ts";
import { queuesOf } from "../../lib/local/queues.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { silentLogger } from "../../lib/log.ts";
import type { Broker } from "../../lib/ports/broker.ts";
import { deadLetterQueueName, queueName, tableName } from "../../lib/store/table.ts";
import { startWorker, type Worker } from "../../lib/worker/worker.ts";
import { onFargate } from "../../lib/workload.ts";
import { useCredentialsOf } from "../support/credentials.ts";
import { Journal } from "./journal.ts";
import { type CeleryTasks, celeryTasks } from "./tasks.ts";
import { slowed, Trouble, type World, world } from "./world.ts";

const WORKLOADS = { default: onFargate({ work: "io", visibilityTimeout: "15s" }) };
const PAUSE_MS = 20;

export class LocalWorlds implements AsyncDisposable {
  readonly #stack: LocalStack;
  readonly #all: readonly Lane[];
  readonly #free: Lane[];
  readonly #waiting: ((lane: Lane) => void)[] = [];

  private constructor(stack: LocalStack, lanes: readonly Lane[]) {
    this.#stack = stack;
    this.#all = lanes;
    this.#free = [...lanes];
  }

  /** As many as there are cases at a time. */
  static async start(count: number): Promise<LocalWorlds> {
    const names = Array.from({ length: count }, (_, i) => `celery-canvas-${i}`);
    const stack = await startLocalStack({
      queues: names.flatMap((name) => queuesOf({ name, workloads: WORKLOADS })),
      tables: names.map((name) => tableName(name)),
    });
    useCredentialsOf(stack);
    return new LocalWorlds(stack, await Promise.all(names.map((name) => Lane.start(name, stack))));
  }

  /** The next one that nobody has, with nothing in its journal, until it is disposed of. */
  async take(): Promise<{ readonly world: World } & AsyncDisposable> {
    const lane = this.#free.pop() ?? (await new Promise<Lane>((resolve) => this.#waiting.push(resolve)));
    const release = async () => {
      const next = this.#waiting.shift();
      if (next) next(lane);
      else this.#free.push(lane);
    };
    return { world: lane.next(), [Symbol.asyncDispose]: release };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((lane) => lane.stop()));
    await this.#stack.stop();
  }
}

class Lane {
  readonly #app: App;
  readonly #tasks: CeleryTasks;
  readonly #sqs: SqsBroker;
  #worker: Worker | undefined;
  #journal = new Journal();
  #trouble = new Trouble();

  private constructor(name: string, { sqsEndpoint, dynamodbEndpoint }: LocalStack) {
    const endpoint = dynamodbEndpoint;
    const table = tableName(name);
    const store = new DynamoResultStore({ table, endpoint });
    const dynamo = new DynamoJoinStore({ table, endpoint });
    const trouble = () => this.#trouble;
    const joins = slowed(dynamo, trouble, (ms) => systemClock.sleep(ms));
    this.#sqs = new SqsBroker({ endpoint: sqsEndpoint });
    const backends = {
      broker: watched(this.#sqs, trouble),
      store,
      joins: async () => joins,
      close: () => dynamo.close(),
      where: async () => ({ broker: sqsEndpoint, store: dynamodbEndpoint }),
    };
    this.#app = createApp(name, { workloads: WORKLOADS, logger: silentLogger, connect: async () => backends });
    this.#tasks = celeryTasks(this.#app, () => this.#journal);
  }

  static async start(name: string, stack: LocalStack): Promise<Lane> {
    const lane = new Lane(name, stack);
    lane.#worker = await startWorker(lane.#app, { waitSeconds: 1 });
    return lane;
  }

  next(): World {
    this.#journal = new Journal();
    this.#trouble = new Trouble();
    return world({
      app: this.#app,
      tasks: this.#tasks,
      journal: this.#journal,
      trouble: this.#trouble,
      get: (handle) => handle.get(),
      quiet: () => this.#quiet(),
      deadLetters: async () => (await this.#sqs.depth(deadLetterQueueName(this.#app.name, "default"))).visible,
      broker: this.#sqs,
    });
  }

  async stop(): Promise<void> {
    await this.#worker?.stop();
    await this.#app.close();
  }

  async #quiet(): Promise<void> {
    for (;;) {
      const { visible, inFlight } = await this.#sqs.depth(queueName(this.#app.name, "default"));
      if (visible + inFlight === 0) return;
      await systemClock.sleep(PAUSE_MS);
    }
  }
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
