// An app and its back ends in memory, for one input at a time: what an input leaves behind goes with it, the app stays, so that what
// the app itself keeps of each would show.
import { type App, createApp } from "../../lib/app.ts";
import type { Clock } from "../../lib/clock.ts";
import { QueueNotFound } from "../../lib/errors.ts";
import { createLogger } from "../../lib/log.ts";
import { MemoryPayloadStore } from "../../lib/memory/payload-store.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { Delivery, OutgoingMessage } from "../../lib/ports/broker.ts";
import type { FailureSummary } from "../../lib/store/failures.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { onLambda } from "../../lib/workload.ts";
import { demand, jsonLine, plain, visible } from "./oracles.ts";

export const APP = "fuzzed";
export const QUEUE = `${APP}-default`;
export const DEAD = `${APP}-default-dead`;
const NOW = Date.UTC(2026, 10, 21, 12);

export interface Sent extends OutgoingMessage {
  readonly queue: string;
}

/** Time passes by sleeping only, and at once. */
class Leaping implements Clock {
  at = NOW;
  /** Milliseconds that every sleep takes at least: who waits for days is not to look every second of them. */
  least = 1;
  #drawn = 0;
  now = () => this.at;
  monotonic = () => this.at - NOW;
  sleep = async (ms: number) => {
    this.at += Math.max(ms, this.least);
  };
  timer = () => () => {};
  random = () => 0.5;
  randomBytes = (length: number) => Uint8Array.from({ length }, () => (this.#drawn = (this.#drawn * 31 + 7) % 251));
}

export class World {
  readonly clock = new Leaping();
  readonly app: App;
  store = new MemoryResultStore({ clock: this.clock });
  payloads = new MemoryPayloadStore({ clock: this.clock });
  readonly sent: Sent[] = [];
  readonly released: { readonly messageId: string; readonly seconds: number }[] = [];
  readonly deleted: string[] = [];
  /** The one failure there is. */
  listed: FailureSummary | undefined;
  /** What is found under every id, instead of what was written. */
  foreign: (() => TaskRecord) | undefined;
  /** Names of the tasks that ran. */
  readonly ran: string[] = [];

  constructor() {
    const queues = new Set([QUEUE, DEAD]);
    const world = this;
    const store = {
      read: async (id: string) => (world.foreign ? world.foreign() : world.store.read(id)),
      write: (...args: Parameters<MemoryResultStore["write"]>) => world.store.write(...args),
      failures: async function* () {
        if (world.listed) yield world.listed;
      },
      check: async () => {},
      close: async () => {},
    };
    const payloads = {
      put: (...args: Parameters<MemoryPayloadStore["put"]>) => world.payloads.put(...args),
      get: (...args: Parameters<MemoryPayloadStore["get"]>) => world.payloads.get(...args),
      delete: (...args: Parameters<MemoryPayloadStore["delete"]>) => world.payloads.delete(...args),
      check: async () => {},
      close: async () => {},
    };
    const broker = {
      send: async (queue: string, message: OutgoingMessage) => {
        if (!queues.has(queue)) throw new QueueNotFound(queue, "memory");
        world.sent.push({ queue, ...message });
      },
      receive: async () => [],
      delete: async ({ messageId }: Delivery) => void world.deleted.push(messageId),
      changeVisibility: async ({ messageId }: Delivery, seconds: number) => {
        demand(
          Number.isInteger(seconds) && seconds >= 0 && seconds <= 43_200,
          "protocol",
          `visibility of ${seconds} s`,
        );
        world.released.push({ messageId, seconds });
        return "changed" as const;
      },
      depth: async () => ({ visible: 0, inFlight: 0, delayed: 0 }),
      check: async () => {},
      flush: async () => {},
      close: async () => {},
    };
    this.app = createApp(APP, {
      clock: this.clock,
      logger: createLogger({ level: "debug", format: "json", clock: this.clock, write: (line) => this.#logged(line) }),
      workloads: { default: onLambda({ timeout: "60s" }) },
      payloads: { bucket: "fuzzed-payloads", argsOver: 1_024 * 1_024, resultsOver: 16_384 },
      connect: async () => ({ broker, store, payloads, where: async () => ({ broker: "memory", store: "memory" }) }),
    });
    this.#define();
  }

  /** Tasks that are registered, and look at what they are handed. */
  #define(): void {
    const note = (name: string, ...given: readonly unknown[]) => {
      this.ran.push(name);
      plain(given, "what a task is handed");
    };
    const { app } = this;
    app.task("echo", { bind: true }, (ctx, ...args: unknown[]) => {
      note("echo", args, ctx.args, ctx.kwargs, ctx.headers);
      ctx.log.info({ args }, "told");
      return args as never; // JSON came in
    });
    app.task("add", (x: number, y: number) => {
      note("add", x, y);
      return [x, y];
    });
    app.task("fails", (...args: unknown[]) => {
      note("fails", args);
      throw new RangeError(`no: ${String(JSON.stringify(args)).slice(0, 200)}`);
    });
    app.task("retries", { bind: true, maxRetries: null, retryBackoff: true }, (ctx, ...args: unknown[]) => {
      note("retries", args);
      ctx.retry({ args });
    });
  }

  #logged(line: string): void {
    jsonLine(line, "a line of the log");
  }

  /** Forgets what the last input left behind. */
  fresh(): void {
    this.clock.at = NOW;
    this.store = new MemoryResultStore({ clock: this.clock });
    this.payloads = new MemoryPayloadStore({ clock: this.clock });
    for (const list of [this.sent, this.released, this.deleted, this.ran]) list.length = 0;
  }

  /** Holds after every input. */
  look(): void {
    for (const { body, delaySeconds } of this.sent) {
      demand(Buffer.byteLength(body) <= 1_048_576, "protocol", `a message of ${body.length} bytes was sent`);
      demand(
        Number.isInteger(delaySeconds) && delaySeconds >= 0 && delaySeconds <= 900,
        "protocol",
        `a delay of ${delaySeconds} s`,
      );
    }
    for (const name of this.ran) demand(this.app.tasks.has(name), "registered only", `${name} ran`);
    for (const [id, record] of this.store.records) {
      for (const field of ["task", "workload", "errorMessage", "errorType", "customState", "owner"] as const) {
        const stored = record[field];
        if (stored === undefined) continue;
        demand(stored.isWellFormed(), "protocol", `${field} of ${id} has half a character, which DynamoDB refuses`);
        if (field === "task") visible(stored, "the task of a record");
      }
    }
  }

  close(): Promise<void> {
    return this.app.close();
  }
}
