// SQS as it may behave: copies, deliveries nobody gets, receipts that are stale and deletes that work all the same.
import type { MemoryBroker } from "../../lib/memory/broker.ts";
import type { Delivery, ReceiveOptions } from "../../lib/ports/broker.ts";
import type { Dice, Fault, Faults } from "./faults.ts";
import type { Weather } from "./weather.ts";

export class SimulatedQueues {
  readonly #broker: MemoryBroker;
  readonly #faults: Faults;
  readonly #weather: Weather;
  readonly #dice: Dice;
  /** The receipt that counts, by message id. */
  readonly #receipts = new Map<string, string>();

  constructor(broker: MemoryBroker, faults: Faults, weather: Weather) {
    this.#broker = broker;
    this.#faults = faults;
    this.#weather = weather;
    this.#dice = faults.dice("SQS");
    broker.deliverBy((count) => Math.floor(this.#dice.draw("order") * count));
  }

  #roll(fault: Fault): number | undefined {
    return this.#dice.roll(fault, this.#weather.rates[fault]);
  }

  async receive(queue: string, options: ReceiveOptions): Promise<readonly Delivery[]> {
    const deliveries = await this.#broker.receive(queue, options);
    for (const delivery of deliveries) {
      this.#receipts.set(delivery.messageId, delivery.receipt);
      this.#copy("duplicate", delivery);
    }
    const isBurnt = deliveries.length > 0 && !queue.endsWith("-dead") && this.#roll("throttled delivery") !== undefined;
    return isBurnt ? [] : deliveries;
  }

  #copy(fault: Fault, delivery: Delivery): void {
    const size = this.#roll(fault);
    if (size !== undefined) this.#broker.duplicate(delivery, Math.floor(size * 60));
  }

  #isStale({ messageId, receipt }: Delivery): boolean {
    const stale = this.#receipts.get(messageId) !== receipt;
    if (stale) this.#faults.count("SQS", "stale receipt");
    return stale;
  }

  async delete(delivery: Delivery): Promise<void> {
    const worksAnyway = this.#isStale(delivery) && this.#roll("stale delete took effect") !== undefined;
    const latest = this.#receipts.get(delivery.messageId) ?? delivery.receipt;
    await this.#broker.delete(worksAnyway ? { ...delivery, receipt: latest } : delivery);
    this.#copy("late delivery after delete", delivery);
  }

  async changeVisibility(delivery: Delivery, seconds: number): Promise<"changed" | "stale"> {
    this.#isStale(delivery);
    return this.#broker.changeVisibility(delivery, seconds);
  }
}
