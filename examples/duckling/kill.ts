// Kills a worker in the middle of its tasks, and proves it: the process is frozen first (SIGSTOP), then the store and
// DynamoDB say what it was doing, and only if that is certain does SIGKILL follow. Otherwise it goes on (SIGCONT).
import { setTimeout as sleep } from "node:timers/promises";
import { app } from "./app.ts";
import type { Store } from "./store.ts";
import type { WorkerProcess } from "./workers.ts";

/** A task counts as in its middle once it has run this long. */
const UNDER_WAY_MS = 300;

/** Once it has ended `after` tasks. Answers with those it was killed in; undefined where it ended, or the signal aborted, before. */
export async function killInMidTask(
  worker: WorkerProcess,
  store: Store,
  after: number,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  while (!signal.aborted && worker.exit === undefined) {
    await sleep(50);
    if (store.endedIn(worker.pid).length < after || !store.runningIn(worker.pid).some(underWay)) continue;
    worker.signal("SIGSTOP");
    const ids = await runningForCertain(worker, store).catch(() => undefined);
    if (ids !== undefined) {
      await worker.kill();
      store.recordKilled(ids, worker.pid);
      return ids;
    }
    worker.signal("SIGCONT");
    await sleep(200);
  }
  return undefined;
}

const underWay = ({ startedAt }: { readonly startedAt: number }) => Date.now() - startedAt > UNDER_WAY_MS;

/** Everything it has begun is either STARTED by it in DynamoDB, or ended there: nothing is between the two. */
async function runningForCertain(worker: WorkerProcess, store: Store): Promise<readonly string[] | undefined> {
  const running = store.runningIn(worker.pid);
  if (!running.every(underWay)) return undefined;
  for (const { taskId } of running) {
    const { state, worker: owner } = await app.result(taskId).info();
    if (state !== "STARTED" || owner?.split(":")[1] !== String(worker.pid)) return undefined;
  }
  for (const taskId of store.endedIn(worker.pid)) {
    if (!(await app.result(taskId).ready())) return undefined;
  }
  return running.length === 0 ? undefined : running.map(({ taskId }) => taskId);
}
