// Reading single fields of a message nobody vouches for. Null and missing are the same, as in Celery.
import type { LovageError } from "../errors.ts";
import { isPrintable } from "../printable.ts";
import type { JsonObject, JsonValue } from "./serializer.ts";
import type { WireSignature } from "./signature.ts";
import { parseTime } from "./time.ts";

/** Makes the error for a problem; the caller throws it. */
export type Fail = (problem: string) => LovageError;

/** A field as it came: JSON.parse of anything, or missing. */
export type Field = JsonValue | undefined;

export function isObject(value: Field): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const PRINTABLE_ASCII = /^[ -~]{1,255}$/;

/** Whether a message may have this id: 1 to 255 printable ASCII characters. */
export function isTaskId(value: Field): value is string {
  return typeof value === "string" && PRINTABLE_ASCII.test(value);
}

/**
 * Whether a message may have this name of a task: 1 to 255 characters, none of them a control character. It goes into logs, onto
 * screens and into records, and DynamoDB takes no half of a surrogate pair.
 */
export function isTaskName(value: Field): value is string {
  return typeof value === "string" && value !== "" && value.length <= 255 && isPrintable(value);
}

/** What `isTaskName` demands, in words. */
export const TASK_NAME = "1 to 255 characters, and no control characters";

const isMissing = (value: Field): value is undefined | null => value === undefined || value === null;

/** What a value is, in words that quote none of it: it may be secret. */
export function kind(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

export function string(name: string, value: Field, fail: Fail): string | undefined {
  if (isMissing(value)) return undefined;
  if (typeof value !== "string") throw fail(`${name} is ${kind(value)}, not a string`);
  return value;
}

export function flag(name: string, value: Field, fail: Fail): boolean {
  if (isMissing(value)) return false;
  if (typeof value !== "boolean") throw fail(`${name} is ${kind(value)}, not true or false`);
  return value;
}

export function number(name: string, value: Field, fail: Fail, which: "whole" | "any"): number | undefined {
  if (isMissing(value)) return undefined;
  if (typeof value !== "number") throw fail(`${name} is ${kind(value)}, not a number`);
  // One more is sent with the next message, and has to be read there.
  const fits = which === "whole" ? Number.isSafeInteger(value + 1) : Number.isFinite(value);
  if (!fits || value < 0) throw fail(`${name} is ${value}, not a ${which === "whole" ? "whole " : ""}number from 0 up`);
  return Math.abs(value); // -0 is written as 0
}

export function object(name: string, value: Field, fail: Fail): JsonObject | undefined {
  if (isMissing(value)) return undefined;
  if (!isObject(value)) throw fail(`${name} is ${kind(value)}, not an object`);
  return value;
}

export function list(name: string, value: Field, fail: Fail): readonly JsonValue[] | undefined {
  if (isMissing(value)) return undefined;
  if (!Array.isArray(value)) throw fail(`${name} is ${kind(value)}, not an array`);
  return value;
}

export function time(name: string, value: Field, fail: Fail): number | undefined {
  const text = string(name, value, fail);
  if (text === undefined) return undefined;
  const epochMs = parseTime(text);
  if (epochMs === undefined) throw fail(`${name} is not a time in ISO 8601, such as 2026-11-21T04:13:11.504807+00:00`);
  return epochMs;
}

export function signatures(name: string, value: Field, fail: Fail): readonly WireSignature[] {
  // Celery's workers take a single signature for a list of one (maybe_list).
  if (isObject(value)) return [signature(name, value, fail)];
  return (list(name, value, fail) ?? []).map((item, i) => signature(`${name}[${i}]`, item, fail));
}

/** Celery builds signatures from dicts with as little as a task's name; what is missing gets the values it would have there. */
export function signature(name: string, value: Field, fail: Fail): WireSignature {
  if (value === undefined) throw fail(`${name} is missing`);
  if (!isObject(value)) throw fail(`${name} is ${kind(value)}, not a signature`);
  const task = string(`${name}.task`, value.task, fail);
  if (task === undefined) throw fail(`${name} names no task`);
  if (!isTaskName(task)) throw fail(`${name}.task is not a name of ${TASK_NAME}`);
  const options = object(`${name}.options`, value.options, fail) ?? {};
  const id = string(`${name}.options.task_id`, options.task_id, fail);
  if (id !== undefined && !isTaskId(id))
    throw fail(`${name}.options.task_id is not a string of 1 to 255 printable ASCII characters`);
  // Where it leads nowhere, the callback is recorded as failed under that name.
  if (typeof options.queue === "string" && options.queue !== "" && !isTaskName(options.queue))
    throw fail(`${name}.options.queue is not a name of ${TASK_NAME}`);
  return {
    ...value, // what Celery may add to signatures travels on
    task,
    args: list(`${name}.args`, value.args, fail) ?? [],
    kwargs: object(`${name}.kwargs`, value.kwargs, fail) ?? {},
    options,
    subtask_type: string(`${name}.subtask_type`, value.subtask_type, fail) ?? null,
    immutable: flag(`${name}.immutable`, value.immutable, fail),
  };
}
