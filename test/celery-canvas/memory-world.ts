// A world in memory, under virtual time, with the deliveries SQS allows.
import { SQS } from "../../lib/defaults.ts";
import { BrokerUnavailable } from "../../lib/errors.ts";
import { seededRandom } from "../../lib/testing/fake-clock.ts";
import { DEAD, memoryApp, QUEUE } from "../support/memory-app.ts";
import { Journal } from "./journal.ts";
import { celeryTasks } from "./tasks.ts";
import { Trouble, type World, world } from "./world.ts";

export interface Weather {
  /** Every message is delivered twice: at once, or up to some seconds later. */
  readonly twice?: true;
  /** Messages come in any order, some of them seconds late. */
  readonly reorder?: true;
  readonly seed: number;
}

/** Seconds that a message may be late. */
const LATE = 6;

export async function memoryWorld({ twice, reorder, seed }: Weather): Promise<World & AsyncDisposable> {
  const journal = new Journal();
  const trouble = new Trouble();
  const random = seededRandom(seed);
  const memory = await memoryApp((app) => celeryTasks(app, () => journal), { worker: false });
  const { app, tasks, broker, clock, joins } = memory;
  const late = () => (random() < 0.5 ? 0 : Math.ceil(random() * LATE));

  const send = broker.send.bind(broker);
  broker.send = async (queue, message) => {
    trouble.sending(queue, message, () => new BrokerUnavailable("send failed, as the test asked"));
    const delayed = (seconds: number) => ({ ...message, delaySeconds: Math.min(seconds, SQS.maxDelaySeconds) });
    await send(queue, delayed(message.delaySeconds + (reorder ? late() : 0)));
    if (twice) await send(queue, delayed(message.delaySeconds + late()));
  };
  if (reorder) broker.deliverBy((count) => Math.floor(random() * count));
  const count = joins.count.bind(joins);
  joins.count = async (join, one) => {
    await clock.sleep(trouble.slowCounts * 1_000);
    return await count(join, one);
  };
  await memory.startWorker();

  return {
    ...world({
      app,
      tasks,
      journal,
      trouble,
      get: (handle) => memory.during(handle.get()),
      quiet: () => memory.until("nothing is left to do", () => isQuiet(broker.nextVisibleAt(QUEUE), clock.now())),
      deadLetters: async () => broker.bodies(DEAD).length,
      broker: { send },
    }),
    [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose](),
  };
}

/** Of a watchdog's message: it comes that much later, and for some time again. */
const isQuiet = (next: number | undefined, now: number) => next === undefined || next - now > 600_000;
