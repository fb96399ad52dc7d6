// Fuzzes in a thread of its own and watches it: one input that burns more CPU than any input may, or that is never done with, is
// a finding, not a test that hangs.
import { Worker } from "node:worker_threads";
import type { Found, FuzzOptions, FuzzReport } from "./run.ts";

/** A target's module, by URL, and what to do with it. */
export interface Work extends Omit<FuzzOptions, "begin"> {
  readonly module: string;
}

export type FromThread =
  | { readonly kind: "report"; readonly name: string; readonly report: FuzzReport }
  | { readonly kind: "end" };

export interface WatchOptions {
  /** CPU seconds that no input needs. @default 60 */
  readonly hangSeconds?: number;
  readonly onReport?: (name: string, report: FuzzReport) => void;
}

const LOOK_EVERY_MS = 200;

/** Reports by target. A target whose thread was ended, or came to no end, has what was found until then. */
export async function watch(
  work: readonly Work[],
  options: WatchOptions = {},
): Promise<ReadonlyMap<string, FuzzReport>> {
  const reports = new Map<string, FuzzReport>();
  for (let from = 0; from < work.length; ) from += await watchThread(work.slice(from), options, reports);
  return reports;
}

/** Returns how many are done: all, or those up to the one that hung. */
async function watchThread(
  work: readonly Work[],
  { hangSeconds = 60, onReport = () => {} }: WatchOptions,
  reports: Map<string, FuzzReport>,
): Promise<number> {
  /** Which target, which input, how many inputs so far. */
  const progress = new Int32Array(new SharedArrayBuffer(12));
  const thread = new Worker(new URL("./thread.ts", import.meta.url), {
    workerData: { progress, work },
    stdout: true,
    stderr: true,
  });
  const ended = Promise.withResolvers<string | undefined>();
  let whole = false;
  const done = (name: string, report: FuzzReport) => {
    reports.set(name, report);
    onReport(name, report);
  };
  thread.on("message", (message: FromThread) => {
    if (message.kind === "end") whole = true;
    else done(message.name, message.report);
  });
  thread.on("error", (error) => ended.resolve(`crash: ${error instanceof Error ? error.stack : String(error)}`));
  thread.on("exit", () => ended.resolve(whole ? undefined : "hang: nothing is left to wait for, and it is not done"));
  const watching = setInterval(cpuWatch(thread, progress, hangSeconds, ended.resolve), LOOK_EVERY_MS);
  const problem = await ended.promise;
  clearInterval(watching);
  await thread.terminate();
  if (problem === undefined) return work.length;
  const at = Atomics.load(progress, 0);
  const n = Atomics.load(progress, 1);
  const [oracle = "crash"] = problem.split(":");
  const found: Found = { n, oracle, message: problem, input: null };
  done(work[at]?.name ?? "?", { inputs: n + 1, found: [found], heapGrowth: 0, costliest: 0 });
  return at + 1;
}

/** CPU time, not time: a machine that is busy elsewhere makes nothing hang. */
function cpuWatch(
  thread: Worker,
  progress: Int32Array,
  hangSeconds: number,
  tell: (problem: string) => void,
): () => void {
  let last = -1;
  let base = 0;
  return async () => {
    const usage = await thread.cpuUsage().catch(() => undefined); // it has ended
    if (usage === undefined) return;
    const seconds = (usage.user + usage.system) / 1e6;
    const begun = Atomics.load(progress, 2);
    if (begun !== last) {
      last = begun;
      base = seconds;
    }
    if (seconds - base > hangSeconds) tell(`hang: one input took more than ${hangSeconds} s of CPU`);
  };
}
