// createLambdaHandler with events and records from outside. What Lambda is told to delete must have been settled as docs/protocol.md
// says: nothing is acknowledged in silence.
import { DecodeError, type LovageError } from "../../../lib/errors.ts";
import { decode, type Envelope } from "../../../lib/wire/envelope.ts";
import { createLambdaHandler, type SqsEvent } from "../../../lib/worker/lambda.ts";
import { type Json, mutated, value } from "../hostile.ts";
import { messageBody } from "../messages.ts";
import { demand, typed } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";
import { DEAD, QUEUE, World } from "../world.ts";

const CONTEXT = { awsRequestId: "r", functionName: "f", getRemainingTimeInMillis: () => 60_000 };

type Event = Json;

function record(rng: Rng, n: number, queue: string): { [key: string]: Json } {
  return {
    messageId: `m-${n}`,
    receiptHandle: `r-${n}`,
    body: messageBody(rng),
    attributes: { ApproximateReceiveCount: String(1 + rng.int(12)), SentTimestamp: "1795262400000" },
    eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:${queue}`,
  };
}

export function eventOf(rng: Rng, queue: string): Event {
  const records = Array.from({ length: 1 + (rng.chance(0.1) ? rng.int(10) : 0) }, (_, n) => record(rng, n, queue));
  const event: Json = { Records: records };
  if (rng.chance(0.85)) return event;
  if (rng.chance(0.3)) return rng.chance(0.5) ? mutated(event, rng) : value(rng);
  const at = rng.int(records.length);
  return { Records: records.map((one, i) => (i === at ? mutated(one, rng) : one)) };
}

/** Words of hostile.ts stand for text here too, where they are no text of JSON. */
export function eventTarget(queue: string, settled: (world: World, record: Wire, acked: boolean) => void) {
  const world = new World();
  const handler = createLambdaHandler(world.app);
  return {
    generate: (rng: Rng): Event => eventOf(rng, queue),
    run: async (event: Event) => {
      world.fresh();
      const came = await typed(() => handler(event as unknown as SqsEvent, CONTEXT)); // anything may come
      world.look();
      if ("error" in came) return nothingLost(came.error, world, event);
      const failed = new Set(came.value.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      for (const one of (event as unknown as { Records: readonly Wire[] }).Records) // it was taken for one
        settled(world, one, !failed.has(one.messageId));
    },
    close: () => world.close(),
  };
}

interface Wire {
  readonly messageId: string;
  readonly body: string;
}

/** An invocation that throws gives every message back: it must not have been settled by a delete of our own. */
function nothingLost(error: LovageError, world: World, event: Event): void {
  demand(
    world.deleted.length === 0,
    "protocol",
    `${error.code}, and messages were deleted: ${JSON.stringify(event).slice(0, 200)}`,
  );
}

/** The envelope, or why there is none. */
export function readOf(body: string): Envelope | DecodeError {
  try {
    return decode(body);
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

function settled(world: World, { body }: Wire, acked: boolean): void {
  const read = readOf(body);
  if (read instanceof DecodeError) unreadable(world, body, read, acked);
  else if (acked) finished(world, read);
}

/** Rows 1 and 2. */
function unreadable(world: World, body: string, { id }: DecodeError, acked: boolean): void {
  demand(acked, "protocol", "what cannot be read is neither recorded nor moved, but given back");
  const moved = world.sent.some((sent) => sent.queue === DEAD && sent.body === body);
  const { state } = world.store.records.get(id ?? "") ?? {};
  // Another record of the batch may have its id.
  const recorded = state !== undefined && state !== "PENDING" && state !== "STARTED";
  demand(id === undefined ? moved : recorded, "protocol", `what cannot be read was acknowledged in silence: ${id}`);
}

function finished(world: World, { id, ignoreResult }: Envelope): void {
  const state = world.store.records.get(id)?.state;
  const ended = state === "SUCCESS" || state === "FAILURE" || state === "REVOKED";
  const named = JSON.stringify(id).slice(1, -1);
  const goesOn = world.sent.some((sent) => sent.queue === QUEUE && sent.body.includes(named));
  const untracked = ignoreResult && state === undefined;
  demand(ended || goesOn || untracked, "protocol", `acknowledged, and neither ended nor sent again: ${state}`);
}

export const make: MakeTarget = async () => target(eventTarget(QUEUE, settled));
