// A process of the pool: loads the app once, then runs one job at a time. pool.ts starts it through tinypool.
import { AsyncLocalStorage } from "node:async_hooks";
import type { App } from "../app.ts";
import type { Outcome } from "../core/outcome.ts";
import { NotRegistered } from "../errors.ts";
import { toFailure } from "../wire/failure.ts";
import { calledTask } from "../wire/signature.ts";
import { announceHere } from "./announce.ts";
import { followWorker } from "./child-end.ts";
import { ChildJob, send } from "./child-job.ts";
import { invoke } from "./invoke.ts";
import { loadApp } from "./load-app.ts";
import { taskOf } from "./mapped.ts";
import {
  type ChildStart,
  isOurs,
  type PostedFarewell,
  type PostedJob,
  type StrayError,
  type ToChild,
} from "./pool-messages.ts";
import { streamsOf } from "./results.ts";
import { traced } from "./traced.ts";

const [start = ""] = process.argv.splice(2); // the app sees no arguments of ours
const { appPath, workerPid, load: loadWhen }: ChildStart = JSON.parse(start);
followWorker(workerPid);

/** Which job a piece of code belongs to, also long after that job has ended. */
const owners = new AsyncLocalStorage<ChildJob>();
let current: ChildJob | undefined;
let app: Promise<App> | undefined;
/** Until the first job nobody listens. */
let early: StrayError[] | undefined = [];

function load(): Promise<App> {
  app ??= loadApp(appPath).then(async (loaded) => {
    await loaded.events.emit("workerProcessInit", { pid: process.pid }, loaded.log);
    return loaded;
  });
  return app;
}

// Before the first job, so that it need not wait; after this module has loaded, so that tinypool hears that the child is up.
if (loadWhen === "at once") setImmediate(() => load().catch(() => {})); // every job says why

for (const origin of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(origin, (error: unknown) => {
    const owner = owners.getStore();
    const failure = toFailure(error);
    // Code whose job nobody knows is taken for the running job's: its memory is the one that may be broken.
    if (current !== undefined && (owner === undefined || owner === current)) {
      if (!current.crashed) current.send({ kind: "crashed", origin, failure });
      return;
    }
    const { task, id } = owner?.posted.envelope ?? {};
    const stray: StrayError = { lovage: "stray", task, id, failure };
    if (early) early.push(stray);
    else send(stray);
  });
}

process.on("message", (data: unknown) => {
  if (isOurs<ToChild>(data) && data.run === current?.posted.run) current.receive(data.message);
});

/** Never rejects: whatever goes wrong is an outcome. Without a job it does nothing: the pool then wants a process, no more. */
export async function runJob(posted: PostedJob | PostedFarewell | undefined): Promise<Outcome | undefined> {
  if (posted === undefined) return undefined;
  if ("farewell" in posted) return farewell();
  const job = new ChildJob(posted);
  current = job;
  for (const stray of early ?? []) send(stray);
  early = undefined;
  job.send({ kind: "taken" });
  const outcome = await owners.run(job, () => loadAndInvoke(job));
  // What the handler left rejected and unhandled shows now, while it is still this job's fault.
  await new Promise((resolve) => setImmediate(resolve));
  if (job.crashed) await new Promise(() => {}); // the worker kills this process
  current = undefined;
  return outcome;
}

/** One of these reaches every idle process, because none of them ends. */
async function farewell(): Promise<never> {
  const loaded = await app?.catch(() => undefined);
  await loaded?.events.emit("workerProcessShutdown", { pid: process.pid }, loaded.log);
  await loaded?.tracing?.flush();
  await loaded?.close(); // with what hooks have sent and nobody awaited
  send({ lovage: "closed" });
  return new Promise(() => {}); // the worker kills this process
}

async function loadAndInvoke(job: ChildJob): Promise<Outcome> {
  const { envelope } = job.posted;
  try {
    const app = await load();
    if (job.posted.ending) {
      job.send({ kind: "started" });
      await announceHere(app, { ...job.posted, log: job.log, ending: job.posted.ending });
      return { kind: "success", result: undefined };
    }
    const task = taskOf(app, envelope);
    if (task === undefined) throw new NotRegistered(calledTask(envelope), [...app.tasks.keys()]);
    job.send({ kind: "started" });
    const own = job.asJob(task.settings);
    return await traced(app, own, () =>
      invoke({ ...task, events: app.events, streams: streamsOf(app) }, own, app.clock, "outside"),
    );
  } catch (error) {
    return { kind: "failure", failure: toFailure(error), expected: false };
  }
}
