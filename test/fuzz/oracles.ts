// What must hold whatever comes in. Each throws a Violation, which names what was broken.
import { LovageError } from "../../lib/errors.ts";

export class Violation extends Error {
  readonly oracle: string;

  constructor(oracle: string, message: string, options?: ErrorOptions) {
    super(`${oracle}: ${message}`, options);
    this.oracle = oracle;
  }
}

export function demand(condition: unknown, oracle: string, message: string): asserts condition {
  if (!condition) throw new Violation(oracle, message);
}

/** Only errors of Lovage's own may come out. Returns the one that did, or what came instead. */
export async function typed<T>(
  call: () => T | Promise<T>,
): Promise<{ readonly value: T } | { readonly error: LovageError }> {
  try {
    return { value: await call() };
  } catch (error) {
    if (error instanceof LovageError) return { error };
    const stack = error instanceof Error ? error.stack : String(error);
    throw new Violation("typed errors", `not one of ours came out: ${stack}`, { cause: error });
  }
}

const WATCHED = [Object, Array, Function, String, Number, Boolean, Promise, Map, Set, Error, RegExp, Date].map(
  ({ name, prototype }) => ({ name, prototype: prototype as object }),
);
const seen = ({ prototype }: (typeof WATCHED)[number]) =>
  Reflect.ownKeys(prototype).map((key) => [key, Object.getOwnPropertyDescriptor(prototype, key)?.value] as const);
const BEFORE = WATCHED.map(seen);

/** No built-in prototype has another member, or another value of one, than when this module was loaded. */
export function unpolluted(): void {
  for (const [i, watched] of WATCHED.entries()) {
    const before = BEFORE[i] ?? [];
    const now = Reflect.ownKeys(watched.prototype);
    const changed =
      now.length !== before.length ||
      before.some(([key, value]) => Object.getOwnPropertyDescriptor(watched.prototype, key)?.value !== value);
    if (!changed) continue;
    for (const key of now) if (!before.some(([known]) => known === key)) Reflect.deleteProperty(watched.prototype, key);
    throw new Violation(
      "prototypes",
      `${watched.name}.prototype was changed: it had ${before.length} members, it has ${now.length}`,
    );
  }
}

/** What a task's code or a caller is handed is plain JSON: no `__proto__` of its own, no prototype but the built-in ones. */
export function plain(value: unknown, path: string): void {
  const left: [unknown, string][] = [[value, path]];
  for (let next = left.pop(), looked = 0; next !== undefined && looked < 10_000; next = left.pop(), looked++) {
    const [one, at] = next;
    if (typeof one === "function" || typeof one === "symbol")
      throw new Violation("plain data", `${at} is a ${typeof one}`);
    if (typeof one !== "object" || one === null) continue;
    demand(!Object.hasOwn(one, "__proto__"), "plain data", `${at} has a key __proto__`);
    const prototype = Object.getPrototypeOf(one);
    const fits = Array.isArray(one)
      ? prototype === Array.prototype
      : prototype === Object.prototype || prototype === null;
    demand(fits, "plain data", `${at} has a prototype of its own`);
    for (const [key, inner] of Object.entries(one)) left.push([inner, `${at}.${key.slice(0, 40)}`]);
  }
}

// C0 without the line feed, DEL, C1, the separators that some readers take for line ends, and what reverses text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

const around = (text: string, at: number) => JSON.stringify(text.slice(Math.max(0, at - 60), at + 40));

/** Nothing in it moves a cursor or ends a line, but for line feeds. A tab is as good as a space. */
export function visible(text: string, where: string): void {
  const found = RAW.exec(text.replaceAll("\t", " "));
  if (found) throw new Violation("log injection", `${where} has a raw control character: ${around(text, found.index)}`);
}

/** One line, and JSON. Returns what it says. */
export function jsonLine(line: string | undefined, where: string): Readonly<Record<string, unknown>> {
  demand(line !== undefined, "log injection", `${where} is nothing`);
  visible(line, where);
  demand(
    !line.includes("\n"),
    "log injection",
    `${where} is more than one line: ${JSON.stringify(line.slice(0, 200))}`,
  );
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>; // an object, or whoever asks for a member notices
  } catch (error) {
    throw new Violation(
      "log injection",
      `${where} is no JSON: ${String(error)}: ${JSON.stringify(line.slice(0, 200))}`,
    );
  }
}
