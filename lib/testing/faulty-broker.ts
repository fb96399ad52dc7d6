// SQS in memory that misbehaves on command, as the real one may. Nothing is random but `reorder()`, which has a seed.
import type { Clock } from "../clock.ts";
import type { Duration } from "../duration.ts";
import { BrokerUnavailable } from "../errors.ts";
import type { MemoryBroker } from "../memory/broker.ts";
import type { Broker, Delivery, OutgoingMessage, QueueDepth, ReceiveOptions } from "../ports/broker.ts";
import { seededRandom } from "./fake-clock.ts";
import { type FaultOptions, Faults, timesOf } from "./faults.ts";

const OPERATIONS = ["send", "receive", "delete", "changeVisibility"] as const;
export type BrokerOperation = (typeof OPERATIONS)[number];

/** What a test can ask of the broker. Every command counts the calls that come after it, and throws InvalidOption. */
export interface BrokerFaults {
  /** The next call fails with BrokerUnavailable, and nothing happens. */
  failNext(operation: BrokerOperation, options?: FaultOptions): void;
  /** The next call does its work, and fails with BrokerUnavailable all the same. */
  loseAnswer(operation: BrokerOperation, options?: FaultOptions): void;
  /** The next call takes this long, by the test's clock. */
  delayNext(operation: BrokerOperation, time: Duration, options?: FaultOptions): void;
  /** The next message that is sent is delivered twice. */
  duplicateNext(options?: FaultOptions): void;
  /** The next acknowledgement says it has worked and deletes nothing: the message comes again. */
  dropAck(options?: FaultOptions): void;
  /** From now on messages come in any order. The same seed gives the same order. @default 1 */
  reorder(seed?: number): void;
  /** Nothing goes wrong any more. */
  recover(): void;
}

export class FaultyBroker implements Broker, BrokerFaults {
  readonly #broker: MemoryBroker;
  readonly #faults: Faults<BrokerOperation>;
  readonly #onSent: (queue: string, body: string) => void;
  #duplicates = 0;
  #droppedAcks = 0;

  /** `onSent` sees every message that was accepted, once. */
  constructor(broker: MemoryBroker, clock: Clock, onSent: (queue: string, body: string) => void = () => {}) {
    this.#broker = broker;
    this.#faults = new Faults(clock, OPERATIONS, (message) => new BrokerUnavailable(message));
    this.#onSent = onSent;
  }

  failNext(operation: BrokerOperation, options: FaultOptions = {}): void {
    this.#faults.add("refuse", operation, timesOf("failNext()", options));
  }

  loseAnswer(operation: BrokerOperation, options: FaultOptions = {}): void {
    this.#faults.add("lose", operation, timesOf("loseAnswer()", options));
  }

  delayNext(operation: BrokerOperation, time: Duration, options: FaultOptions = {}): void {
    this.#faults.add("delay", operation, timesOf("delayNext()", options), { time });
  }

  duplicateNext(options: FaultOptions = {}): void {
    this.#duplicates += timesOf("duplicateNext()", options);
  }

  dropAck(options: FaultOptions = {}): void {
    this.#droppedAcks += timesOf("dropAck()", options);
  }

  reorder(seed = 1): void {
    const random = seededRandom(seed);
    this.#broker.deliverBy((count) => Math.floor(random() * count));
  }

  recover(): void {
    this.#faults.clear();
    this.#duplicates = 0;
    this.#droppedAcks = 0;
    this.#broker.deliverBy(undefined);
  }

  send(queue: string, message: OutgoingMessage): Promise<void> {
    return this.#faults.around("send", async () => {
      await this.#broker.send(queue, message);
      if (this.#duplicates > 0) {
        this.#duplicates--;
        await this.#broker.send(queue, message);
      }
      this.#onSent(queue, message.body);
    });
  }

  receive(queue: string, options: ReceiveOptions): Promise<readonly Delivery[]> {
    return this.#faults.around("receive", () => this.#broker.receive(queue, options));
  }

  delete(delivery: Delivery): Promise<void> {
    return this.#faults.around("delete", async () => {
      if (this.#droppedAcks > 0) this.#droppedAcks--;
      else await this.#broker.delete(delivery);
    });
  }

  changeVisibility(delivery: Delivery, seconds: number): Promise<"changed" | "stale"> {
    return this.#faults.around("changeVisibility", () => this.#broker.changeVisibility(delivery, seconds));
  }

  depth(queue: string): Promise<QueueDepth> {
    return this.#broker.depth(queue);
  }

  check(queue: string): Promise<void> {
    return this.#broker.check(queue);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}
