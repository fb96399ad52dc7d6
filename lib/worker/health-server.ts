// The main thread's side of /healthz and /readyz.
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { systemClock } from "../clock.ts";
import { StartupFailed } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { HealthReport } from "./health.ts";
import type { HealthThreadData, Listening } from "./health-thread.ts";

/** Real time, whatever clock the app has: another thread looks at it. */
const REPORT_EVERY_MS = 1_000;

export interface HealthOptions {
  readonly app: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly host: string;
  readonly stallSeconds: number;
  readonly log: Logger;
}

export interface HealthServer {
  readonly url: string;
  /** Says it at once, and then once a second. */
  report(make: () => HealthReport): void;
  close(): Promise<void>;
}

const STARTING: HealthReport = {
  phase: "starting",
  inHand: 0,
  standstill: { ms: 0, why: "it has not started" },
  failing: [],
};

/** Throws StartupFailed where it cannot listen. */
export async function serveHealth({ app, port, host, stallSeconds, log }: HealthOptions): Promise<HealthServer> {
  // Run as .ts from the repository, as .js from the package.
  const entry = new URL(`./health-thread${extname(import.meta.url)}`, import.meta.url);
  const workerData: HealthThreadData = { app, port, host, stallMs: stallSeconds * 1_000, report: STARTING };
  const thread = new Worker(entry, { workerData, execArgv: [], name: "health" });
  let make = () => STARTING;
  let closing = false;
  let cancel = () => {};
  const beat = () => {
    if (closing) return;
    thread.postMessage(make());
    cancel();
    cancel = systemClock.timer(REPORT_EVERY_MS, beat);
  };
  const close = async () => {
    closing = true;
    cancel();
    await thread.terminate();
  };
  try {
    const listening = await firstWord(thread);
    if ("problem" in listening) throw new StartupFailed(cannotListen(host, port, listening));
    thread.unref();
    thread.on("error", (error) => log.error({ error: String(error) }, "/healthz and /readyz are served no more"));
    beat();
    const address = host.includes(":") ? `[${host}]` : host;
    return {
      url: `http://${address}:${listening.port}`,
      report: (next) => {
        make = next;
        beat();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function firstWord(thread: Worker): Promise<Listening> {
  return new Promise((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", reject);
  });
}

function cannotListen(host: string, port: number, { code, problem }: Extract<Listening, { problem: string }>): string {
  const where = `port ${port} on ${host}`;
  if (code === "EADDRINUSE")
    return `${where}, for /healthz and /readyz, is in use; give another port, or stop who has it`;
  if (code === "EACCES")
    return `${where}, for /healthz and /readyz, needs more rights than this user has; give one from 1024`;
  return `cannot listen on ${where} for /healthz and /readyz: ${problem}; give an address of this machine, such as 0.0.0.0`;
}
