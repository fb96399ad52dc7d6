// What a schema library says of a value, without the value. valibot and arktype quote what they refuse; the message becomes an
// error's, is recorded, and is logged wherever errors are: an argument may be a password.

/** Longer ones quote a lot, or say a lot: looking for every value in them could take a sender as long as they like. */
const LONGEST_MESSAGE = 2_000;
/** Of a string that stands without quotes: a shorter one is in every other word. */
const SHORTEST_BARE = 4;
const REMOVED = "…";
/** Each library has its own way to escape these; what stands between them it leaves as it is. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
const ESCAPED = /["'`\\\u0000-\u001f\u007f-\uffff]+/;

/** The message with "…" for every string and number of `value`, however deep. Names of properties stay: they are the schema's words. */
export function unquoted(message: string, value: unknown): string {
  if (message.length > LONGEST_MESSAGE)
    return `it does not fit; what its schema says of it is ${message.length} characters long, and may quote it`;
  const { strings, numbers } = partsOf(value);
  let text = message;
  // The longest first: another may be a part of it.
  for (const part of strings.filter(({ length }) => length <= message.length).sort((a, b) => b.length - a.length)) {
    for (const quoted of [JSON.stringify(part), `"${part}"`, `'${part}'`]) text = text.replaceAll(quoted, REMOVED);
    if (part.length >= SHORTEST_BARE) text = text.replaceAll(part, REMOVED);
  }
  for (const part of numbers) text = text.replaceAll(new RegExp(`(?<![\\w.])${part}(?![\\w.])`, "g"), REMOVED);
  return text;
}

/** Every string and number in a value, each once, as they are written. */
function partsOf(value: unknown): { readonly strings: readonly string[]; readonly numbers: readonly string[] } {
  const strings = new Set<string>();
  const numbers = new Set<string>();
  const seen = new Set<object>(); // a result may be anything, a cycle too
  const left: unknown[] = [value];
  while (left.length > 0) {
    const part = left.pop();
    if (typeof part === "string") for (const text of [part, ...part.split(ESCAPED)]) strings.add(text);
    else if (typeof part === "number" || typeof part === "bigint")
      numbers.add(String(part).replaceAll(/[.+]/g, "\\$&"));
    else if (typeof part === "object" && part !== null && !seen.has(part)) {
      seen.add(part);
      for (const inner of Object.values(part)) left.push(inner);
    }
  }
  strings.delete("");
  return { strings: [...strings], numbers: [...numbers] };
}
