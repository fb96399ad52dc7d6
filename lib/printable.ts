// Text from outside (task names, ids, errors, values), as a terminal or a log may show it. A control character must not move a
// cursor, forge a line, or show other text than is there.
//
// C0, DEL and C1 are what terminals obey; U+2028 and U+2029 end lines for some readers; U+202A–202E and U+2066–2069 reverse text.

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above, but for tabs and line feeds
const BUT_LINES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
/** JSON itself escapes what is below a space. */
const LEFT_BY_JSON = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const hex = (character: string, digits: number) => character.charCodeAt(0).toString(16).padStart(digits, "0");
const inJson = (character: string) => `\\u${hex(character, 4)}`;
const escaped = (character: string) => (character < "\u0100" ? `\\x${hex(character, 2)}` : inJson(character));

// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const ANY_CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** Whether it can be shown as it is, and stored as UTF-8: no control character, no half of one. */
export function isPrintable(text: string): boolean {
  return !ANY_CONTROL.test(text) && text.isWellFormed();
}

/** For several lines: line feeds and tabs stay. */
export function printable(text: string): string {
  return text.replace(BUT_LINES, escaped);
}

/** For one line, or a cell of a table. */
export function printableLine(text: string): string {
  return text.replace(CONTROL, escaped);
}

/** One line of JSON that a terminal may show: it says the same as JSON.stringify's. Undefined where JSON cannot hold the value. */
export function printableJson(value: unknown): string | undefined {
  return JSON.stringify(value)?.replace(LEFT_BY_JSON, inJson);
}
