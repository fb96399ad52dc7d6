// node publisher.ts <JSON of PublisherOptions>        A process that publishes, and says what was accepted once it was.
//
// Spread over the time it is given, or as fast as the backlog allows. Ends when everything it sent was accepted or refused.
import { systemClock } from "../../lib/clock.ts";
import type { AsyncResult } from "../../lib/index.ts";
import { headersOf, LOCAL_ACCOUNT } from "../../lib/local/aws-request.ts";
import * as tasks from "./app.ts";
import { type Accepted, appender, FILES, type Mode, type Unconfirmed } from "./lines.ts";
import { type MixOptions, type Planned, planned } from "./mix.ts";
import { waitingMessages } from "./queues.ts";

export interface PublisherOptions extends MixOptions {
  readonly directory: string;
  readonly count: number;
  /** Spreads the tasks over this. @default - as fast as it goes */
  readonly seconds?: number;
  /** Messages on all queues at which it waits. */
  readonly backlog: number;
  /** SQS without faults: to look at the backlog, and for what no Lovage would send. */
  readonly sqs: string;
}

/** Long enough that calls share requests. */
const TICK_MS = 1_000;
/** Calls under way at once. */
const CALLS = 500;
const WAVE = 100;

const options: PublisherOptions = JSON.parse(process.argv[2] ?? "{}");
const accept = appender<Accepted>(options.directory, FILES.accepted);
const doubt = appender<Unconfirmed>(options.directory, FILES.unconfirmed);
const underWay = new Set<Promise<void>>();

/** The id that the call under way has been given: told in the same turn. */
let offered = "";
tasks.app.on("beforeTaskPublish", ({ id }) => {
  offered = id;
});

const MODES: Partial<Record<Planned["kind"], Mode>> = {
  light: "unclaimed",
  ignored: "untracked",
  unreadable: "unreadable",
  "unreadable, no id": "unreadable",
};

async function publish(n: number): Promise<void> {
  const plan = planned(n, options);
  const { kind, work, link, linkError } = plan;
  if (kind === "unreadable" || kind === "unreadable, no id") return unreadable(n, kind === "unreadable");
  const calling = call(n, plan);
  const id = offered;
  let result: AsyncResult;
  try {
    result = await calling;
  } catch (error) {
    doubt({ at: Date.now(), id, error: String(error) });
    return;
  }
  const mode = MODES[kind] ?? "tracked";
  const links = kind === "unknown task" ? {} : { ...(link && { link }), ...(linkError && { linkError }) };
  accept({ at: Date.now(), id: result.id, task: kind, mode, work, ...links } as Accepted); // `true` where it is there at all
  if (plan.revokeAfter === undefined) return;
  await systemClock.sleep(plan.revokeAfter);
  await result.revoke({ terminate: plan.terminate }).catch(() => {}); // DynamoDB may be down: then it is not revoked
}

function call(n: number, { kind, work, link, linkError, countdown }: Planned): Promise<AsyncResult> {
  const calls = {
    ...(link && { link: tasks.callback.s() }),
    ...(linkError && { linkError: tasks.callback.s() }),
    ...(countdown !== undefined && { countdown }),
  };
  switch (kind) {
    case "light":
      return tasks.light.applyAsync([work], calls);
    case "ignored":
      return tasks.ignored.applyAsync([work], calls);
    case "render":
      return tasks.render.applyAsync([work], calls);
    case "large":
      return tasks.large.applyAsync([work, "x".repeat(50_000)], calls);
    case "unknown task":
      return tasks.app.sendTask("nobody-knows-this", [work]);
    case "chosen":
      return chosen();
    default:
      return tasks.io.applyAsync([work], calls);
  }

  async function chosen(): Promise<AsyncResult> {
    const taskId = `chosen-${n}`;
    const result = await tasks.io.applyAsync([work], { ...calls, taskId });
    if (n % 4 === 0) await tasks.io.applyAsync([work], { ...calls, taskId }).catch(() => {}); // again: it is the same task
    return result;
  }
}

/** As somebody else's producer would leave it: pickled, with an id or without anything that can be read. */
async function unreadable(n: number, withId: boolean): Promise<void> {
  const id = `unreadable-${n}`;
  const message = { body: "gASV", "content-type": "application/x-python-serialize", headers: { task: "io", id } };
  const MessageBody = withId ? JSON.stringify(message) : `${id}: neither JSON nor base64`;
  const action = "SendMessage";
  const response = await fetch(options.sqs, {
    method: "POST",
    headers: headersOf({ service: "sqs", action, input: {} }),
    body: JSON.stringify({ QueueUrl: `${options.sqs}/${LOCAL_ACCOUNT}/chaos-default`, MessageBody }),
  }).catch(() => undefined);
  const task = withId ? "unreadable" : "unreadable, no id";
  if (response?.ok) accept({ at: Date.now(), id, task, mode: "unreadable" });
}

function start(n: number): void {
  const publishing = publish(n);
  underWay.add(publishing);
  void publishing.finally(() => underWay.delete(publishing));
}

/** SQS may be away just now. */
async function isFull(): Promise<boolean> {
  return (await waitingMessages(options.sqs).catch(() => 0)) > options.backlog;
}

async function room(): Promise<void> {
  while (underWay.size >= CALLS) await Promise.race(underWay);
}

process.once("disconnect", () => process.exit(1)); // whoever started it has gone
process.channel?.unref();

let sent = 0;
const began = systemClock.monotonic();
let lookedAt = began;
while (sent < options.count) {
  if (systemClock.monotonic() - lookedAt > 500) {
    lookedAt = systemClock.monotonic();
    while (await isFull()) await systemClock.sleep(100);
  }
  if (options.seconds === undefined) {
    for (let i = 0; i < WAVE && sent < options.count; i++) start(sent++);
    await Promise.race(underWay);
    await room();
    continue;
  }
  const elapsed = (systemClock.monotonic() - began) / 1_000;
  const due = Math.min(options.count, Math.ceil((options.count * elapsed) / options.seconds));
  // What an outage held up is caught up with step by step.
  for (let i = 0; i < WAVE && sent < due; i++) start(sent++);
  await room();
  await systemClock.sleep(TICK_MS);
}
await Promise.all(underWay);
await tasks.app.close();
