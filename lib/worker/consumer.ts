// Works off one queue: one long poll, never more messages in hand than slots × prefetch, and nothing lost at shutdown.
import { LovageError } from "../errors.ts";
import type { Delivery } from "../ports/broker.ts";
import { execute } from "./execute.ts";
import type { ExecuteDeps, Execution, WorkloadLimits } from "./execution.ts";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";

export interface ConsumerOptions extends WorkloadLimits {
  readonly queue: string;
  /** Runs at a time. */
  readonly concurrency: number;
  /** Messages in hand for every slot. */
  readonly prefetch: number;
  /** Long poll in seconds; shutdown waits for it. */
  readonly waitSeconds: number;
}

/** How one message is handled, from its receive to its settlement. */
export type Handle = (delivery: Delivery, workload: WorkloadLimits, deps: ExecuteDeps) => Execution;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** Between short polls of an empty queue: each is a billed request. */
const SHORT_POLL_PAUSE_MS = 1_000;

/**
 * answer: SQS answered a poll. received: it brought something. no answer: it did not answer, or refused. settled: a message is
 * done. hiccup: one was given back, a back end failed in the middle.
 */
export type ConsumerNews = "answer" | "received" | "no answer" | "settled" | "hiccup";

/** Hears of everything that happens to a consumer; `error` comes with "no answer". */
export type Note = (news: ConsumerNews, error?: unknown) => void;

export class Consumer {
  readonly options: ConsumerOptions;
  readonly #deps: ExecuteDeps;
  readonly #handle: Handle;
  readonly #note: Note;
  readonly #running = new Set<Execution>();
  /** Prefetched: a heartbeat keeps each invisible until a slot is free. */
  readonly #waiting: { readonly delivery: Delivery; readonly heartbeat: Heartbeat }[] = [];
  /** Between waiting and running, or between waiting and back on the queue. */
  #moving = 0;
  #slotFreed = Promise.withResolvers<void>();
  readonly #broken = Promise.withResolvers<never>();
  #stopping = false;
  /** A message could not be finished since the latest receive. */
  #troubled = false;
  #stopNow = new AbortController();

  constructor(options: ConsumerOptions, deps: ExecuteDeps, note: Note, handle: Handle = execute) {
    this.options = options;
    this.#deps = deps;
    this.#note = note;
    this.#broken.promise.catch(() => {}); // whoever awaits it hears of it
    this.#handle = handle;
  }

  /** Messages received and not settled. */
  get inHand(): number {
    return this.#running.size + this.#moving + this.#waiting.length;
  }

  /** Rejects where it cannot go on receiving: the queue is gone, or access is denied. What is in hand goes on. */
  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  /** Runs until `stop()`, or until it is broken, and until everything in hand is settled. */
  async run(): Promise<void> {
    await this.#receiveUntilStopped();
    while (this.inHand > 0) await this.#slotFreed.promise;
  }

  async #receiveUntilStopped(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#stopping) {
      const free = this.options.concurrency * this.options.prefetch - this.inHand;
      if (free <= 0) {
        await this.#slotFreed.promise;
        continue;
      }
      try {
        await this.#receive(free);
      } catch (error) {
        const fields = { queue: this.options.queue, error: String(error), pause_ms: pause };
        this.#deps.log.warn(fields, "could not receive, trying again");
        this.#note("no answer", error);
        this.#troubled = true;
        if (isPermanent(error)) return this.#broken.reject(error);
      }
      // Where nothing can be finished, every further message would only use up its receives.
      pause = this.#troubled ? pause : FIRST_PAUSE_MS;
      if (!this.#troubled) continue;
      this.#troubled = false;
      await this.#sleep(pause);
      pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
    }
  }

  /** Until `stop()` at the latest. */
  async #sleep(ms: number): Promise<void> {
    await this.#deps.clock.sleep(ms, this.#stopNow.signal).catch(() => {});
  }

  /** Receives no more. What the pending poll brings is handed back; what runs goes on. */
  stop(): void {
    this.#stopping = true;
    this.#stopNow.abort();
    void this.#handBackWaiting();
  }

  /** The grace is over: what still runs is given back, to be run elsewhere. */
  interrupt(): void {
    for (const { stop } of this.#running) stop.stop("shutdown");
  }

  async #receive(free: number): Promise<void> {
    const { queue, waitSeconds, visibilitySeconds } = this.options;
    const deliveries = await this.#deps.broker.receive(queue, {
      max: Math.min(10, free),
      waitSeconds,
      visibilitySeconds,
    });
    this.#note("answer");
    if (deliveries.length === 0 && waitSeconds === 0) await this.#sleep(SHORT_POLL_PAUSE_MS);
    for (const delivery of deliveries) {
      if (!this.#stopping && this.#running.size + this.#moving < this.options.concurrency) this.#start(delivery);
      else this.#waiting.push({ delivery, heartbeat: this.#keepInvisible(delivery) });
    }
    if (deliveries.length > 0) this.#note("received");
    if (this.#stopping) await this.#handBackWaiting();
  }

  #keepInvisible(delivery: Delivery): Heartbeat {
    const nobody = { claimLost: () => {}, revokeRequested: () => {} };
    return startHeartbeat(delivery, undefined, this.options.visibilitySeconds, nobody, this.#deps);
  }

  #start(delivery: Delivery): void {
    const execution = this.#handle(delivery, this.options, this.#deps);
    this.#running.add(execution);
    void execution.done.then((row) => {
      this.#running.delete(execution);
      if (row === "hiccup") this.#troubled = true;
      this.#note(row === "hiccup" ? "hiccup" : "settled");
      if (!this.#stopping) this.#startWaiting();
      this.#free();
    });
  }

  #startWaiting(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#moving++;
    // Its heartbeat ends first: nothing may touch the visibility of a message that is being settled.
    void next.heartbeat.stop().then(async () => {
      if (this.#stopping) await this.#handBack(next.delivery);
      else this.#start(next.delivery);
      this.#moving--;
      this.#free();
    });
  }

  async #handBackWaiting(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    this.#moving += waiting.length;
    await Promise.all(
      waiting.map(async ({ delivery, heartbeat }) => {
        await heartbeat.stop();
        await this.#handBack(delivery);
      }),
    );
    this.#moving -= waiting.length;
    this.#free();
  }

  async #handBack(delivery: Delivery): Promise<void> {
    await this.#deps.broker.changeVisibility(delivery, 0).catch((error) => {
      const fields = { message_id: delivery.messageId, error: String(error) };
      this.#deps.log.warn(fields, "could not hand a message back, it returns by itself");
    });
  }

  #free(): void {
    this.#slotFreed.resolve();
    this.#slotFreed = Promise.withResolvers<void>();
  }
}

/** Waiting does not mend these. */
function isPermanent(error: unknown): boolean {
  return (
    error instanceof LovageError && (error.code === "LOVAGE_QUEUE_NOT_FOUND" || error.code === "LOVAGE_ACCESS_DENIED")
  );
}
