// node latency.ts <samples>       Prints an array of milliseconds. Caller and worker share the process, and so a clock.
import { setTimeout as sleep } from "node:timers/promises";
import { createApp, onFargate } from "../../lib/index.ts";
import { silentLogger } from "../../lib/log.ts";
import { startWorker } from "../../lib/worker/worker.ts";
import { APP, VISIBILITY_SECONDS, WAIT_SECONDS, WORKLOAD } from "../contestant.ts";

const WARM_UP = 20;
const IDLE_MS = 5;

const workload = onFargate({ work: "io", visibilityTimeout: `${VISIBILITY_SECONDS}s` });
const app = createApp(APP, { workloads: { [WORKLOAD]: workload }, logger: silentLogger });
let started: (at: number) => void = () => {};
const note = app.task("note", () => started(performance.now()));

const worker = await startWorker(app, { waitSeconds: WAIT_SECONDS, deadLetters: false });
const samples: number[] = [];
const count = WARM_UP + Number(process.argv[2]);
for (let i = 0; i < count; i++) {
  while (worker.inHand > 0) await sleep(1);
  await sleep(IDLE_MS); // the acknowledgement is out and the next poll has been opened
  const { promise, resolve } = Promise.withResolvers<number>();
  started = resolve;
  const called = performance.now();
  await note.delay();
  const ms = (await promise) - called;
  if (i >= WARM_UP) samples.push(ms);
}
process.stdout.write(JSON.stringify(samples));
await worker.stop();
await app.close();
