// The life of one simulated process: its clock is off, its calls fail, its answers are lost or late, it pauses, it is frozen,
// and it dies. A dead process does nothing more, a paused one nothing for a while: its promises stay open.
import type { Clock } from "../../lib/clock.ts";
import type { Change } from "../../lib/core/changes.ts";
import { BrokerUnavailable, PayloadStoreUnavailable, StoreUnavailable } from "../../lib/errors.ts";
import type { Broker } from "../../lib/ports/broker.ts";
import type { JoinStore } from "../../lib/ports/join-store.ts";
import type { PayloadStore } from "../../lib/ports/payload-store.ts";
import type { ResultStore, WriteAnswer } from "../../lib/ports/result-store.ts";
import { around } from "../support/stoppable-joins.ts";
import { answerText, changeText, messageText } from "./describe.ts";
import { type Dice, type Fault, isHarmless } from "./faults.ts";
import { isBeat, SECOND } from "./names.ts";
import type { Service } from "./weather.ts";
import type { World } from "./world.ts";

/** What a process sees of its world. */
export interface LifeWorld
  extends Pick<
    World,
    "clock" | "faults" | "weather" | "history" | "mutant" | "queues" | "broker" | "writes" | "payloads"
  > {
  readonly checker: Pick<World["checker"], "owner" | "sent" | "settles" | "acked" | "changesVisibility" | "answered">;
  isDown(service: Service): boolean;
}

/** One for each who waits: a promise that all share would hold on to them, and to their worlds, for ever. */
const never = () => new Promise<never>(() => {});

const UNAVAILABLE = {
  DynamoDB: (text: string) => new StoreUnavailable(text),
  SQS: (text: string) => new BrokerUnavailable(text),
  S3: (text: string) => new PayloadStoreUnavailable(text),
} as const;
const FAILED = { DynamoDB: "DynamoDB throttled", SQS: "SQS call failed", S3: "S3 call failed" } as const;
const OUTAGE = { DynamoDB: "DynamoDB outage", SQS: "SQS outage", S3: "S3 outage" } as const;

interface Call<T> {
  readonly service: Service;
  /** For the history. */
  readonly what: () => string;
  readonly answered: (answer: T) => string | undefined;
  readonly effect: () => Promise<T>;
  /** The SDK calls again because the first answer was lost. */
  readonly again?: boolean;
  /** Told that all is well, and nothing has happened. */
  readonly unheard?: { readonly fault: Fault; readonly answer: T };
}

export class Life {
  readonly clock: Clock;
  readonly name: string;
  /** Milliseconds its clock is ahead. */
  readonly offset: number;
  readonly dice: Dice;
  readonly #world: LifeWorld;
  readonly #mayDie: boolean;
  readonly #onDeath: (() => void)[] = [];
  #dead = false;
  #pausedUntil = 0;
  #frozen: PromiseWithResolvers<void> | undefined;
  /** Whether anything went wrong for it: then its claims may be taken over. */
  disturbed = false;

  constructor(world: LifeWorld, name: string, mayDie: boolean) {
    const { clock, faults, weather, checker } = world;
    this.#world = world;
    this.name = name;
    this.#mayDie = mayDie;
    this.dice = faults.dice(name);
    this.offset = this.#skew(weather.skewMs);
    this.clock = {
      now: () => clock.now() + this.offset,
      monotonic: () => clock.monotonic(),
      random: () => clock.random(),
      randomBytes: (length) => clock.randomBytes(length),
      sleep: async (ms, signal) => {
        await clock.sleep(ms, signal);
        await this.#gate();
      },
      timer: (ms, fire) => {
        let live = true; // also while it stands still: what it cancels then is not to fire
        const cancel = clock.timer(ms, () => void this.#gate().then(() => live && fire()));
        return () => {
          live = false;
          cancel();
        };
      },
    };
    checker.owner(this);
    const size = mayDie ? this.roll("killed between calls") : undefined;
    if (size !== undefined) clock.timer(size * 3 * 60 * SECOND, () => this.die());
  }

  /** Half of all clocks are as wrong as they may be: two of them differ by `most` at most. */
  #skew(most: number): number {
    const draw = this.dice.draw("clock");
    const part = draw < 0.25 ? 0 : draw < 0.5 ? 1 : this.dice.draw("clock");
    if (!this.#world.faults.has(`${this.name}: clock skew`)) return 0;
    this.#world.faults.count(this.name, "clock skew");
    return Math.round((part - 0.5) * most);
  }

  get dead(): boolean {
    return this.#dead;
  }

  onDeath(listener: () => void): void {
    this.#onDeath.push(listener);
  }

  /** Ends it, without a word and in the middle of whatever it does. */
  die(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.disturbed = true;
    this.#world.history?.note(this.name, "is dead");
    for (const listener of this.#onDeath) listener();
  }

  /** The world is over. */
  end(): void {
    this.#dead = true;
  }

  /** Nothing happens in it until it is thawed: a sandbox between two invocations. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers();
  }

  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
  }

  /** Rolls for a fault that can happen to it. */
  roll(fault: Fault): number | undefined {
    const size = this.dice.roll(fault, this.#world.weather.rates[fault]);
    if (size !== undefined && !isHarmless(fault)) this.disturbed = true;
    return size;
  }

  /** It stands still, for up to `most` milliseconds: what it waits for goes on without it. */
  async mayPause(most = 90 * SECOND, rate = this.#world.weather.rates.pause): Promise<void> {
    const size = this.dice.roll("pause", rate, true);
    if (size === undefined) return;
    const ms = size * most;
    this.#world.faults.count(this.name, ms > 20 * SECOND ? "paused past its lease" : "pause");
    this.disturbed = true;
    this.#pausedUntil = this.#world.clock.now() + ms;
    await this.#gate();
  }

  async #gate(): Promise<void> {
    for (;;) {
      if (this.#dead) await never();
      const left = this.#pausedUntil - this.#world.clock.now();
      if (left > 0) await this.#world.clock.sleep(left);
      else if (this.#frozen !== undefined) await this.#frozen.promise;
      else return;
    }
  }

  async mayDieHere(fault: Fault): Promise<void> {
    if (!this.#mayDie || this.roll(fault) === undefined) return;
    this.die();
    await never();
  }

  async #moment(): Promise<void> {
    if (this.#world.weather.slow && this.dice.draw("moment") < 0.3)
      await this.#world.clock.sleep(this.dice.draw("moment") ** 3 * 2 * SECOND);
  }

  async #call<T>(call: Call<T>): Promise<T> {
    const { history } = this.#world;
    if (history === undefined) return this.#doCall(call);
    const what = call.what();
    try {
      const answer = await this.#doCall(call);
      const text = call.answered(answer);
      if (text !== undefined) history.note(this.name, `${what} → ${text}`);
      return answer;
    } catch (error) {
      history.note(this.name, `${what} ✗ ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  }

  async #doCall<T>({ service, effect, again, unheard }: Call<T>): Promise<T> {
    const { clock, faults } = this.#world;
    const unavailable = UNAVAILABLE[service];
    await this.#gate();
    await this.mayDieHere("killed before a call");
    await this.mayPause();
    if (this.#world.isDown(service)) {
      faults.count(this.name, OUTAGE[service]);
      this.disturbed = true;
      await clock.sleep(200);
      await this.#gate();
      throw unavailable("it is down");
    }
    if (this.roll(FAILED[service]) !== undefined) throw unavailable("nothing happened");
    const late = this.roll("late effect");
    if (late !== undefined) {
      clock.timer(late * 20 * SECOND, () => void effect().catch(() => {})); // nobody hears of it
      throw unavailable("nothing happened yet");
    }
    await this.#moment();
    let answer = unheard && this.roll(unheard.fault) !== undefined ? unheard.answer : await effect();
    await this.mayDieHere("killed after a call");
    if (this.roll("lost answer") !== undefined) throw unavailable("the answer was lost");
    if (again && this.roll("sdk retry") !== undefined) answer = await effect();
    const lateAnswer = this.roll("late answer");
    if (lateAnswer !== undefined) await clock.sleep(lateAnswer * 40 * SECOND);
    await this.#moment();
    await this.mayPause();
    await this.#gate();
    return answer;
  }

  broker(): Broker {
    const { queues, checker, broker: memory } = this.#world;
    const done = () => "ok";
    const service = "SQS";
    const broker: Broker = {
      send: (queue, message) =>
        this.#call({
          service,
          what: () => `sends ${messageText(message.body)} to ${queue}, delay ${message.delaySeconds} s`,
          answered: done,
          effect: async () => {
            await memory.send(queue, message);
            checker.sent(message.body);
          },
        }),
      receive: (queue, options) =>
        this.#call({
          service,
          what: () => `receives from ${queue}`,
          answered: (deliveries) =>
            deliveries.length === 0
              ? undefined
              : deliveries.map((one) => `${messageText(one.body)} (receive ${one.receiveCount})`).join(", "),
          effect: () => queues.receive(queue, options),
        }),
      delete: (delivery) => {
        checker.settles(delivery);
        return this.#call({
          service,
          what: () => `deletes ${messageText(delivery.body)}`,
          answered: done,
          effect: () => {
            checker.acked(delivery);
            return queues.delete(delivery);
          },
          unheard: { fault: "lost delete", answer: undefined },
        });
      },
      changeVisibility: (delivery, seconds) => {
        checker.changesVisibility(delivery, seconds);
        return this.#call({
          service,
          what: () => `${isBeat(seconds) ? "beats for" : "gives back"} ${messageText(delivery.body)}, ${seconds} s`,
          answered: (answer) => (isBeat(seconds) && answer === "changed" ? undefined : answer),
          effect: () => queues.changeVisibility(delivery, seconds),
        });
      },
      depth: (queue) => memory.depth(queue),
      check: (queue) => memory.check(queue),
      flush: () => memory.flush(),
      close: () => memory.close(),
    };
    return this.#world.mutant?.broker?.(broker, this.clock) ?? broker;
  }

  payloads(): PayloadStore {
    const { payloads } = this.#world;
    const service = "S3";
    return {
      put: (payload) =>
        this.#call({
          service,
          what: () => `puts ${payload.ref.key}`,
          answered: () => "ok",
          effect: () => payloads.put(payload),
        }),
      get: (ref) =>
        this.#call({
          service,
          what: () => `gets ${ref.key}`,
          answered: (json) => (json === undefined ? "nothing" : "ok"),
          effect: () => payloads.get(ref),
        }),
      delete: (ref) =>
        this.#call({
          service,
          what: () => `deletes ${ref.key}`,
          answered: () => "ok",
          effect: () => payloads.delete(ref),
        }),
      check: () => payloads.check(),
      close: () => payloads.close(),
    };
  }

  joins(joins: JoinStore): JoinStore {
    return around(joins, (call, effect) =>
      this.#call({ service: "DynamoDB", what: () => `asks for ${call}`, answered: () => "ok", effect, again: true }),
    );
  }

  store(): ResultStore {
    const { writes, checker, mutant } = this.#world;
    const mutate = mutant?.change ?? ((change: Change) => change);
    const service = "DynamoDB";
    return {
      read: (id) =>
        this.#call({
          service,
          what: () => `reads ${id}`,
          answered: (record) => record?.state ?? "no record",
          effect: () => writes.read(id),
        }),
      write: async (change) => {
        const mutated = mutate(change);
        const answer: WriteAnswer = await this.#call({
          service,
          what: () => changeText(change),
          answered: (given) => (change.kind === "heartbeat" && given.applied ? undefined : answerText(given)),
          effect: () => writes.write(mutated),
          again: true,
        });
        checker.answered(change, answer, this);
        return answer;
      },
      failures: (query) => writes.failures(query),
      check: () => writes.check(),
      close: () => writes.close(),
    };
  }
}
