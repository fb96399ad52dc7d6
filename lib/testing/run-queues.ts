// Works off an app's queues in memory: what drain() and a get() in a test do. Messages go through the same steps as in a
// worker (worker/execute.ts), dead letters included; CPU-heavy tasks run in this process.
//
// One loop serves everybody who waits, a turn at a time:
//   1. start the message that came due first, while fewer than `concurrency` are in hand
//   2. one is in hand and sleeps on the clock: let time pass to there. It waits for something real: wait, with patience
//   3. nothing is in hand and nothing is due: the drains that were to go this far end, and time passes to the next moment
import { AsyncLocalStorage } from "node:async_hooks";
import type { App } from "../app.ts";
import type { Backends } from "../connection.ts";
import { TESTING } from "../defaults.ts";
import type { Duration } from "../duration.ts";
import { NeverIdle } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { MemoryBroker } from "../memory/broker.ts";
import { check, oneOf, positiveDuration, whole } from "../options.ts";
import { decode } from "../wire/envelope.ts";
import { executeDeps } from "../worker/deps.ts";
import type { ExecuteDeps, Execution } from "../worker/execution.ts";
import type { Run } from "../worker/job.ts";
import { runHere } from "../worker/pool-here.ts";
import { type ServedQueue, servedQueues } from "../worker/queues.ts";
import { settled } from "./fake-clock.ts";
import type { FaultyBroker } from "./faulty-broker.ts";
import { type Ran, ranOf } from "./ran.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface DrainOptions {
  /**
   * - idle: until no message is left, passing over countdowns and retry pauses
   * - now: only what is due now; time passes where a running task sleeps, and nowhere else
   * @default "idle"
   */
  readonly until?: "idle" | "now";
  /** Tasks that run at a time. @default 1 - one after the other, in the order in which they come due */
  readonly concurrency?: number;
  /** Messages after which it gives up with NeverIdle. @default 1000 */
  readonly maxMessages?: number;
  /** Real time it waits for a task that waits for something else than the clock, before it gives up with NeverIdle. @default "4s" */
  readonly patience?: Duration;
}

interface Drain {
  readonly until: "idle" | "now";
  readonly from: number;
  readonly done: PromiseWithResolvers<readonly Ran[]>;
}

/** Taken when this is loaded: a test runner's fake timers would never fire it. */
const { setTimeout: realTimer, clearTimeout: cancelRealTimer } = globalThis;
const PAUSE_MS = 10;

/** Tasks run in the context of nobody, as in a worker: what the test or its caller has in an AsyncLocalStorage stays there. */
const inContextOfNobody = AsyncLocalStorage.snapshot();

export class QueueRunner {
  readonly #clock: VirtualClock;
  readonly #memory: MemoryBroker;
  readonly #broker: FaultyBroker;
  readonly #queues: readonly ServedQueue[];
  readonly #deps: ExecuteDeps;
  readonly #ran: Ran[] = [];
  readonly #drains = new Set<Drain>();
  readonly #inHand = new Set<Execution & { readonly task: string }>();
  /** A message nobody can read, not even an id, stays on its dead-letter queue for ever. */
  readonly #hopeless = new Set<string>();
  #receiving: Promise<void> | undefined;
  #handled: string[] = [];
  #concurrency = 1;
  #maxMessages: number = TESTING.maxMessages;
  #patience: number = TESTING.patienceSeconds;
  #waitedMs = 0;
  #looping = false;
  #closed = false;

  constructor(
    app: App,
    memory: MemoryBroker,
    backends: Pick<Backends, "broker" | "store" | "joins" | "payloads">,
    broker: FaultyBroker,
    clock: VirtualClock,
    log: Logger,
  ) {
    this.#clock = clock;
    this.#memory = memory;
    this.#broker = broker;
    this.#queues = [...servedQueues(app).values()];
    const here = runHere(app);
    const run: Run = async (job) => {
      const outcome = await here.run(job);
      this.#ran.push(ranOf(job, outcome));
      return outcome;
    };
    this.#deps = executeDeps(app, backends, "in memory", log, { ...here, run });
    clock.onWaiting = () => this.#start();
  }

  /** Resolves with the runs that ended meanwhile, in order. */
  drain(options: DrainOptions): Promise<readonly Ran[]> {
    const rules = {
      until: oneOf("idle", "now"),
      concurrency: whole(1),
      maxMessages: whole(1),
      patience: positiveDuration,
    };
    const given = check("drain()", options, rules);
    this.#concurrency = given.concurrency ?? 1;
    this.#maxMessages = given.maxMessages ?? TESTING.maxMessages;
    this.#patience = given.patience ?? TESTING.patienceSeconds;
    const drain: Drain = { until: given.until ?? "idle", from: this.#ran.length, done: Promise.withResolvers() };
    this.#drains.add(drain);
    this.#start();
    return drain.done.promise;
  }

  /** Gives back what runs and ends the drains. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { stop } of this.#inHand) stop.stop("shutdown");
    this.#endDrains(() => true);
    await settled();
  }

  #start(): void {
    if (this.#looping || this.#closed) return;
    this.#looping = true;
    this.#handled = [];
    this.#waitedMs = 0;
    void inContextOfNobody(() => this.#loop());
  }

  get #isWanted(): boolean {
    return !this.#closed && (this.#drains.size > 0 || this.#clock.nextWake("outside") !== undefined);
  }

  async #loop(): Promise<void> {
    await settled(); // what was called before and not awaited is on its queue then
    try {
      while (this.#isWanted) {
        if (this.#handled.length >= this.#maxMessages) this.#giveUp(this.#endless());
        else if (this.#startNext()) await settled();
        else if (this.#receiving || this.#inHand.size > 0) await this.#waitForRuns();
        else await this.#passTime();
      }
    } catch (error) {
      this.#giveUp(error); // a bug of ours: loud, and where somebody waits for it
    } finally {
      this.#looping = false;
    }
  }

  /** Receives the next message that is due. The loop does not wait for it: a receive may be told to take long. */
  #startNext(): boolean {
    if (this.#receiving || this.#inHand.size >= this.#concurrency) return false;
    const next = this.#nextDue();
    if (next === undefined || next.at > this.#clock.now()) return false;
    this.#receiving = this.#clock
      .within(() => this.#receive(next.served))
      .finally(() => {
        this.#receiving = undefined;
        this.#waitedMs = 0;
      });
    return true;
  }

  async #receive({ queue, limits, handle }: ServedQueue): Promise<void> {
    const { visibilitySeconds } = limits;
    try {
      const [delivery] = await this.#broker.receive(queue, { max: 1, waitSeconds: 0, visibilitySeconds });
      if (delivery === undefined) return; // it has gone to the dead-letter queue
      const task = nameOf(delivery.body);
      const execution = { ...handle(delivery, limits, this.#deps), task };
      this.#handled.push(task);
      this.#inHand.add(execution);
      void execution.done.then((row) => {
        if (row === "dead letter, unreadable") this.#hopeless.add(delivery.messageId);
        this.#inHand.delete(execution);
        this.#waitedMs = 0;
      });
    } catch (error) {
      this.#handled.push("a receive that failed");
      this.#deps.log.warn({ queue, error: String(error) }, "could not receive, trying again");
    }
  }

  /** The queue whose next message comes due first. */
  #nextDue(): { readonly served: ServedQueue; readonly at: number } | undefined {
    let next: { readonly served: ServedQueue; readonly at: number } | undefined;
    for (const served of this.#queues) {
      const at = this.#memory.nextVisibleAt(served.queue, this.#hopeless);
      if (at !== undefined && (next === undefined || at < next.at)) next = { served, at };
    }
    return next;
  }

  async #waitForRuns(): Promise<void> {
    const wake = this.#clock.nextWake("inside");
    if (wake !== undefined) {
      await this.#clock.passTo(wake);
      return;
    }
    if (this.#waitedMs >= this.#patience * 1_000) {
      this.#giveUp(this.#stuck());
      return;
    }
    this.#waitedMs += PAUSE_MS; // by turns and not by a clock: a task that computes for long has not waited
    await pause([this.#receiving, ...[...this.#inHand].map(({ done }) => done)].filter((one) => one !== undefined));
  }

  async #passTime(): Promise<void> {
    const due = this.#nextDue()?.at;
    this.#endDrains(({ until }) => until === "now" || due === undefined);
    if (!this.#isWanted) return;
    const moments = [due, this.#clock.nextWake("outside")].filter((moment) => moment !== undefined);
    await this.#clock.passTo(Math.min(...moments));
  }

  #endDrains(ends: (drain: Drain) => boolean): void {
    for (const drain of this.#drains) {
      if (!ends(drain)) continue;
      this.#drains.delete(drain);
      drain.done.resolve(this.#ran.slice(drain.from));
    }
  }

  #giveUp(error: unknown): void {
    for (const { done } of this.#drains) done.reject(error);
    this.#drains.clear();
    this.#clock.wakeOutside(error);
    this.#handled = [];
    this.#waitedMs = 0;
  }

  #endless(): NeverIdle {
    const tasks = counted(this.#handled);
    const more = this.#nextDue() === undefined ? "" : " and more keep coming";
    return new NeverIdle(
      `${this.#handled.length} messages have been handled${more}: ${tasks}; bound the tasks that send each other, use drain({ until: "now" }), or pass drain({ maxMessages }) if so many are meant`,
    );
  }

  #stuck(): NeverIdle {
    const tasks = counted([...this.#inHand].map(({ task }) => task));
    return new NeverIdle(
      `waited ${this.#patience} s of real time for ${tasks}, which waits for something else than the test's clock; let it wait with ctx.sleep(), call test.clock.advance() beside drain() to reach its time limit, or pass drain({ patience })`,
    );
  }
}

function nameOf(body: string): string {
  try {
    return decode(body).task;
  } catch {
    return "an unreadable message";
  }
}

/** `ping (998), pong (2)`, the most frequent first. */
function counted(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a).slice(0, 10);
  return sorted.map(([name, count]) => `${name} (${count})`).join(", ");
}

/** Until one of them has ended, or a little real time has passed. */
async function pause(ended: readonly Promise<unknown>[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = realTimer(resolve, PAUSE_MS);
  await Promise.race([promise, ...ended]);
  cancelRealTimer(timer);
}
