// The library as an application uses it: delay() and a worker in this process, with all their promises kept.
import { type AsyncResult, createApp, onFargate } from "../lib/index.ts";
import { silentLogger } from "../lib/log.ts";
import { startWorker, type Worker } from "../lib/worker/worker.ts";
import { APP, type Contestant, IN_HAND, VISIBILITY_SECONDS, WAIT_SECONDS, WORKLOAD } from "./contestant.ts";

/** Calls made in one turn of the event loop: they share requests, as in an application that maps over rows. */
const WAVE = 500;

export function lovage({ ignoreResult = false } = {}): Contestant {
  const workload = onFargate({ work: "io", concurrency: IN_HAND, visibilityTimeout: `${VISIBILITY_SECONDS}s` });
  const app = createApp(APP, { workloads: { [WORKLOAD]: workload }, logger: silentLogger });
  let ran = 0;
  const add = app.task("add", { ignoreResult }, (x: number, y: number) => {
    ran++;
    return x + y;
  });
  let last: AsyncResult<number> | undefined;

  return {
    send: async (count) => {
      for (let sent = 0; sent < count; sent += WAVE) {
        const wave = Array.from({ length: Math.min(WAVE, count - sent) }, (_, i) => add.delay(sent + i, 1));
        last = (await Promise.all(wave)).at(-1);
      }
    },
    consumer: async (count) => {
      ran = 0;
      let worker: Worker;
      return {
        run: async () => {
          // Measured with its checks of queue and table, a handful of requests: polling begins before it resolves.
          worker = await startWorker(app, { waitSeconds: WAIT_SECONDS, deadLetters: false });
          while (ran < count || worker.inHand > 0) await new Promise((resolve) => setTimeout(resolve, 1));
        },
        stop: async () => {
          await worker.stop();
          if (ran !== count) throw new Error(`${ran} runs of ${count} tasks`);
          if ((await last?.state()) !== (ignoreResult ? "UNTRACKED" : "SUCCESS"))
            throw new Error("a task that ran has no result");
        },
      };
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}
