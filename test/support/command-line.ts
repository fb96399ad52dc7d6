// The options of the commands that look for a violation (`npm run model`, `simulate`, `chaos`, `load`, `fuzz`). Exit codes: 0 nothing was found, 1 something
// was, 2 nothing was looked for, because of how it was called.
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

export interface CommandLine<T extends ParseArgsOptionsConfig> {
  readonly values: ReturnType<typeof parseArgs<{ options: T }>>["values"];
  /** Says why and how it is called, and exits with 2. */
  refuse(why: string): never;
  /** The option as a whole number from 1 on, `otherwise` where it is not given. Refuses anything else. */
  count(name: keyof T & string, otherwise: number): number;
}

/** Reads the arguments of this process. `usage` is what `--help` prints. */
export function commandLine<const T extends ParseArgsOptionsConfig>(usage: string, options: T): CommandLine<T> {
  if (process.argv.includes("--help")) {
    console.log(usage);
    process.exit(0);
  }
  const refuse = (why: string): never => {
    console.error(`${why}\n\n${usage}`);
    process.exit(2);
  };
  const values = parsed(options, refuse);
  return {
    values,
    refuse,
    count: (name, otherwise) => {
      const given: unknown = values[name as keyof typeof values]; // one of the options
      if (given === undefined) return otherwise;
      const value = /^\d+$/.test(String(given)) ? Number(given) : 0;
      if (!Number.isSafeInteger(value) || value < 1)
        refuse(`--${name} is ${JSON.stringify(given)}; it takes a whole number from 1 on`);
      return value;
    },
  };
}

function parsed<const T extends ParseArgsOptionsConfig>(options: T, refuse: (why: string) => never) {
  try {
    return parseArgs<{ options: T }>({ options }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** The one of that name; refuses any other with those that there are. */
export function named<T extends { readonly name: string }>(
  all: readonly T[],
  name: string,
  what: string,
  refuse: (why: string) => never,
): T {
  const names = all.map((one) => `  ${one.name}`).join("\n");
  return all.find((one) => one.name === name) ?? refuse(`there is no ${what} "${name}"; there are:\n${names}`);
}
