// "The worker said OK and was dead": a worker that makes no progress says why and ends.
import { Worker } from "node:worker_threads";
import type { Clock } from "../clock.ts";
import { WorkerStalled } from "../errors.ts";
import type { ConsumerNews } from "./consumer.ts";

/** Ends a worker with WorkerStalled: SQS has not answered for `stallSeconds`, or nothing has been finished while messages came. */
export class Progress {
  readonly #clock: Clock;
  readonly #stallMs: number;
  #last: number;
  /** From when to when every message has been given back unfinished. */
  #trouble: { readonly since: number; readonly until: number } | undefined;

  constructor(clock: Clock, stallSeconds: number) {
    this.#clock = clock;
    this.#stallMs = stallSeconds * 1_000;
    this.#last = clock.monotonic();
  }

  readonly note = (news: ConsumerNews | "heartbeat"): void => {
    if (news === "no answer") return;
    const now = this.#clock.monotonic();
    if (news === "hiccup") {
      // After a long silence it is another trouble: other workers may have finished what this one gave back.
      const before = this.#trouble;
      const goesOn = before !== undefined && now - before.until < this.#stallMs;
      this.#trouble = { since: goesOn ? before.since : now, until: now };
      return;
    }
    this.#last = now;
    if (news === "settled") this.#trouble = undefined;
  };

  /** How long nothing has moved, and what has not. */
  standstill(): { readonly ms: number; readonly why: string } {
    const now = this.#clock.monotonic();
    const silent = now - this.#last;
    const troubled = this.#trouble === undefined ? 0 : this.#trouble.until - this.#trouble.since;
    const why =
      silent >= troubled
        ? "SQS answered no poll and no heartbeat got through"
        : "every message had to be given back, because DynamoDB or SQS failed in the middle";
    return { ms: Math.max(silent, troubled), why };
  }

  async watch(inHand: () => number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(this.#stallMs / 4, signal).catch(() => {}); // the worker stops
      const { ms, why } = this.standstill();
      if (signal.aborted || ms < this.#stallMs) continue;
      throw new WorkerStalled(
        `no progress for ${Math.round(ms / 1_000)} s: ${why}, with ${inHand()} messages in hand; check the network, the credentials, the table and the queue, and that a supervisor starts this worker again`,
      );
    }
  }
}

const GUARD = `
const { workerData } = require("node:worker_threads");
const { writeSync } = require("node:fs");
const beats = new Int32Array(workerData.shared);
let last = -1, since = Date.now();
setInterval(() => {
  const now = Atomics.load(beats, 0);
  if (now !== last) { last = now; since = Date.now(); return; }
  const blocked = Date.now() - since;
  if (blocked < workerData.stallMs) return;
  writeSync(2, workerData.message.replace("SECONDS", String(Math.round(blocked / 1000))) + "\\n");
  process.kill(process.pid, "SIGKILL");
}, Math.min(1000, workerData.stallMs / 4));
`;

/**
 * Watches the main thread from another one: code that never yields stops heartbeats, polls and every timer with them, so
 * nothing in the main thread could say so. Ends the process with SIGKILL, after a line on stderr.
 */
export function guardMainThread(stallSeconds: number): () => Promise<void> {
  const shared = new SharedArrayBuffer(4);
  const beats = new Int32Array(shared);
  const message = JSON.stringify({
    level: "error",
    message:
      'the main thread has been blocked for SECONDS s by code that never yields, this worker ends itself; run CPU-heavy tasks on a workload with work: "cpu"',
  });
  const guard = new Worker(GUARD, { eval: true, workerData: { shared, stallMs: stallSeconds * 1_000, message } });
  guard.unref();
  const beat = setInterval(() => Atomics.add(beats, 0, 1), 500);
  beat.unref();
  return async () => {
    clearInterval(beat);
    await guard.terminate();
  };
}
