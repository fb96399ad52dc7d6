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

export interface MemoryMb {
  /** Resident: what the process holds, whether or not it needs it. V8 keeps the pages that its heap once had. */
  readonly rssMb: number;
  /** What is reachable: objects and Buffers. A leak shows here. */
  readonly usedMb: number;
}

/** What the worker's process says: unasked how many tasks it has run, and when asked for ("memory") its memory. */
export interface Report {
  readonly ran: number;
  readonly memory?: MemoryMb;
}

/** After each number of tasks, in rising order. */
export async function memoryMb(counts: readonly number[]): Promise<readonly MemoryMb[]> {
  const app = createApp(APP, { workloads: { [WORKLOAD]: onFargate({ work: "io" }) }, logger: silentLogger });
  const worker = fork(processFile("worker"), { execArgv: ["--expose-gc"] });
  let ran = 0;
  worker.on("message", (report: Report) => {
    ran = report.ran;
  });
  const reported = async () => (await once(worker, "message"))[0] as Report; // all that it sends
  const measured: MemoryMb[] = [];
  let sent = 0;
  try {
    for (const count of counts) {
      for (; sent < count; sent += WAVE) {
        while (sent - ran > AHEAD) await reported();
        await Promise.all(Array.from({ length: WAVE }, (_, i) => app.sendTask("add", [sent + i, 1])));
      }
      while (ran < count) await reported();
      worker.send("memory");
      let answer = await reported();
      while (answer.memory === undefined) answer = await reported();
      measured.push(answer.memory);
    }
  } finally {
    worker.disconnect(); // which ends it
    await app.close();
  }
  return measured;
}
