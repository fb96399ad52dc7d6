import { test } from "vitest";

/** A known gap of an adapter, by the title of the test that shows it. */
export interface Skip {
  readonly test: string;
  readonly reason: string;
}

/** `test`, but for the named skips. `complete` fails where a skip names no test: it has outlived its gap. */
export function suiteOf(skips: readonly Skip[]) {
  const titles = new Set<string>();
  return {
    it: (title: string, body: () => Promise<void>) => {
      titles.add(title);
      const skip = skips.find((known) => known.test === title);
      test.skipIf(skip !== undefined)(skip ? `${title} (${skip.reason})` : title, body);
    },
    complete: () => {
      for (const skip of skips) if (!titles.has(skip.test)) throw new Error(`no test is called "${skip.test}"`);
    },
  };
}
