// An SQS standard queue in memory: visibility timeouts, receipts, delays, receive counts, dead-letter queues, long polls.
// It runs on the clock it is given, so the simulation drives it under virtual time.
import type { Clock } from "../clock.ts";
import { SQS } from "../defaults.ts";
import { InvalidDelay, MessageTooLarge, QueueNotFound } from "../errors.ts";
import type { Broker, Delivery, OutgoingMessage, QueueDepth, ReceiveOptions } from "../ports/broker.ts";

export interface MemoryQueue {
  readonly name: string;
  /** Made too, where it is not among the queues. */
  readonly deadLetter?: string;
  /** Receives before the message goes to `deadLetter`. */
  readonly maxReceiveCount?: number;
  /** Seconds after its send that a message is gone, wherever it has moved meanwhile (MessageRetentionPeriod). @default - it stays */
  readonly retentionSeconds?: number;
}

interface Message {
  readonly messageId: string;
  readonly body: string;
  readonly sentAt: number;
  receiveCount: number;
  /** Epoch ms from which it may be received. */
  visibleAt: number;
  /** The only receipt that counts; none before the first receive. */
  receipt: string | undefined;
}

interface Queue {
  readonly definition: MemoryQueue;
  readonly messages: Map<string, Message>;
  readonly waiting: Set<() => void>;
}

export class MemoryBroker implements Broker {
  readonly #queues = new Map<string, Queue>();
  readonly #clock: Clock;
  #sequence = 0;
  #pick: ((count: number) => number) | undefined;

  constructor(clock: Clock, queues: readonly MemoryQueue[]) {
    this.#clock = clock;
    const named = new Map(queues.map((queue) => [queue.name, queue]));
    for (const { deadLetter } of queues)
      if (deadLetter !== undefined && !named.has(deadLetter)) named.set(deadLetter, { name: deadLetter });
    for (const [name, definition] of named)
      this.#queues.set(name, { definition, messages: new Map(), waiting: new Set() });
  }

  async send(queueName: string, { body, delaySeconds }: OutgoingMessage): Promise<void> {
    const queue = this.#queue(queueName);
    if (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > SQS.maxDelaySeconds) {
      throw new InvalidDelay(
        `a delay of ${delaySeconds} s cannot be kept; SQS takes 0 to ${SQS.maxDelaySeconds} whole seconds`,
      );
    }
    if (body.length > SQS.maxMessageBytes) throw new MessageTooLarge("the message", body.length, SQS.maxMessageBytes);
    this.#put(queue, body, this.#clock.now(), delaySeconds);
  }

  async receive(
    queueName: string,
    { max, waitSeconds, visibilitySeconds }: ReceiveOptions,
  ): Promise<readonly Delivery[]> {
    const queue = this.#queue(queueName);
    const until = this.#clock.now() + waitSeconds * 1_000;
    for (;;) {
      const taken = this.#take(queue, max, visibilitySeconds);
      const now = this.#clock.now();
      if (taken.length > 0 || now >= until) return taken;
      await this.#wakeUp(queue, Math.min(until, this.#nextVisibleAt(queue)) - now);
    }
  }

  async delete({ queue: name, messageId, receipt }: Delivery): Promise<void> {
    const queue = this.#queue(name);
    if (queue.messages.get(messageId)?.receipt === receipt) queue.messages.delete(messageId);
  }

  async changeVisibility({ queue: name, messageId, receipt }: Delivery, seconds: number): Promise<"changed" | "stale"> {
    const queue = this.#queue(name);
    const message = queue.messages.get(messageId);
    if (message?.receipt !== receipt || message.visibleAt <= this.#clock.now()) return "stale";
    message.visibleAt = this.#clock.now() + seconds * 1_000;
    this.#wakeAll(queue);
    return "changed";
  }

  async depth(name: string): Promise<QueueDepth> {
    const now = this.#clock.now();
    const depth = { visible: 0, inFlight: 0, delayed: 0 };
    for (const { visibleAt, receiveCount } of this.#queue(name).messages.values()) {
      if (visibleAt <= now) depth.visible++;
      else if (receiveCount > 0) depth.inFlight++;
      else depth.delayed++;
    }
    return depth;
  }

  async check(name: string): Promise<void> {
    this.#queue(name);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  /** Delivers a message once more, as SQS may, even where it has been deleted. Its retention goes on: for tests. */
  duplicate({ queue, body, sentAt }: Delivery, delaySeconds: number): void {
    this.#put(this.#queue(queue), body, sentAt, delaySeconds);
  }

  /** Bodies on a queue, visible or not, oldest first: for tests. */
  bodies(name: string): readonly string[] {
    return [...this.#queue(name).messages.values()].map((message) => message.body);
  }

  /** Epoch ms from which the next message of a queue may be received; undefined where it has none but `except` (message ids). */
  nextVisibleAt(name: string, except?: ReadonlySet<string>): number | undefined {
    const next = this.#nextVisibleAt(this.#queue(name), except);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** Which of `count` messages that may be received comes next: SQS promises no order. @default - the oldest */
  deliverBy(pick: ((count: number) => number) | undefined): void {
    this.#pick = pick;
  }

  #queue(name: string): Queue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new QueueNotFound(name, "memory");
    this.#forgetOld(queue);
    return queue;
  }

  #forgetOld({ definition: { retentionSeconds }, messages }: Queue): void {
    if (retentionSeconds === undefined) return;
    const sentBefore = this.#clock.now() - retentionSeconds * 1_000;
    for (const { messageId, sentAt } of messages.values()) if (sentAt <= sentBefore) messages.delete(messageId);
  }

  #put(queue: Queue, body: string, sentAt: number, delaySeconds: number): void {
    this.#add(queue, {
      messageId: `message-${++this.#sequence}`,
      body,
      sentAt,
      receiveCount: 0,
      visibleAt: this.#clock.now() + delaySeconds * 1_000,
      receipt: undefined,
    });
  }

  #add(queue: Queue, message: Message): void {
    queue.messages.set(message.messageId, message);
    this.#wakeAll(queue);
  }

  #take(queue: Queue, max: number, visibilitySeconds: number): Delivery[] {
    const now = this.#clock.now();
    const { deadLetter, maxReceiveCount = Number.POSITIVE_INFINITY, name } = queue.definition;
    const taken: Delivery[] = [];
    for (const message of this.#visible(queue, now)) {
      if (taken.length === max) break;
      if (deadLetter !== undefined && message.receiveCount >= maxReceiveCount) {
        queue.messages.delete(message.messageId);
        this.#add(this.#queue(deadLetter), { ...message, receipt: undefined, visibleAt: now });
        continue;
      }
      message.receiveCount++;
      message.receipt = `receipt-${++this.#sequence}`;
      message.visibleAt = now + visibilitySeconds * 1_000;
      const { messageId, receipt, body, receiveCount, sentAt } = message;
      taken.push({ queue: name, messageId, receipt, body, receiveCount, sentAt });
    }
    return taken;
  }

  *#visible(queue: Queue, now: number): Iterable<Message> {
    if (this.#pick === undefined) {
      for (const message of queue.messages.values()) if (message.visibleAt <= now) yield message;
      return;
    }
    const visible = [...queue.messages.values()].filter(({ visibleAt }) => visibleAt <= now);
    while (visible.length > 0) yield* visible.splice(this.#pick(visible.length), 1);
  }

  #nextVisibleAt(queue: Queue, except?: ReadonlySet<string>): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { visibleAt, messageId } of queue.messages.values())
      if (!except?.has(messageId)) next = Math.min(next, visibleAt);
    return next;
  }

  #wakeAll(queue: Queue): void {
    for (const wake of [...queue.waiting]) wake();
  }

  async #wakeUp(queue: Queue, ms: number): Promise<void> {
    const awake = new AbortController();
    const wake = () => awake.abort("woken"); // without a reason it would make an error, with a stack
    queue.waiting.add(wake);
    await this.#clock.sleep(ms, awake.signal).catch(() => {}); // woken before its time
    queue.waiting.delete(wake);
  }
}
