// Deep equality of JSON, with the matchers of test frameworks: `expect.any(String)` of vitest and jest, `match` of sinon.

interface Matcher {
  readonly asymmetricMatch?: (value: unknown) => boolean;
  readonly test?: (value: unknown) => boolean;
}

/** `expected` may hold matchers, and properties that are undefined count as absent: JSON has none. */
export function isEqual(expected: unknown, actual: unknown): boolean {
  if (typeof expected !== "object" || expected === null) return Object.is(expected, actual);
  const matches = matcherOf(expected);
  if (matches !== undefined) return matches(actual);
  if (typeof actual !== "object" || actual === null || Array.isArray(actual) !== Array.isArray(expected)) return false;
  if (expected instanceof Date) return actual instanceof Date && expected.getTime() === actual.getTime();
  const [here, there] = [present(expected), present(actual)];
  return (
    here.size === there.size && [...here].every(([key, value]) => there.has(key) && isEqual(value, there.get(key)))
  );
}

function matcherOf(expected: Matcher): ((value: unknown) => boolean) | undefined {
  if (typeof expected.asymmetricMatch === "function") return (value) => expected.asymmetricMatch?.(value) === true;
  const isSinonMatcher = typeof expected.test === "function" && !Array.isArray(expected);
  return isSinonMatcher ? (value) => expected.test?.(value) === true : undefined;
}

function present(value: object): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(value).filter(([, one]) => one !== undefined));
}
