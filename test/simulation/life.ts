// The life of one simulated process: its clock is off, its calls fail, its answers are lost or late, it pauses and dies.
// A dead or paused process does nothing more, or nothing for a while: its promises stay open.
import type { Clock } from "../../lib/clock.ts";
import type { Change } from "../../lib/core/changes.ts";
import { BrokerUnavailable, PayloadStoreUnavailable, StoreUnavailable } from "../../lib/errors.ts";
import type { MemoryBroker } from "../../lib/memory/broker.ts";
import type { Broker } from "../../lib/ports/broker.ts";
import type { PayloadStore } from "../../lib/ports/payload-store.ts";
import type { ResultStore, WriteAnswer } from "../../lib/ports/result-store.ts";
import { decode } from "../../lib/wire/envelope.ts";
import type { World } from "./world.ts";

/** Probabilities for each call. */
export interface FaultRates {
  readonly crash: number;
  readonly pause: number;
  readonly failBefore: number;
  readonly lostAnswer: number;
  /** The SDK writes again because the first answer was lost. */
  readonly sdkRetry: number;
  readonly late: number;
  /** SQS delivers a copy, also of what was deleted. */
  readonly duplicate: number;
  /** A delivery is counted and never reaches code, as under Lambda throttling. */
  readonly burn: number;
}

const never = new Promise<never>(() => {});

export class Life {
  readonly clock: Clock;
  readonly name: string;
  readonly offset: number;
  readonly #world: World;
  readonly #mayDie: boolean;
  readonly #onDeath: (() => void)[] = [];
  #dead = false;
  #pausedUntil = 0;
  /** Whether anything went wrong for it: then its claims may be taken over. */
  disturbed = false;

  constructor(world: World, name: string, offset: number, mayDie: boolean) {
    this.#world = world;
    this.name = name;
    this.offset = offset;
    this.#mayDie = mayDie;
    const { clock } = world;
    this.clock = {
      now: () => clock.now() + offset,
      monotonic: () => clock.monotonic(),
      random: () => clock.random(),
      randomBytes: (length) => clock.randomBytes(length),
      sleep: async (ms, signal) => {
        await clock.sleep(ms, signal);
        await this.#gate();
      },
      timer: (ms, fire) => clock.timer(ms, () => void this.#gate().then(fire)),
    };
    world.checker.owner(this);
  }

  get dead(): boolean {
    return this.#dead;
  }

  onDeath(listener: () => void): void {
    this.#onDeath.push(listener);
  }

  kill(): void {
    this.#dead = true;
  }

  async #gate(): Promise<void> {
    if (this.#dead) await never;
    const left = this.#pausedUntil - this.#world.clock.now();
    if (left > 0) {
      await this.#world.clock.sleep(left);
      await this.#gate();
    }
  }

  async #call<T>(
    unavailable: (text: string) => Error,
    effect: () => Promise<T>,
    again?: (first: T) => Promise<T>,
  ): Promise<T> {
    const { rates, faulty, clock } = this.#world;
    const roll = (rate: number, fault: string) => {
      const hit = faulty && this.#world.random() < rate;
      if (hit) this.#world.count(fault);
      if (hit && fault !== "sdk retry") this.disturbed = true;
      return hit;
    };
    const crash = async (fault: string) => {
      if (!this.#mayDie || !roll(rates.crash, fault)) return;
      this.#dead = true;
      for (const listener of this.#onDeath) listener();
      await never;
    };
    await this.#gate();
    await crash("crash before a call");
    if (roll(rates.pause, "pause")) {
      this.#pausedUntil = clock.now() + this.#world.random() * 90_000;
      await this.#gate();
    }
    if (roll(rates.failBefore, "call failed")) throw unavailable("nothing happened");
    let answer = await effect();
    await crash("crash after a call");
    if (roll(rates.lostAnswer, "lost answer")) throw unavailable("the answer was lost");
    if (again && roll(rates.sdkRetry, "sdk retry")) answer = await again(answer);
    if (roll(rates.late, "late answer")) await clock.sleep(this.#world.random() * 40_000);
    await this.#gate();
    return answer;
  }

  broker(broker: MemoryBroker): Broker {
    const unavailable = (text: string) => new BrokerUnavailable(text);
    const { checker, rates } = this.#world;
    const send: Broker["send"] = async (queue, message) => {
      await broker.send(queue, message);
      checker.sent(decode(message.body));
    };
    const duplicate = async (queue: string, body: string) => {
      if (!this.#world.faulty || this.#world.random() >= this.#world.rates.duplicate) return;
      this.#world.count("duplicate");
      await broker.send(queue, { body, delaySeconds: Math.floor(this.#world.random() * 60) });
    };
    return {
      send: (queue, message) => this.#call(unavailable, () => send(queue, message)),
      receive: (queue, options) =>
        this.#call(unavailable, async () => {
          const deliveries = await broker.receive(queue, options);
          for (const { body } of deliveries) await duplicate(queue, body);
          if (deliveries.length === 0 || !this.#world.faulty || this.#world.random() >= rates.burn) return deliveries;
          this.#world.count("throttled delivery");
          return [];
        }),
      delete: (delivery) =>
        this.#call(unavailable, async () => {
          checker.acked(delivery, broker);
          await broker.delete(delivery);
          await duplicate(delivery.queue, delivery.body);
        }),
      changeVisibility: (delivery, seconds) =>
        this.#call(unavailable, () => broker.changeVisibility(delivery, seconds)),
      depth: (queue) => broker.depth(queue),
      check: (queue) => broker.check(queue),
      flush: () => broker.flush(),
      close: () => broker.close(),
    };
  }

  payloads(payloads: PayloadStore): PayloadStore {
    const unavailable = (text: string) => new PayloadStoreUnavailable(text);
    return {
      put: (payload) => this.#call(unavailable, () => payloads.put(payload)),
      get: (ref) => this.#call(unavailable, () => payloads.get(ref)),
      delete: (ref) => this.#call(unavailable, () => payloads.delete(ref)),
      check: () => payloads.check(),
      close: () => payloads.close(),
    };
  }

  store(store: ResultStore, mutate: (change: Change) => Change): ResultStore {
    const unavailable = (text: string) => new StoreUnavailable(text);
    return {
      read: (id) => this.#call(unavailable, () => store.read(id)),
      write: async (change) => {
        const effect = () => store.write(mutate(change));
        const answer: WriteAnswer = await this.#call(unavailable, effect, effect);
        this.#world.checker.answered(change, answer, this);
        return answer;
      },
      failures: (query) => store.failures(query),
      check: () => store.check(),
      close: () => store.close(),
    };
  }
}
