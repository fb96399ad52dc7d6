// An SQS event source mapping, by Lambda's documented rules (AWS Lambda: "Using Lambda with Amazon SQS"):
//
//  * It receives batches and invokes the function with them; messages stay invisible for the queue's visibility timeout.
//  * Five batches at a time at first; with a backlog 300 more every minute, up to the maximum concurrency.
//  * A response names the messages that failed (ReportBatchItemFailures): the others are deleted. No list, an empty list or an
//    empty answer: all succeeded. An unknown id, or an answer that is no JSON: all failed.
//  * An error of the function: all failed, nothing is deleted, and fewer batches run at a time.
//  * What failed comes back when its visibility ends; the queue's redrive policy takes it away in the end.
//
// Unlike Lambda it has one long poll open, for the local SQS wakes every poll for each message.
import { type Clock, systemClock } from "../../clock.ts";
import { LOCAL_LAMBDA, SQS } from "../../defaults.ts";
import type { Broker, Delivery } from "../../ports/broker.ts";
import { decode } from "../../wire/decode.ts";
import { describe, type InvocationResult } from "./sandbox.ts";

export interface EventSourceMappingOptions {
  readonly queue: string;
  /** Messages in one event, 1 to 10. */
  readonly batchSize: number;
  /** Batches at a time at most. */
  readonly maxConcurrency: number;
  /** The queue's visibility timeout. */
  readonly visibilitySeconds: number;
  readonly broker: Broker;
  /** Runs the function. Rejects where it cannot be loaded. */
  readonly invoke: (event: string) => Promise<InvocationResult>;
  /** Something to tell people: a function error, an answer Lambda would not understand. */
  readonly onProblem: (problem: string) => void;
  readonly clock?: Clock;
}

const POLL_SECONDS = 1;
const PAUSE_MS = 1_000;

export class EventSourceMapping {
  readonly #options: EventSourceMappingOptions;
  readonly #clock: Clock;
  readonly #underWay = new Set<Promise<void>>();
  /** Batches it may have under way now. */
  #concurrency: number;
  #grownAt: number;
  #stopping = false;

  constructor(options: EventSourceMappingOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#concurrency = Math.min(LOCAL_LAMBDA.firstConcurrency, this.#limit);
    this.#grownAt = this.#clock.monotonic();
  }

  /** Polls until `stop()`, then waits for the batches under way. A queue that cannot be polled is tried again. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      if (this.#underWay.size >= this.#concurrency) {
        await Promise.race(this.#underWay);
        continue;
      }
      const batch = await this.#receive();
      if (batch.length === 0) continue;
      this.#grow();
      const handled = this.#handle(batch).finally(() => this.#underWay.delete(handled));
      this.#underWay.add(handled);
    }
    await Promise.all(this.#underWay);
  }

  /** Receives no more. */
  stop(): void {
    this.#stopping = true;
  }

  get #limit(): number {
    return Math.min(this.#options.maxConcurrency, LOCAL_LAMBDA.maxConcurrency);
  }

  async #receive(): Promise<readonly Delivery[]> {
    const { broker, queue, batchSize, visibilitySeconds } = this.#options;
    const max = Math.min(batchSize, SQS.maxBatchEntries);
    try {
      return await broker.receive(queue, { max, waitSeconds: POLL_SECONDS, visibilitySeconds });
    } catch (error) {
      if (!this.#stopping) {
        this.#options.onProblem(`${queue} cannot be polled: ${String(error)}`);
        await this.#clock.sleep(PAUSE_MS);
      }
      return [];
    }
  }

  /** Only a backlog makes it grow: all that it may have under way is. */
  #grow(): void {
    const now = this.#clock.monotonic();
    const more = Math.floor(((now - this.#grownAt) / 60_000) * LOCAL_LAMBDA.concurrencyPerMinute);
    if (this.#underWay.size + 1 < this.#concurrency) this.#grownAt = now;
    else if (more > 0) {
      this.#concurrency = Math.min(this.#concurrency + more, this.#limit);
      this.#grownAt = now;
    }
  }

  /** Never rejects. */
  async #handle(batch: readonly Delivery[]): Promise<void> {
    const { queue, invoke, onProblem, broker } = this.#options;
    const result = await invoke(eventOf(batch)).catch((error: unknown): InvocationResult => {
      return { kind: "error", type: "Init", message: String(error) };
    });
    if (result.kind !== "response") {
      onProblem(`${queue}: the function failed with ${tasksOf(batch)}: ${describe(result)}`);
      this.#concurrency = Math.max(1, this.#concurrency - 1);
      this.#grownAt = this.#clock.monotonic();
      if (result.kind === "error" && result.type === "Init") await this.#clock.sleep(PAUSE_MS); // it would fail at once again
      return;
    }
    const failed = failuresIn(result.body, batch);
    if (failed === undefined) {
      onProblem(`${queue}: the function's answer is no batch response, all ${batch.length} messages count as failed`);
      return;
    }
    const done = batch.filter(({ messageId }) => !failed.has(messageId));
    const deleted = await Promise.allSettled(done.map((delivery) => broker.delete(delivery)));
    const refused = deleted.filter((one) => one.status === "rejected");
    if (refused.length > 0)
      onProblem(
        `${queue}: ${refused.length} of ${done.length} messages could not be deleted and come again: ${refused[0]?.reason}`,
      );
  }
}

const SHOWN = 3;

/** The tasks of a batch, for a function that was killed has logged none of them. */
export function tasksOf(batch: readonly Pick<Delivery, "body" | "messageId">[]): string {
  const shown = batch.slice(0, SHOWN).map(({ body, messageId }) => {
    try {
      const { task, id } = decode(body);
      return `${task} ${id}`;
    } catch {
      return `message ${messageId}`; // no task's; what it is, its record or the dead-letter queue says
    }
  });
  const more = batch.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** The ids that failed; undefined where the answer makes all of them fail. */
export function failuresIn(body: string, batch: readonly Delivery[]): ReadonlySet<string> | undefined {
  if (body.trim() === "" || body.trim() === "null") return new Set();
  try {
    const answer = JSON.parse(body) as { batchItemFailures?: unknown };
    const list = answer.batchItemFailures ?? [];
    if (!Array.isArray(list)) return undefined;
    const ids = list.map((one: { itemIdentifier?: unknown } | null) => one?.itemIdentifier);
    const known = new Set(batch.map(({ messageId }) => messageId));
    return ids.every((id): id is string => typeof id === "string" && known.has(id)) ? new Set(ids) : undefined;
  } catch {
    return undefined;
  }
}

function eventOf(batch: readonly Delivery[]): string {
  return JSON.stringify({
    Records: batch.map(({ queue, messageId, receipt, body, receiveCount, sentAt }) => ({
      messageId,
      receiptHandle: receipt,
      body,
      attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
      messageAttributes: {},
      eventSource: "aws:sqs",
      eventSourceARN: `arn:aws:sqs:local:000000000000:${queue}`,
      awsRegion: "local",
    })),
  });
}
