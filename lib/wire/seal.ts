// An envelope as it leaves: the message, and beside it its arguments where the message would be too large with them.
import { PAYLOADS, SQS } from "../defaults.ts";
import { MessageTooLarge } from "../errors.ts";
import { argsPayload, type Payload, type PayloadLimits } from "../store/payload.ts";
import { compose, type Envelope } from "./envelope.ts";
import { toJson } from "./serializer.ts";

export interface Sealed {
  /** The body of an SQS message. */
  readonly body: string;
  /** To be put into the payload store before the message is sent. */
  readonly payload?: Payload;
}

/**
 * `payloads`: undefined where the app has no payload store. `sentAt`: epoch ms when the message enters its queue.
 * Throws MessageTooLarge over SQS's 1 MiB, or where the arguments alone are over PAYLOADS.maxBytes; InvalidOption as `encode`.
 */
export function seal(
  envelope: Envelope,
  queue: string,
  payloads: PayloadLimits | undefined,
  now: number,
  sentAt: number,
): Sealed {
  const body = compose(envelope, queue);
  if (body.length <= (payloads?.argsOver ?? SQS.maxMessageBytes)) return { body };
  const json = payloads === undefined ? "" : argsJson(envelope);
  // What makes it large is not its arguments, or they lie there already: a reference to them would change nothing.
  if (json.length < PAYLOADS.leastBytes) {
    if (body.length <= SQS.maxMessageBytes) return { body };
    throw tooLarge(envelope, body.length, payloads);
  }
  if (json.length > PAYLOADS.maxBytes)
    throw new MessageTooLarge(`the arguments of task "${envelope.task}"`, json.length, PAYLOADS.maxBytes, "at most");
  const payload = argsPayload(envelope.id, json, now, sentAt);
  const referring = compose({ ...envelope, args: [], kwargs: {}, argsRef: payload.ref }, queue);
  if (referring.length > SQS.maxMessageBytes) throw tooLarge(envelope, referring.length, payloads);
  return { body: referring, payload };
}

/** What is stored for `[args, kwargs]`. */
export function argsJson({ args, kwargs }: Pick<Envelope, "args" | "kwargs">): string {
  return toJson([args, kwargs]);
}

function tooLarge({ task }: Envelope, bytes: number, payloads: PayloadLimits | undefined): MessageTooLarge {
  return new MessageTooLarge(
    `the message of task "${task}"`,
    bytes,
    SQS.maxMessageBytes,
    payloads === undefined ? "no store" : "not the arguments",
  );
}
