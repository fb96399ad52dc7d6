// What a schema library says of a value, without the value. valibot and arktype quote what they refuse; the message becomes an
// error's, is recorded, and is logged wherever errors are: an argument may be a password.

/** Longer ones quote a lot, or say a lot: looking for every value in them could take a sender as long as they like. */
const LONGEST_MESSAGE = 2_000;
/** So is a value of more strings, numbers, lists and objects: each is looked for in each message. */
const MOST_PARTS = 20_000;
/** Of a string that stands without quotes: a shorter one is in every other word. */
const SHORTEST_BARE = 4;
const REMOVED = "…";
/** Each library has its own way to escape these; what stands between them it leaves as it is. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
const ESCAPED = /["'`\\\u0000-\u001f\u007f-\uffff]+/;

/** A part of a value, in every way that a message may have it. */
interface Part {
  readonly text: string;
  readonly json: string;
}

interface Parts {
  /** The longest first: another may be a part of it. */
  readonly strings: readonly Part[];
  readonly numbers: readonly string[];
}

/** The message with "…" for every string and number of `value`, however deep. Names of properties stay: they are the schema's words. */
export function unquoted(message: string, value: unknown): string {
  return unquoter(value)(message);
}

/** `unquoted` for several messages about one value, which is looked through once. */
export function unquoter(value: unknown): (message: string) => string {
  const parts = partsOf(value);
  return (message) => {
    if (message.length > LONGEST_MESSAGE)
      return `it does not fit; what its schema says of it is ${message.length} characters long, and may quote it`;
    if (parts === undefined) return "it does not fit; it is too large to look for it in what its schema says";
    return without(message, parts);
  };
}

function without(message: string, { strings, numbers }: Parts): string {
  let text = message;
  for (const part of strings) {
    for (const quoted of [part.json, `"${part.text}"`, `'${part.text}'`])
      if (text.includes(quoted)) text = text.replaceAll(quoted, REMOVED);
    if (part.text.length >= SHORTEST_BARE && text.includes(part.text)) text = text.replaceAll(part.text, REMOVED);
  }
  for (const part of numbers)
    if (text.includes(part))
      text = text.replaceAll(new RegExp(`(?<![\\w.])${part.replaceAll(/[.+]/g, "\\$&")}(?![\\w.])`, "g"), REMOVED);
  return text;
}

/** Every string and number in a value, each once, as they are written. Undefined where there are too many. */
function partsOf(value: unknown): Parts | undefined {
  const strings = new Set<string>();
  const numbers = new Set<string>();
  const seen = new Set<object>(); // a result may be anything, a cycle too
  const left: unknown[] = [value];
  while (left.length > 0) {
    const part = left.pop();
    if (typeof part === "string") for (const text of [part, ...part.split(ESCAPED)]) strings.add(text);
    else if (typeof part === "number" || typeof part === "bigint") numbers.add(String(part));
    else if (typeof part === "object" && part !== null && !seen.has(part)) {
      seen.add(part);
      for (const inner of Object.values(part)) left.push(inner);
    }
    if (strings.size + numbers.size + left.length > MOST_PARTS) return undefined;
  }
  strings.delete("");
  const mayBeQuoted = [...strings].filter(({ length }) => length <= LONGEST_MESSAGE);
  return {
    strings: mayBeQuoted.sort((a, b) => b.length - a.length).map((text) => ({ text, json: JSON.stringify(text) })),
    numbers: [...numbers],
  };
}
