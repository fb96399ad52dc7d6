// What the operators in Celery's tests mean: Python's.
import type { JsonValue } from "../../lib/wire/serializer.ts";

/** `x + y`: of numbers, strings or lists. */
export function joined(x: JsonValue, y: JsonValue): JsonValue {
  if (typeof x === "number" && typeof y === "number") return x + y;
  if (typeof x === "string" && typeof y === "string") return x + y;
  if (isList(x) && isList(y)) return [...x, ...y];
  throw new TypeError(`unsupported operand types for +: ${JSON.stringify(x)} and ${JSON.stringify(y)}`);
}

/** `sum(nums)`, and of the lists among them. */
export function total(nums: JsonValue): number {
  return listed(nums).reduce<number>((sum, one) => sum + (isList(one) ? total(one) : numbered(one)), 0);
}

export function listed(value: JsonValue): readonly JsonValue[] {
  if (!isList(value)) throw new TypeError(`${JSON.stringify(value)} is not a list`);
  return value;
}

function numbered(value: JsonValue): number {
  if (typeof value !== "number") throw new TypeError(`${JSON.stringify(value)} is not a number`);
  return value;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
