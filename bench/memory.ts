// Memory of one worker process after so many tasks and after ten times as many. Tasks are sent from here, a few thousand ahead
// of it at most; the process reads its own RSS when everything has ended and garbage is collected.
import { fork } from "node:child_process";
import { once } from "node:events";
import { createApp, onFargate } from "../lib/index.ts";
import { silentLogger } from "../lib/log.ts";
import { processFile } from "./child.ts";
import { APP, WORKLOAD } from "./contestant.ts";

const WAVE = 500;
const AHEAD = 4_000;

/** What the worker's process says: unasked how many tasks it has run, and when asked for ("rss") its memory in MB. */
export interface Report {
  readonly ran: number;
  readonly rssMb?: number;
}

/** MB after each number of tasks, in rising order. */
export async function memoryMb(counts: readonly number[]): Promise<readonly number[]> {
  const app = createApp(APP, { workloads: { [WORKLOAD]: onFargate({ work: "io" }) }, logger: silentLogger });
  const worker = fork(processFile("worker"), { execArgv: ["--expose-gc"] });
  let ran = 0;
  worker.on("message", (report: Report) => {
    ran = report.ran;
  });
  const reported = async () => (await once(worker, "message"))[0] as Report; // all that it sends
  const measured: number[] = [];
  let sent = 0;
  try {
    for (const count of counts) {
      for (; sent < count; sent += WAVE) {
        while (sent - ran > AHEAD) await reported();
        await Promise.all(Array.from({ length: WAVE }, (_, i) => app.sendTask("add", [sent + i, 1])));
      }
      while (ran < count) await reported();
      worker.send("rss");
      let answer = await reported();
      while (answer.rssMb === undefined) answer = await reported();
      measured.push(answer.rssMb);
    }
  } finally {
    worker.disconnect(); // which ends it
    await app.close();
  }
  return measured;
}
