import { MAX_JSON_DEPTH } from "../defaults.ts";
import { NotSerializable } from "../errors.ts";
import { printableJson } from "../printable.ts";
import type { JsonValue } from "./serializer.ts";

/**
 * Throws NotSerializable, with the path of the first offending value, for anything JSON would change, lose or refuse.
 * `path` names the value itself, such as `args`.
 *
 * What JSON does to these is taken as meant: a property that is `undefined` is left out (TypeScript's optional
 * properties), -0 becomes 0, keys that are symbols or not enumerable are left out.
 */
export function assertJson(value: unknown, path: string): asserts value is JsonValue {
  const finding = inspect(value, 0);
  if (finding === undefined) return;
  const keys = finding.keys.reverse();
  if (finding.problem === TOO_DEEP) {
    const cycle = findCycle(value, keys);
    if (cycle !== undefined) {
      throw new NotSerializable(
        path + show(keys.slice(0, cycle.end)),
        `is ${path}${show(keys.slice(0, cycle.start))} again, a cycle, which JSON cannot hold; pass an id instead`,
      );
    }
  }
  throw new NotSerializable(path + show(keys), finding.problem);
}

type Key = string | number;

/** What is wrong, and where: keys are collected from the inside out, so a good value costs no paths. */
interface Finding {
  readonly problem: string;
  readonly keys: Key[];
}

const ALLOWED = "allowed are null, booleans, finite numbers, strings, arrays and plain objects";
const TOO_DEEP = `is nested deeper than ${MAX_JSON_DEPTH} levels; flatten it, or store it elsewhere and pass its key`;

const found = (problem: string): Finding => ({ problem, keys: [] });

function inspect(value: unknown, level: number): Finding | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value)
        ? undefined
        : found(`is ${value}, which JSON turns into null; pass null or a string`);
    case "object":
      if (value === null) return undefined;
      if (level >= MAX_JSON_DEPTH) return found(TOO_DEEP);
      return Array.isArray(value) ? inspectArray(value, level) : inspectObject(value, level);
    case "undefined":
      return found(`is undefined, which JSON cannot hold; use null (${ALLOWED})`);
    case "bigint":
      return found(`is a BigInt, which JSON cannot hold; pass a string, such as value.toString() (${ALLOWED})`);
    case "symbol":
      return found(`is a symbol, which JSON cannot hold; pass a string, such as symbol.description (${ALLOWED})`);
    case "function":
      return found(`is a function, which JSON cannot hold; pass data, or the name of a task (${ALLOWED})`);
  }
}

function inspectArray(array: readonly unknown[], level: number): Finding | undefined {
  if (typeof (array as { toJSON?: unknown }).toJSON === "function") return found(describeInstance(array));
  for (let i = 0; i < array.length; i++) {
    const finding =
      array[i] === undefined && !(i in array)
        ? found("is a hole in a sparse array, which JSON turns into null; use null")
        : inspect(array[i], level + 1);
    if (finding !== undefined) {
      finding.keys.push(i);
      return finding;
    }
  }
  return undefined;
}

function inspectObject(object: object, level: number): Finding | undefined {
  if (!isPlain(object)) return found(describeInstance(object));
  const values = object as Readonly<Record<string, unknown>>; // only to read its own keys
  for (const key of Object.keys(values)) {
    const value = values[key];
    if (value === undefined) continue;
    const finding =
      key === "__proto__" ? found("is a key that would replace a prototype; rename it") : inspect(value, level + 1);
    if (finding !== undefined) {
      finding.keys.push(key);
      return finding;
    }
  }
  return undefined;
}

function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object);
  if (prototype === Object.prototype || prototype === null) return true;
  // A plain object of another realm (node:vm, some test runners): its prototype is that realm's Object.prototype.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

type Class = abstract new (...args: never) => object;

const BINARY = [
  "binary data",
  'pass Buffer.from(data).toString("base64"), or store it elsewhere and pass its key',
] as const;

const FIXES: readonly (readonly [of: Class, what: string, fix: string])[] = [
  [Date, "a Date", "pass date.toISOString()"],
  [Map, "a Map", "pass Object.fromEntries(map) or [...map]"],
  [Set, "a Set", "pass [...set]"],
  [Promise, "a Promise", "await it first"],
  [Error, "an Error", "pass error.message"],
  [URL, "a URL", "pass url.href"],
  [RegExp, "a RegExp", "pass regexp.source"],
  [ArrayBuffer, ...BINARY],
];

function describeInstance(object: object): string {
  const known = FIXES.find(([of]) => object instanceof of)?.slice(1);
  const [found, fix] = known ?? (ArrayBuffer.isView(object) ? BINARY : []);
  if (found !== undefined) return `is ${found}, which JSON does not keep; ${fix}`;
  const name: unknown = object.constructor?.name;
  const what = typeof name === "string" && name !== "" ? `an instance of ${name.slice(0, 80)}` : "a class instance";
  return `is ${what}, which JSON does not keep; pass an id or a plain object such as { ...value } (${ALLOWED})`;
}

/** Follows a path that was too deep; where it meets an object twice, `end` keys lead back to what `start` keys led to. */
function findCycle(root: unknown, keys: readonly Key[]): { start: number; end: number } | undefined {
  const seen = new Map<unknown, number>();
  let value = root;
  for (const [end, key] of keys.entries()) {
    const start = seen.get(value);
    if (start !== undefined) return { start, end };
    seen.set(value, end);
    value = (value as Readonly<Record<Key, unknown>>)[key]; // inspect() went this way before
  }
  return undefined;
}

function show(keys: readonly Key[]): string {
  return keys.map(showKey).join("");
}

function showKey(key: Key): string {
  if (typeof key === "number") return `[${key}]`;
  if (/^[\p{ID_Start}$_][\p{ID_Continue}$]{0,79}$/u.test(key)) return `.${key}`;
  return `[${printableJson(key.length > 80 ? `${key.slice(0, 80)}…` : key)}]`;
}
