// A signature from its JSON: what a Python worker, a table or another process has kept of it.

import { stampsOf } from "./core/canvas-stamp.ts";
import { describe } from "./duration.ts";
import { InvalidOption } from "./errors.ts";
import type { SignatureOptions, Taking } from "./signature.ts";
import { isObject, signature } from "./wire/fields.ts";
import { assertJson, type JsonObject, type JsonValue } from "./wire/serializer.ts";
import type { WireSignature } from "./wire/signature.ts";

/** Throws InvalidOption or NotSerializable. */
export function readSignature(value: unknown): WireSignature {
  assertJson(value, "the signature");
  if (!isObject(value as JsonValue))
    throw new InvalidOption(`a signature is ${describe(value)}; it takes what JSON.stringify(signature) wrote, parsed`);
  return signature(
    "the signature",
    value as JsonValue,
    (problem) => new InvalidOption(`${problem}; it takes Celery's dict`),
  );
}

/** The options of a signature in the words of a call. What Lovage has no word for stays on the wire. */
export function readOptions(options: JsonObject): SignatureOptions<never> {
  const { countdown, eta, expires, queue, task_id, headers, time_limit, soft_time_limit, ignore_result } = options;
  const known = {
    countdown,
    eta: moment(eta),
    expires: typeof expires === "number" ? expires : moment(expires),
    workload: queue,
    taskId: task_id,
    headers,
    stamps: stampsOf(options),
    timeLimit: time_limit,
    softTimeLimit: soft_time_limit,
    ignoreResult: ignore_result,
    link: callbacks(options.link),
    linkError: callbacks(options.link_error),
  };
  const given = Object.entries(known).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given) as SignatureOptions<never>; // wrong ones are refused where it is called
}

function moment(value: JsonValue | undefined): Date | undefined {
  return typeof value === "string" ? new Date(value) : undefined;
}

function callbacks(value: JsonValue | undefined): readonly Taking<never>[] | undefined {
  return value ? [value].flat().map((wire) => ({ wire: readSignature(wire) })) : undefined;
}
