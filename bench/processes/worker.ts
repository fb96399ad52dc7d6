// A worker with a trivial task, which tells its parent how far it is and, when asked, how much memory it has. Needs --expose-gc.
import { setTimeout as sleep } from "node:timers/promises";
import { createApp, onFargate } from "../../lib/index.ts";
import { silentLogger } from "../../lib/log.ts";
import { startWorker } from "../../lib/worker/worker.ts";
import { APP, IN_HAND, VISIBILITY_SECONDS, WAIT_SECONDS, WORKLOAD } from "../contestant.ts";
import type { Report } from "../memory.ts";

const REPORT_MS = 100;
const SETTLE_MS = 250;

const workload = onFargate({ work: "io", concurrency: IN_HAND, visibilityTimeout: `${VISIBILITY_SECONDS}s` });
const app = createApp(APP, { workloads: { [WORKLOAD]: workload }, logger: silentLogger });
let ran = 0;
app.task("add", (x: number, y: number) => {
  ran++;
  return x + y;
});
const worker = await startWorker(app, { waitSeconds: WAIT_SECONDS, deadLetters: false });
const report = (message: Report) => void process.send?.(message);
const reporting = setInterval(() => report({ ran }), REPORT_MS);

process.on("message", async () => {
  while (worker.inHand > 0) await sleep(1);
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await sleep(SETTLE_MS);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  report({ ran, memory: { rssMb: rss / 2 ** 20, usedMb: (heapUsed + external) / 2 ** 20 } });
});
process.once("disconnect", async () => {
  clearInterval(reporting);
  await worker.stop();
  await app.close();
});
