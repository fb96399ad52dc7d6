// What a record holds as JSON, read back. Lovage alone is meant to write the table; what somebody else put there is refused with the
// attribute's name, and never taken for what it is not.
import { FAILURE_LIMITS, PAYLOADS } from "../defaults.ts";
import { RecordUnreadable } from "../errors.ts";
import type { GroupRef } from "../wire/envelope.ts";
import { isObject } from "../wire/fields.ts";
import { type JsonObject, type JsonValue, parseOwnJson } from "../wire/serializer.ts";
import { isPayloadKey, type PayloadKind, type PayloadRef } from "./payload.ts";
import type { Failure } from "./record.ts";

/** The latest that a Date can hold. */
const LAST_MOMENT = 8.64e15;

/** The value of an attribute that holds JSON. Throws RecordUnreadable. */
export function storedJson(id: string, attribute: string, json: string): JsonValue {
  try {
    return parseOwnJson(json);
  } catch (error) {
    throw new RecordUnreadable(id, attribute, `is ${(error as SyntaxError).message}`); // parseOwnJson throws nothing else
  }
}

/** Causes beyond those that are ever written are left out. Throws RecordUnreadable. */
export function storedFailure(id: string, attribute: string, json: string): Failure {
  return failureOf(id, attribute, storedJson(id, attribute, json), FAILURE_LIMITS.causes);
}

function failureOf(id: string, attribute: string, value: JsonValue | undefined, causes: number): Failure {
  const { type, message, stack, code, cause } = isObject(value) ? value : {};
  if (typeof type !== "string" || typeof message !== "string")
    throw new RecordUnreadable(id, attribute, "is not a failure, which has a type and a message");
  return {
    type,
    message,
    ...(typeof stack === "string" && { stack }),
    ...((typeof code === "string" || typeof code === "number") && { code }),
    ...(cause !== undefined && causes > 0 && { cause: failureOf(id, attribute, cause, causes - 1) }),
  };
}

/** Throws RecordUnreadable, also where the key is none of this app's. */
export function storedRef(id: string, attribute: string, value: JsonValue, kind: PayloadKind): PayloadRef {
  const { key, bytes, sha256, keptUntil } = isObject(value) ? value : {};
  if (typeof key !== "string" || !isPayloadKey(key, kind))
    throw new RecordUnreadable(id, attribute, `refers to no ${kind} of this app's in the payload store`);
  if (!isWhole(bytes) || bytes > PAYLOADS.maxBytes || typeof sha256 !== "string" || !isMoment(keptUntil))
    throw new RecordUnreadable(id, attribute, "is not a reference, which has key, bytes, sha256 and keptUntil");
  return { key, bytes, sha256, keptUntil };
}

/** Throws RecordUnreadable. */
export function storedGroup(id: string, attribute: string, value: JsonValue): GroupRef {
  const { group, size } = isObject(value) ? value : {};
  if (typeof group !== "string" || group === "" || !isWhole(size))
    throw new RecordUnreadable(id, attribute, "is no group, which has an id and a size");
  return { group, size };
}

/** What `[args, kwargs]` stands for, wherever it was kept; undefined where it is something else. */
export function argsAndKwargs(
  value: JsonValue,
): { readonly args: readonly JsonValue[]; readonly kwargs: JsonObject } | undefined {
  const [args, kwargs, more] = Array.isArray(value) ? (value as readonly JsonValue[]) : [];
  return Array.isArray(args) && isObject(kwargs) && more === undefined ? { args, kwargs } : undefined;
}

export const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0; // it is one
/** Epoch ms. */
export const isMoment = (value: unknown): value is number =>
  typeof value === "number" && value >= 0 && value <= LAST_MOMENT;
/** A task may ask for times that no Date holds: a retry before 1970, a result that is kept for ever. They would be written, and refused when read. */
export const momentNear = (epochMs: number): number => Math.min(Math.max(epochMs, 0), LAST_MOMENT);
