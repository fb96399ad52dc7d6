/** A message to send. `body` is ASCII-only JSON (wire/envelope.ts). */
export interface OutgoingMessage {
  readonly body: string;
  /** 0 to 900 whole seconds. */
  readonly delaySeconds: number;
}

/** One receive of one message. Every receive of the same message has a new `receipt`. */
export interface Delivery {
  readonly queue: string;
  readonly messageId: string;
  readonly receipt: string;
  readonly body: string;
  /** Times this message has been received, this one included. A safety net, not an attempt counter. */
  readonly receiveCount: number;
  /** Epoch ms when the message was sent. */
  readonly sentAt: number;
}

export interface ReceiveOptions {
  /** 1 to 10. */
  readonly max: number;
  /** Long poll, 0 to 20 s. */
  readonly waitSeconds: number;
  readonly visibilitySeconds: number;
}

/** What `lovage queues` and the alarms look at. Counts are approximate, as SQS's are. */
export interface QueueDepth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/**
 * Carries messages, with the semantics of an SQS standard queue.
 *
 * Contract (test/conformance/broker.ts runs it on every adapter):
 * - `send` resolves once the message is durably accepted; it rejects with BrokerUnavailable (after a deadline, never
 *   never), QueueNotFound, MessageTooLarge or InvalidDelay. Sends made close together share one request; each caller gets its
 *   own entry's fate.
 * - `receive` returns 0 to `max` deliveries, invisible to others for `visibilitySeconds`. At-least-once, unordered.
 * - `delete` acknowledges. Resolving proves nothing: a stale receipt deletes nothing and says nothing.
 * - `changeVisibility` sets the rest of this receive's invisibility, counted from now. "stale" where the receipt no longer counts.
 * - Nothing is retained in the adapter beyond the call.
 */
export interface Broker {
  send(queue: string, message: OutgoingMessage): Promise<void>;
  receive(queue: string, options: ReceiveOptions): Promise<readonly Delivery[]>;
  delete(delivery: Delivery): Promise<void>;
  changeVisibility(delivery: Delivery, seconds: number): Promise<"changed" | "stale">;
  depth(queue: string): Promise<QueueDepth>;
  /** Throws QueueNotFound or BrokerUnavailable where the queue cannot be used. */
  check(queue: string): Promise<void>;
  /** Waits until everything sent so far is accepted or refused. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
