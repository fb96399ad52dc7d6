// SQS through the SDK. Sends, deletes and visibility changes are coalesced into batch requests; receives are not touched.
import { GetQueueUrlCommand } from "@aws-sdk/client-sqs";
import { type Clock, systemClock } from "../clock.ts";
import { SEND_DEADLINE_MS, SQS } from "../defaults.ts";
import { BrokerUnavailable, InvalidDelay, LovageError, MessageTooLarge, QueueNotFound } from "../errors.ts";
import type { Broker, Delivery, OutgoingMessage, QueueDepth, ReceiveOptions } from "../ports/broker.ts";
import { type AwsClientOptions, whereIs } from "./clients.ts";
import { Coalescer, type Fate } from "./coalesce.ts";
import { persist } from "./deadline.ts";
import { type BatchOperation, fatesOf, sends, wholeFate } from "./sqs-batches.ts";
import { type SqsClients, sqsClients } from "./sqs-clients.ts";
import type { ChangeAnswer, VisibilityChange } from "./sqs-consuming.ts";
import { type Refusal, type SqsCall, toBrokerError } from "./to-error.ts";
import { sqsConsuming } from "./worker-parts.ts";

export interface SqsBrokerOptions extends AwsClientOptions {
  /** @default - the system's */
  readonly clock?: Clock;
  /** How long a call other than `receive` may take, repetitions included. @default SEND_DEADLINE_MS */
  readonly deadlineMs?: number;
  /** Queue URLs without the name: `https://sqs.eu-west-1.amazonaws.com/123456789012`. @default - SQS is asked for each queue's URL */
  readonly queueUrlBase?: string;
}

/** Batch requests under way at once, for each queue and operation. */
const MAX_REQUESTS = 8;
/** The coalesced operations of one queue: from the first of its kind on. */
interface Lanes {
  send?: Coalescer<OutgoingMessage, void>;
  delete?: Coalescer<string, void>;
  changeVisibility?: Coalescer<VisibilityChange, ChangeAnswer>;
}

export class SqsBroker implements Broker {
  readonly #clients: SqsClients;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #queueUrlBase: string | undefined;
  readonly #urls = new Map<string, Promise<string>>();
  readonly #lanes = new Map<string, Lanes>();
  readonly #unsettled = new Set<Promise<unknown>>();
  readonly #polls = new Set<Promise<unknown>>();

  constructor({ clock = systemClock, deadlineMs = SEND_DEADLINE_MS, queueUrlBase, ...options }: SqsBrokerOptions = {}) {
    this.#clients = sqsClients(options);
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#queueUrlBase = queueUrlBase;
  }

  send(queue: string, message: OutgoingMessage): Promise<void> {
    const { body, delaySeconds } = message;
    if (!isWholeUpTo(delaySeconds, SQS.maxDelaySeconds)) {
      return unheard(
        new InvalidDelay(
          `a delay of ${delaySeconds} s cannot be kept; SQS takes 0 to ${SQS.maxDelaySeconds} whole seconds`,
        ),
      );
    }
    const bytes = Buffer.byteLength(body);
    if (bytes > SQS.maxMessageBytes) return unheard(new MessageTooLarge("the message", bytes, SQS.maxMessageBytes));
    const lanes = this.#lanesOf(queue);
    lanes.send ??= this.#coalescer(queue, sends(this.#clients.requests));
    return this.#track(lanes.send.add(message, bytes));
  }

  async receive(queue: string, options: ReceiveOptions): Promise<readonly Delivery[]> {
    const { poll } = await sqsConsuming();
    const polled = poll(this.#clients.polls, queue, await this.#url(queue), options);
    this.#polls.add(polled);
    try {
      return await polled;
    } catch (cause) {
      throw (await this.#translate(cause, queue, "ReceiveMessage")).error;
    } finally {
      this.#polls.delete(polled);
    }
  }

  delete({ queue, receipt }: Delivery): Promise<void> {
    return this.#track(this.#delete(queue, receipt));
  }

  async #delete(queue: string, receipt: string): Promise<void> {
    const { deletes } = await sqsConsuming();
    const lanes = this.#lanesOf(queue);
    lanes.delete ??= this.#coalescer(queue, deletes(this.#clients.requests));
    return lanes.delete.add(receipt);
  }

  changeVisibility({ queue, receipt }: Delivery, seconds: number): Promise<ChangeAnswer> {
    return this.#track(this.#changeVisibility(queue, { receipt, seconds }));
  }

  async #changeVisibility(queue: string, change: VisibilityChange): Promise<ChangeAnswer> {
    const { demandVisibility, visibilityChanges } = await sqsConsuming();
    demandVisibility(change);
    const lanes = this.#lanesOf(queue);
    lanes.changeVisibility ??= this.#coalescer(queue, visibilityChanges(this.#clients.requests));
    return lanes.changeVisibility.add(change);
  }

  async depth(queue: string): Promise<QueueDepth> {
    const { depthOf } = await sqsConsuming();
    return persist(
      this.#deadlineMs,
      this.#clock,
      async (signal) => depthOf(this.#clients.requests, await this.#url(queue), signal),
      (cause) => this.#translate(cause, queue, "GetQueueAttributes"),
    );
  }

  /** Queues that something is kept for: for tests. */
  get known(): readonly string[] {
    return [...new Set([...this.#urls.keys(), ...this.#lanes.keys()])];
  }

  /** The endpoint or region it talks to, for people. */
  where(): Promise<string> {
    return whereIs("SQS", this.#clients.requests);
  }

  async check(queue: string): Promise<void> {
    await this.depth(queue);
  }

  /** Nothing is lost by it: whoever awaits a call learns its fate from that call. */
  async flush(): Promise<void> {
    await Promise.allSettled(this.#unsettled);
  }

  /** Waits for polls too: a message on its way to an aborted one would be in flight to nobody. */
  async close(): Promise<void> {
    await this.flush();
    await Promise.allSettled(this.#polls);
    this.#clients.destroy();
  }

  #track<T>(call: Promise<T>): Promise<T> {
    this.#unsettled.add(call);
    const settled = () => this.#unsettled.delete(call);
    call.then(settled, settled);
    return call;
  }

  /** Known, or asked once for each queue; a failure is not kept. Rejects with an error of ours. */
  #url(queue: string): Promise<string> {
    let url = this.#urls.get(queue);
    if (url === undefined) {
      const base = this.#queueUrlBase;
      url = base === undefined ? this.#askUrl(queue) : Promise.resolve(`${base}/${queue}`);
      this.#urls.set(queue, url);
      url.catch(() => this.#forget(queue));
    }
    return url;
  }

  async #askUrl(queue: string): Promise<string> {
    try {
      const { QueueUrl } = await this.#clients.requests.send(new GetQueueUrlCommand({ QueueName: queue }));
      if (QueueUrl !== undefined) return QueueUrl;
    } catch (cause) {
      throw (await this.#translate(cause, queue, "GetQueueUrl")).error;
    }
    throw new BrokerUnavailable(`SQS named no URL for queue "${queue}"`);
  }

  /** Names of queues come from messages too (a callback's `queue`): what is kept for one that does not exist would never end. */
  #forget(queue: string): void {
    this.#urls.delete(queue);
    this.#lanes.delete(queue);
  }

  async #translate(cause: unknown, queue: string, action: string): Promise<Refusal> {
    if (cause instanceof LovageError) return { error: cause, retryable: cause instanceof BrokerUnavailable };
    return toBrokerError(cause, await this.#call(queue, action));
  }

  async #call(queue: string, action: string): Promise<SqsCall> {
    return { queue, action, where: await this.where() };
  }

  #lanesOf(queue: string): Lanes {
    let lanes = this.#lanes.get(queue);
    if (lanes === undefined) {
      lanes = {};
      this.#lanes.set(queue, lanes);
    }
    return lanes;
  }

  #coalescer<Entry, Answer>(queue: string, operation: BatchOperation<Entry, Answer>): Coalescer<Entry, Answer> {
    const translate = (cause: unknown) => this.#translate(cause, queue, operation.action);
    const done: Fate<Answer> = { kind: "done", answer: operation.answer };
    return new Coalescer<Entry, Answer>({
      clock: this.#clock,
      maxEntries: SQS.maxBatchEntries,
      maxBytes: SQS.maxMessageBytes,
      maxRequests: MAX_REQUESTS,
      deadlineMs: this.#deadlineMs,
      attempt: async (entries, signal) => {
        try {
          const output = await operation.request(await this.#url(queue), entries, signal);
          if (!output.Failed?.length && output.Successful?.length === entries.length) return entries.map(() => done);
          return fatesOf(entries, output, operation, await this.#call(queue, operation.action));
        } catch (cause) {
          const refusal = await translate(cause);
          if (refusal.error instanceof QueueNotFound) this.#forget(queue);
          const fate = wholeFate(refusal);
          return entries.map(() => fate);
        }
      },
      overdue: async (cause) => (await translate(cause)).error,
    });
  }
}

function isWholeUpTo(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

/** A rejection that takes no process down where nobody awaits it. */
function unheard(error: LovageError): Promise<never> {
  const refused = Promise.reject(error);
  refused.catch(() => {});
  return refused;
}
