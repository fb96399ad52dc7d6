// What of an outcome is too large for a message or a record, and how a record keeps the arguments of a retry.
import { RecordUnreadable } from "../errors.ts";
import { argsPayload, type Payload, type PayloadLimits, resultPayload } from "../store/payload.ts";
import { argsAndKwargs, storedGroup, storedJson, storedRef } from "../store/stored.ts";
import type { Envelope } from "../wire/envelope.ts";
import { isObject } from "../wire/fields.ts";
import { argsJson } from "../wire/seal.ts";
import type { JsonValue } from "../wire/serializer.ts";
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
export function argsOf({ args, kwargs, argsRef, results }: Envelope): string {
  const kept = argsRef ?? [args, kwargs];
  return JSON.stringify(results ? { kept, results } : kept);
}

/** Throws RecordUnreadable where a record holds something else. */
export function argsFrom(id: string, json: string): Pick<Envelope, "args" | "kwargs" | "argsRef" | "results"> {
  const value = storedJson(id, RETRY_ARGS, json);
  if (!isObject(value) || value.kept === undefined) return ownArgs(id, value);
  return { ...ownArgs(id, value.kept), results: storedGroup(id, RETRY_ARGS, value.results ?? null) };
}

function ownArgs(id: string, kept: JsonValue): Pick<Envelope, "args" | "kwargs" | "argsRef"> {
  if (!Array.isArray(kept)) return { args: [], kwargs: {}, argsRef: storedRef(id, RETRY_ARGS, kept, "args") };
  const call = argsAndKwargs(kept);
  if (call === undefined)
    throw new RecordUnreadable(id, RETRY_ARGS, "is not a list of arguments and keyword arguments");
  return call;
}

const RETRY_ARGS = "retry_args";

/** Without what its arguments were: a reference, and results that came before them. */
export function withoutRef({ argsRef: _ref, results: _results, ...envelope }: Envelope): Envelope {
  return envelope;
}
