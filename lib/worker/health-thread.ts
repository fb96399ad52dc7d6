// The thread that serves /healthz and /readyz: what the main thread said last, and how long ago that was.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../clock.ts";
import { answer, type HealthLimits, type HealthReport } from "./health.ts";

export interface HealthThreadData extends HealthLimits {
  readonly port: number;
  readonly host: string;
  readonly report: HealthReport;
}

/** To the main thread, once. */
export type Listening = { readonly port: number } | { readonly code: string | undefined; readonly problem: string };

const { port, host, report: first, ...limits } = workerData as HealthThreadData; // of health-server.ts
let report = first;
let heardAt = systemClock.monotonic();
parentPort?.on("message", (next: HealthReport) => {
  report = next;
  heardAt = systemClock.monotonic();
});

const server = createServer((request, response) => {
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  const { status, body } = answer(request.method ?? "GET", path, report, systemClock.monotonic() - heardAt, limits);
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(request.method === "HEAD" ? undefined : `${JSON.stringify(body)}\n`);
});
const tell = (listening: Listening) => parentPort?.postMessage(listening);
server.once("error", (error: NodeJS.ErrnoException) => tell({ code: error.code, problem: error.message }));
server.listen(port, host, () => tell({ port: (server.address() as AddressInfo).port })); // a TCP server's address
