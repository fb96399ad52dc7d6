// lovage/lambda: the same execution as a long-running worker's, fed by an SQS event source mapping that reports batch item
// failures. The rules of one invocation:
//
//  * Task errors never throw: they are recorded, and the message is done.
//  * Records received for the first time run side by side. One that was received before may have killed the process then, so
//    it runs alone, when the others are settled: it takes nobody with it.
//  * What could not be started in time, or could not be finished, is given back: its id is in the answer.
//  * Where no message at all could be finished a back end is down, and the handler throws: only errors slow Lambda's pollers.
//
// The messages of dead-letter queues run nothing: each is recorded, or sent back to work (dead-letter.ts).
import { randomBytes } from "node:crypto";
import type { App } from "../app.ts";
import { bringWorkerParts } from "../aws/worker-parts.ts";
import { HOOKS_SECONDS, LAMBDA_RESERVED_SECONDS, TASK_DEFAULTS } from "../defaults.ts";
import { InvalidOption, InvocationFailed } from "../errors.ts";

import type { Logger } from "../log.ts";
import { check } from "../options.ts";
import type { Broker, Delivery } from "../ports/broker.ts";
import { announceHere, notLonger } from "./announce.ts";
import { executeDeps, withOverrides } from "./deps.ts";
import { taskMetrics } from "./metrics.ts";
import { runHere } from "./pool-here.ts";
import { type ServedQueue, servedQueues } from "./queues.ts";
import { chosenWorkloads, demandTasks } from "./served-workloads.ts";
import { deliveriesOf, type SqsEvent } from "./sqs-event.ts";

export type { SqsEvent };

export interface LambdaContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  getRemainingTimeInMillis(): number;
}

/** A partial batch response: the messages that Lambda must not delete. */
export interface SqsBatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

const RESERVED_MS = LAMBDA_RESERVED_SECONDS * 1_000;

/** A record that runs alone is started with this part of the time it may take, or not in this invocation. */
const ENOUGH = 0.9;

export interface LambdaHandlerOptions {
  /** Workloads it serves: those whose tasks its bundle has. @default - all of the app's */
  readonly workloads?: readonly string[];
}

/**
 * Makes a handler for the queues of an app's workloads, and for their dead-letter queues; call it when the tasks are defined. Task
 * errors never throw: they are recorded, and the message is done. Throws StartupFailed where the app has no tasks, or none
 * names one of the workloads and that is not `byCall`; InvalidOption, also where LOVAGE_METRICS is wrong. The handler rejects with
 * InvalidEvent where it is invoked with anything but an event of SQS, InvocationFailed where no message could be finished, InvalidOption
 * where a queue is not one of its app's.
 */
export function createLambdaHandler(
  app: App,
  options: LambdaHandlerOptions = {},
): (event: SqsEvent, context: LambdaContext) => Promise<SqsBatchResponse> {
  bringWorkerParts({
    batchedWrites: () => import("../aws/batched-writes.ts"),
    sqsConsuming: () => import("../aws/sqs-consuming.ts"),
  });
  const { workloads } = check("createLambdaHandler()", options, { workloads: (names) => chosenWorkloads(app, names) });
  const served = workloads ?? chosenWorkloads(app, undefined);
  demandTasks(app, served, "lambda");
  const here = runHere(app);
  const metrics = taskMetrics(app);
  const queues = lambdaQueues(app, served);
  const sandbox = randomBytes(3).toString("hex");
  loadNow(app);
  return async (event, context) => {
    const received = deliveriesOf(event);
    const backends = await app.backends();
    const acknowledged = new Set<string>();
    // Lambda deletes what is not reported as failed; a delete of our own would be one call too many.
    const broker = withOverrides(backends.broker, {
      delete: async ({ messageId }) => {
        acknowledged.add(messageId);
      },
    });
    const left = () => context.getRemainingTimeInMillis();
    /** For user code that comes after a task, in seconds. Near the end the answer needs the other half. */
    const leftForMore = () => Math.min(HOOKS_SECONDS, Math.max(left() - RESERVED_MS, left() / 2) / 1_000);
    const owner = `${context.functionName}:${sandbox}:${context.awsRequestId}`;
    const deps = executeDeps(
      app,
      { ...backends, broker },
      owner,
      app.log,
      {
        ...here,
        run: (job) => {
          const timeLimit = Math.min(job.timeLimit, Math.max(0.1, (left() - RESERVED_MS) / 1_000));
          // A soft limit that comes with the hard one is none: cut, it stays in its place before it.
          const latestSoft = timeLimit < job.timeLimit ? timeLimit * TASK_DEFAULTS.softTimeLimitRatio : timeLimit;
          return here.run({ ...job, timeLimit, softTimeLimit: Math.min(job.softTimeLimit, latestSoft) });
        },
        announce: (ended) => announceHere(app, ended, leftForMore()),
      },
      metrics,
    );
    const deliveries = received.map((delivery) => ({
      delivery,
      served: servedBy(app, queues, delivery.queue),
    }));
    const budget = left() - RESERVED_MS;
    const mayStart = () => left() - RESERVED_MS >= ENOUGH * budget;
    const run = ({ delivery, served: { handle, limits } }: (typeof deliveries)[number]) =>
      handle(delivery, limits, deps).done;

    const harmless = ({ delivery, served }: (typeof deliveries)[number]) =>
      delivery.receiveCount === 1 || served.deadLetter === undefined;
    const rows = await Promise.all(deliveries.filter(harmless).map(run));
    // The likelier it is to kill the process, the later it runs.
    const again = deliveries.filter((one) => !harmless(one));
    for (const one of again.toSorted((a, b) => a.delivery.receiveCount - b.delivery.receiveCount))
      rows.push(mayStart() ? await run(one) : await giveBack(one.delivery, broker, app.log));
    metrics?.flush();
    // What hooks have sent without awaiting it: a frozen function would send it with its next invocation, or never.
    const sent = app.flush().catch(() => {}); // it has been logged
    await notLonger(leftForMore(), sent, "calls that nobody awaited", app.clock, app.log);
    await broker.flush();
    if (app.tracing) await notLonger(leftForMore(), app.tracing.flush(), "spans", app.clock, app.log);

    if (rows.length > 0 && rows.every((row) => row === "hiccup")) throw new InvocationFailed(rows.length);
    const failed = received.filter(({ messageId }) => !acknowledged.has(messageId));
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

/** With the function's start, which has more of a CPU than its invocations. What fails, fails again when it is used. */
function loadNow(app: App): void {
  const loading = app.backends().then((backends) => backends.load?.());
  loading.catch((error: unknown) => app.log.warn({ error: String(error) }, "the back ends could not be loaded yet"));
}

/** Not started: another invocation has time for it. It would otherwise wait for its whole visibility timeout. */
async function giveBack(delivery: Delivery, broker: Broker, log: Logger): Promise<string> {
  const { queue, messageId, receiveCount } = delivery;
  log.debug({ queue, message_id: messageId, receive_count: receiveCount }, "not started for lack of time, given back");
  await broker
    .changeVisibility(delivery, 0)
    .catch((error: unknown) =>
      log.warn({ error: String(error) }, "could not give a message back, it returns by itself"),
    );
  return "not started";
}

/** Nothing renews a lease here: it has to last as long as the message is invisible. */
function lambdaQueues(app: App, workloads: readonly string[]): ReadonlyMap<string, ServedQueue> {
  const queues = [...servedQueues(app)].flatMap(([queue, { limits, ...served }]) => {
    if (!workloads.includes(limits.name)) return [];
    const visibilitySeconds = app.workload(limits.name)?.visibilitySeconds ?? limits.visibilitySeconds;
    return [[queue, { ...served, limits: { ...limits, visibilitySeconds } }] as const];
  });
  return new Map(queues);
}

function servedBy(app: App, queues: ReadonlyMap<string, ServedQueue>, queue: string): ServedQueue {
  const served = queues.get(queue);
  if (served === undefined)
    throw new InvalidOption(
      `queue "${queue}" belongs to no workload that is served here for app "${app.name}"; its queues are ${[...queues.keys()].join(", ")}`,
    );
  return served;
}
