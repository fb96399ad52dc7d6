// Eager mode: a call runs in place, before its promise resolves (Celery: task_always_eager). The message is encoded, decoded
// and executed as a worker would, so arguments and results are JSON here too, and claims, limits, retries and callbacks are
// the real ones. What is missing is the waiting: countdowns, retry pauses and the pauses of a message that was given back.
//
// Every call has queues of its own, which are empty when it ends: calls made side by side, or by a task that runs in place
// itself, cannot take each other's messages. They share one result store.
import type { App } from "../app.ts";
import type { Clock } from "../clock.ts";
import type { Backends } from "../connection.ts";
import { WATCHDOG } from "../core/watchdog.ts";
import { TESTING } from "../defaults.ts";
import { NeverIdle, NotSupported, QueueNotFound, TaskFailed } from "../errors.ts";
import { MemoryJoinStore } from "../memory/join-store.ts";
import { MemoryPayloadStore } from "../memory/payload-store.ts";
import { MemoryResultStore } from "../memory/result-store.ts";
import type { Broker } from "../ports/broker.ts";
import type { ResultStore } from "../ports/result-store.ts";
import { follow } from "../replacement.ts";
import { decode, type Envelope, encode } from "../wire/envelope.ts";
import { toError } from "../wire/failure.ts";
import { executeDeps } from "./deps.ts";
import type { ExecuteDeps } from "./execution.ts";
import { runHere } from "./pool-here.ts";
import { type ServedQueue, servedQueues } from "./queues.ts";

export function eagerBackends(app: App, clock: Clock, propagates: boolean): Backends {
  const store = new MemoryResultStore({ clock });
  const payloads = app.payloads && new MemoryPayloadStore({ clock });
  const joins = new MemoryJoinStore({ clock, records: store });
  const kept = { store, joins: async () => joins, ...(payloads && { payloads }) };
  const queues = servedQueues(app);
  const noQueues = async () => {
    throw new NotSupported(
      `app "${app.name}" is eager: its calls run in place, and no message waits for a worker; start workers of an app that is not`,
    );
  };
  const broker: Broker = {
    send: async (queue, { body }) => {
      await new EagerCall(app, kept, queues).run(queue, body);
      if (propagates) await throwFailure(store, decode(body).id);
    },
    receive: noQueues,
    delete: noQueues,
    changeVisibility: noQueues,
    depth: async () => ({ visible: 0, inFlight: 0, delayed: 0 }),
    check: noQueues,
    flush: async () => {},
    close: async () => {},
  };
  return { broker, ...kept, where: async () => ({ broker: "in place (eager)", store: "memory" }) };
}

async function throwFailure(store: ResultStore, id: string): Promise<void> {
  const { state, failure } = (await follow(id, store)).record ?? {};
  if (state === "FAILURE" && failure !== undefined) throw new TaskFailed(id, failure, toError(failure));
}

interface Message {
  readonly queue: string;
  readonly body: string;
  readonly messageId: string;
  receiveCount: number;
}

/** One call, and everything that follows from it. */
class EagerCall {
  readonly #queues: ReadonlyMap<string, ServedQueue>;
  readonly #deps: ExecuteDeps;
  readonly #waiting: Message[] = [];
  readonly #settled = new Set<string>();
  #sent = 0;

  constructor(
    app: App,
    kept: Pick<Backends, "store" | "joins" | "payloads">,
    queues: ReadonlyMap<string, ServedQueue>,
  ) {
    this.#queues = queues;
    const broker: Broker = {
      send: async (queue, { body }) => this.#send(queue, body),
      receive: async () => [],
      delete: async ({ messageId }) => void this.#settled.add(messageId),
      changeVisibility: async () => "changed", // what is not deleted comes again, and nothing is waited for
      depth: async () => ({ visible: 0, inFlight: 0, delayed: 0 }),
      check: async () => {},
      flush: async () => {},
      close: async () => {},
    };
    this.#deps = executeDeps(app, { broker, ...kept }, "in place (eager)", app.log, runHere(app));
  }

  async run(queue: string, body: string): Promise<void> {
    this.#send(queue, body);
    let handled = 0;
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
      if (handled++ === TESTING.maxMessages) throw endless(decode(body).task, decode(message.body).task);
      await this.#deliver(message);
    }
  }

  #send(queue: string, body: string): void {
    if (decode(body).task === WATCHDOG) return; // nothing is lost here
    const served = this.#queues.get(queue);
    if (served === undefined) throw new QueueNotFound(queue, "eager mode");
    this.#waiting.push({
      queue,
      body: dueNow(body, queue),
      messageId: `eager-${++this.#sent}`,
      receiveCount: 0,
    });
  }

  async #deliver(message: Message): Promise<void> {
    const { queue, body, messageId } = message;
    const { limits, handle, deadLetter } = this.#queues.get(queue) as ServedQueue; // #send has looked it up
    message.receiveCount++;
    const { receiveCount } = message;
    const delivery = { queue, body, messageId, receipt: messageId, receiveCount, sentAt: this.#deps.clock.now() };
    await handle(delivery, limits, this.#deps).done;
    if (this.#settled.has(messageId)) return;
    if (deadLetter !== undefined && receiveCount >= limits.maxReceiveCount) this.#send(deadLetter, body);
    else this.#waiting.push(message);
  }
}

/** The message without the time it is to wait for. */
function dueNow(body: string, queue: string): string {
  const { eta, ...envelope }: Envelope = decode(body);
  return eta === undefined ? body : encode(envelope, queue);
}

function endless(called: string, latest: string): NeverIdle {
  return new NeverIdle(
    `an eager call of "${called}" has handled ${TESTING.maxMessages} messages and more keep coming, the next is for "${latest}"; bound its retries or the tasks it sends, or do not call it eagerly`,
  );
}
