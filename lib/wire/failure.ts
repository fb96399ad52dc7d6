// An error as data, and back. Whatever a task throws becomes a Failure: this code must not throw, whatever it is given.
import { inspect, types } from "node:util";
import { FAILURE_LIMITS } from "../defaults.ts";
import type { Failure } from "../store/record.ts";

/** Type of a failure whose cause was no Error: a string, a plain object, null. */
export const NON_ERROR = "NonError";

const MAX_NAME_LENGTH = 255;

/** What a task threw, within FAILURE_LIMITS. */
export function toFailure(error: unknown): Failure {
  return failureOf(error, FAILURE_LIMITS.causes, new Set());
}

function failureOf(error: unknown, causes: number, seen: Set<unknown>): Failure {
  seen.add(error);
  if (!isError(error)) return { type: NON_ERROR, message: cap(`thrown, but not an Error: ${preview(error)}`) };
  const stack = read(error, "stack");
  const code = read(error, "code");
  const inner = innerErrors(error);
  const cause = read(error, "cause") ?? inner[0];
  const goesOn = cause !== undefined && causes > 0 && !seen.has(cause);
  return {
    type: typeName(error),
    message: messageOf(error, inner),
    ...(typeof stack === "string" && stack !== "" ? { stack: capStack(stack) } : {}),
    ...(typeof code === "string" && code !== "" ? { code: clean(code, MAX_NAME_LENGTH) } : {}),
    ...(typeof code === "number" && Number.isFinite(code) ? { code } : {}),
    ...(goesOn ? { cause: failureOf(cause, causes - 1, seen) } : {}),
  };
}

/** Node's own view of what an error is, and `instanceof`, which a Proxy may answer by throwing. */
function isError(value: unknown): value is object {
  return types.isNativeError(value) || attempt(() => value instanceof Error) === true;
}

/** A property of an object whose getters, or Proxy, may throw: then it has none. */
function read(target: object, key: string): unknown {
  return attempt(() => (target as Readonly<Record<string, unknown>>)[key] ?? undefined);
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

const BUILT_IN = { Error, TypeError, RangeError, SyntaxError, EvalError, ReferenceError, URIError } as const;
const isBuiltIn = (name: string): name is keyof typeof BUILT_IN => Object.hasOwn(BUILT_IN, name);

/** Its name, unless that is only inherited from a built-in class: then its own class's. */
function typeName(error: object): string {
  const name = read(error, "name");
  const named = typeof name === "string" && name !== "";
  if (named && (!isBuiltIn(name) || attempt(() => Object.hasOwn(error, "name")) === true))
    return clean(name, MAX_NAME_LENGTH);
  const className = attempt(() => error.constructor.name);
  if (typeof className === "string" && className !== "") return clean(className, MAX_NAME_LENGTH);
  return named ? clean(name, MAX_NAME_LENGTH) : "Error";
}

/** Errors inside an AggregateError, or inside whatever else has a list of `errors`. */
function innerErrors(error: object): readonly object[] {
  const errors = read(error, "errors");
  return attempt(() => (Array.isArray(errors) ? errors.filter(isError).slice(0, FAILURE_LIMITS.causes) : [])) ?? [];
}

function messageOf(error: object, inner: readonly object[]): string {
  const raw = read(error, "message");
  const message = typeof raw === "string" ? raw : raw === undefined ? "" : preview(raw);
  const names = inner.map((one) => `${typeName(one)}: ${messageOf(one, [])}`);
  if (names.length === 0) return cap(message);
  return cap(`${message}${message === "" ? "" : " "}(${names.join("; ")})`);
}

/** Short text for any value, without running its getters, its toString or the traps of a Proxy. */
function preview(value: unknown): string {
  const options = { depth: 2, customInspect: false, maxArrayLength: 20, maxStringLength: 1_000, breakLength: Infinity };
  return attempt(() => inspect(value, options)) ?? `a value of type ${typeof value}`;
}

const cap = (text: string) => clean(text, FAILURE_LIMITS.message);

/** At most `limit` UTF-16 units, without half a character: DynamoDB stores UTF-8. */
function clean(text: string, limit: number): string {
  if (text.length <= limit) return text.toWellFormed();
  return `${text.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, "")}…`.toWellFormed();
}

/** A stack begins with the message: a long one must not push the frames out. */
function capStack(stack: string): string {
  if (stack.length <= FAILURE_LIMITS.stack) return stack.toWellFormed();
  const frames = stack.indexOf("\n    at ");
  if (frames < FAILURE_LIMITS.message) return clean(stack, FAILURE_LIMITS.stack);
  return clean(cap(stack.slice(0, frames)) + stack.slice(frames), FAILURE_LIMITS.stack);
}

/** A Failure as an Error again: of its built-in class where it had one, else an Error of that name. */
export function toError(failure: Failure): Error {
  const { type, message, stack, code, cause } = failure;
  const options = cause === undefined ? undefined : { cause: toError(cause) };
  const error = isBuiltIn(type) ? new BUILT_IN[type](message, options) : new Error(message, options);
  if (error.name !== type) define(error, "name", type, false);
  // Where it was revived says nothing: without a stack of its own it shows none.
  define(error, "stack", stack ?? `${type}: ${message}`, false);
  if (code !== undefined) define(error, "code", code, true);
  return error;
}

function define(error: Error, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
}
