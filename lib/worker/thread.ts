// A thread of the pool: loads the app once, then runs one job at a time. pool.ts starts it through piscina.
import { AsyncLocalStorage } from "node:async_hooks";
import { parentPort, workerData } from "node:worker_threads";
import type { App } from "../app.ts";
import type { Outcome } from "../core/outcome.ts";
import { NotRegistered } from "../errors.ts";
import { toFailure } from "../wire/failure.ts";
import { invoke } from "./invoke.ts";
import { loadApp } from "./load-app.ts";
import type { PostedJob, StrayError, ThreadData } from "./pool-messages.ts";
import { ThreadJob } from "./thread-job.ts";

const { appPath, loading, loadsAtMost } = workerData as ThreadData;

/** Which job a piece of code belongs to, also long after that job has ended. */
const owners = new AsyncLocalStorage<ThreadJob>();
let current: ThreadJob | undefined;
let app: Promise<App> | undefined;

function load(): Promise<App> {
  app ??= loadApp(appPath).finally(() => Atomics.store(loading, 0, 0));
  return app;
}

// Before the first job, so that it need not wait; after this module has loaded, so that piscina hears that the thread is up.
if (Atomics.add(loading, 0, 1) < loadsAtMost) setImmediate(() => load().catch(() => {})); // every job says why

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
    parentPort?.postMessage({ kind: "stray", task, id, failure } satisfies StrayError);
  });
}

/** Never rejects: whatever goes wrong is an outcome. */
export default async function runJob(posted: PostedJob): Promise<Outcome> {
  const job = new ThreadJob(posted);
  current = job;
  const outcome = await owners.run(job, () => loadAndInvoke(job));
  // What the handler left rejected and unhandled shows now, while it is still this job's fault.
  await new Promise((resolve) => setImmediate(resolve));
  if (job.crashed) await new Promise(() => {}); // the main thread ends this one
  current = undefined;
  return outcome;
}

async function loadAndInvoke(job: ThreadJob): Promise<Outcome> {
  const { envelope } = job.posted;
  try {
    const { tasks, clock } = await load();
    const task = tasks.get(envelope.task);
    if (task === undefined) throw new NotRegistered(envelope.task, [...tasks.keys()]);
    job.send({ kind: "started" });
    return await invoke(task.handler, job.asJob(task.settings), clock, "outside");
  } catch (error) {
    return { kind: "failure", failure: toFailure(error), expected: false };
  }
}
