// JSON.parse changes whole numbers beyond 2^53 without a word; what is sent must be what was written.

type Parsed = { readonly value: unknown } | { readonly problem: string; readonly inexact: boolean };

/** `inexact` where it is JSON, and holds a number that JavaScript would change. */
export function parseExact(text: string): Parsed {
  const inexact: string[] = [];
  const look = (_key: string, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source ?? "";
    if (typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)) inexact.push(source);
    return value;
  };
  let value: unknown;
  try {
    value = /\d{16}/.test(text) ? JSON.parse(text, look) : JSON.parse(text);
  } catch (error) {
    return { problem: `it is not JSON: ${error instanceof Error ? error.message : String(error)}`, inexact: false };
  }
  if (inexact.length === 0) return { value };
  const problem = `${inexact[0]} is beyond the whole numbers JavaScript holds exactly; send it as a string: "${inexact[0]}"`;
  return { problem, inexact: true };
}
