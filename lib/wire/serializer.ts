// JSON, and nothing that JSON would change or lose. Everything that travels or rests passes through here.
import { MAX_JSON_DEPTH } from "../defaults.ts";

export { assertJson } from "./assert-json.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/**
 * Deepest nesting that is read. More than may be written: around the arguments there are the message, and signatures
 * inside signatures (a Celery chain of chords nests about ten levels per chord).
 */
export const MAX_PARSE_DEPTH = 8 * MAX_JSON_DEPTH;

/** JSON in ASCII only, so its `length` is its size in bytes, and no transport can garble it. */
export function toJson(value: JsonValue): string {
  return toAscii(JSON.stringify(value));
}

/** Reads JSON. Keys named `__proto__` are dropped. Throws SyntaxError, which says what is wrong. */
export function parseJson(text: string): JsonValue {
  if (text.length > MAX_PARSE_DEPTH && depth(text) > MAX_PARSE_DEPTH) {
    throw new SyntaxError(`nested deeper than ${MAX_PARSE_DEPTH} levels`);
  }
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const constant = foreignConstant(text);
    if (constant === undefined) throw new SyntaxError(`not JSON: ${unquoted(error as SyntaxError)}`); // JSON.parse throws nothing else
    throw new SyntaxError(
      `not JSON: it holds a bare ${constant}, which only Python writes; send null or a string instead`,
    );
  }
  if (MAY_NAME_PROTO.test(text)) inspectLevels(value);
  return value;
}

/**
 * Reads JSON that Lovage itself has written, from its table or under a digest it has noted. Somebody may have changed it, so it is read
 * with the same care, but nothing looks for what only other senders write: that would be a part of whatever reads a result. Keys
 * named `__proto__` are dropped. Throws SyntaxError.
 */
export function parseOwnJson(text: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`not JSON: ${unquoted(error as SyntaxError)}`); // JSON.parse throws nothing else
  }
  if (text.length > MAX_PARSE_DEPTH || MAY_NAME_PROTO.test(text)) inspectLevels(value);
  return value;
}

/** Level by level, so that no depth is too deep to be looked at. Drops `__proto__`; throws SyntaxError. */
function inspectLevels(value: JsonValue): void {
  let outer: readonly JsonValue[] = [[value]];
  for (let level = 0; outer.length > 0; level++) {
    const inner: JsonValue[] = [];
    for (const one of outer) {
      // An array may be the largest thing in memory, so it is not copied.
      for (const part of Array.isArray(one) ? one : Object.values(one as JsonObject)) {
        if (typeof part !== "object" || part === null) continue;
        // Fresh values of JSON.parse that nobody else has seen, so they may be changed.
        Reflect.deleteProperty(part, "__proto__");
        inner.push(part);
      }
    }
    if (level === MAX_PARSE_DEPTH && inner.length > 0)
      throw new SyntaxError(`nested deeper than ${MAX_PARSE_DEPTH} levels`);
    outer = inner;
  }
}

/** V8 says where a text ends too early or lacks something. Where something is no value it quotes the text, which may be secret. */
function unquoted({ message }: SyntaxError): string {
  return message.includes('"') ? "something in it is no value" : message;
}

const NON_ASCII = /[\u007f-\uffff]/;
const NON_ASCII_RUNS = /[\u007f-\uffff]+/g;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Escapes what is not ASCII in a JSON text (it can only be inside strings), and DEL, which XML transports dislike. */
export function toAscii(json: string): string {
  return NON_ASCII.test(json) ? json.replace(NON_ASCII_RUNS, escapeRun) : json;
}

function escapeRun(run: string): string {
  let escaped = "";
  for (let i = 0; i < run.length; i++) {
    const unit = run.charCodeAt(i);
    escaped += `\\u${HEX[unit >> 8]}${HEX[unit & 255]}`;
  }
  return escaped;
}

// JSON.parse makes `__proto__` an own key, which is harmless until somebody assigns it elsewhere. The text names one
// literally, or spells some of its letters (5f 70 72 6f 74) as \u00XX.
const MAY_NAME_PROTO = /__proto__|\\u00[567]/;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Index of the quote that ends the string begun at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === BACKSLASH) i++;
    else if (unit === QUOTE) break;
  }
  return i;
}

/** Deepest nesting of brackets outside strings, found in one pass before anything is built. */
function depth(text: string): number {
  let level = 0;
  let deepest = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) i = endOfString(text, i);
    // "[" and "{", "]" and "}" differ in one bit.
    else if ((unit | 0x20) === 0x7b) deepest = Math.max(deepest, ++level);
    else if ((unit | 0x20) === 0x7d) level--;
  }
  return deepest;
}

/** Python's json writes NaN and Infinity as they are; JSON has neither. */
function foreignConstant(text: string): string | undefined {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) === QUOTE) i = endOfString(text, i);
    else if (text.startsWith("NaN", i)) return "NaN";
    else if (text.startsWith("Infinity", i)) return "Infinity";
  }
  return undefined;
}
