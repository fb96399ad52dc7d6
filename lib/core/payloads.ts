// What of an outcome is too large for a message or a record, and how a record keeps the arguments of a retry.
import { argsPayload, type Payload, type PayloadLimits, type PayloadRef, resultPayload } from "../store/payload.ts";
import type { Envelope } from "../wire/envelope.ts";
import { argsJson } from "../wire/seal.ts";
import { type Claim, kept } from "./changes.ts";

interface Now {
  readonly now: number;
  readonly payloads?: PayloadLimits | undefined;
}

/** A large result as an object of its own, under a key that only this execution has. */
export function largeResult(
  result: string | undefined,
  { id, token }: Claim,
  resultExpires: number,
  { now, payloads }: Now,
): Payload | undefined {
  if (payloads === undefined || result === undefined || result.length <= payloads.resultsOver) return undefined;
  return resultPayload(id, token, result, now, kept(now, resultExpires).expiresAt);
}

/** Arguments that a retry asks for. They are kept in the record too, so it is the record's limit that counts. */
export function largeArgs(next: Envelope, now: number, payloads: PayloadLimits | undefined): Payload | undefined {
  if (payloads === undefined) return undefined;
  const json = argsJson(next);
  return json.length <= payloads.resultsOver ? undefined : argsPayload(next.id, json, now, next.eta ?? now);
}

/** What a record keeps where a retry asked for other arguments: a late duplicate of the first message must find them. */
export function argsOf({ args, kwargs, argsRef }: Envelope): string {
  return JSON.stringify(argsRef ?? [args, kwargs]);
}

export function argsFrom(json: string): Pick<Envelope, "args" | "kwargs" | "argsRef"> {
  const text = JSON.parse(json) as [Envelope["args"], Envelope["kwargs"]] | PayloadRef; // written by argsOf()
  return Array.isArray(text) ? { args: text[0], kwargs: text[1] } : { args: [], kwargs: {}, argsRef: text };
}

export function withoutRef({ argsRef: _, ...envelope }: Envelope): Envelope {
  return envelope;
}
