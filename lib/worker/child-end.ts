// A process of the pool lives as long as its worker, and ends when that says so. So does a local Lambda's with whoever runs it.
import { Worker } from "node:worker_threads";

const GUARD = `
const { workerData } = require("node:worker_threads");
setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, "SIGKILL");
}, 1000);
`;

/** Small: it does next to nothing, and there is one for every process. */
const GUARD_LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 };

/**
 * Ignores the signals that reach a whole process group or cgroup: the worker gets them too, and drains. Ends this process
 * when the worker has died: a closed channel says so, and where code that never yields cannot hear it, a thread looks.
 */
export function followWorker(workerPid: number): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  const guard = new Worker(GUARD, {
    eval: true,
    execArgv: [],
    env: {},
    workerData: workerPid,
    resourceLimits: GUARD_LIMITS,
  });
  guard.on("error", () => {}); // without it the channel still says so
  guard.unref();
}
