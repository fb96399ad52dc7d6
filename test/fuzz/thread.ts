// One thread that fuzzes one target after the other, so that an endless loop can be seen, and ended, from outside.
import { parentPort, workerData } from "node:worker_threads";
import { fuzz } from "./run.ts";
import type { FromThread, Work } from "./watch.ts";

const { progress, work } = workerData as { readonly progress: Int32Array; readonly work: readonly Work[] }; // watch.ts's own

const say = (message: FromThread) => parentPort?.postMessage(message);

for (const [at, { module, ...options }] of work.entries()) {
  Atomics.store(progress, 0, at);
  Atomics.store(progress, 1, -1);
  const { make } = (await import(module)) as { make: import("./target.ts").MakeTarget }; // every target's module has it
  const begin = (n: number) => {
    Atomics.store(progress, 1, n);
    Atomics.add(progress, 2, 1);
  };
  say({ kind: "report", name: options.name, report: await fuzz(await make(), { ...options, begin }) });
}
say({ kind: "end" });
parentPort?.close();
