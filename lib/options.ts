// Checks an options object against its rules: an unknown name is an error that asks "did you mean".
import { describe, seconds } from "./duration.ts";
import { InvalidOption } from "./errors.ts";

/** Turns a value into a setting, or throws InvalidOption. `name` is how messages call the option. */
export type Rule<T> = (value: unknown, name: string) => T;

type Settings<R extends Record<string, Rule<unknown>>> = { [K in keyof R]?: ReturnType<R[K]> };

/** Applies `rules` to what is given; undefined counts as not given. `owner` is who the options belong to, for messages. */
export function check<R extends Record<string, Rule<unknown>>>(owner: string, options: object, rules: R): Settings<R> {
  const settings: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) throw unknownOption(owner, name, Object.keys(rules));
    settings[name] = rule(value, `${name} of ${owner}`);
  }
  return settings as Settings<R>;
}

function unknownOption(owner: string, name: string, known: readonly string[]): InvalidOption {
  const near = closest(name, known);
  const hint = near === undefined ? `known options: ${known.join(", ")}` : `did you mean ${near}?`;
  return new InvalidOption(`unknown option ${describe(name)} of ${owner}; ${hint}`);
}

/** Nobody mistypes what is longer; comparing it takes as long as it is. */
const LONGEST_MISTYPED = 100;

/** The known name nearest to a mistyped one, if any is near. */
export function closest(name: string, known: readonly string[]): string | undefined {
  if (name.length > LONGEST_MISTYPED) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.round(name.length * 0.4)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase().replaceAll(/[_-]/g, ""), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

export const duration: Rule<number> = seconds;

export const positiveDuration: Rule<number> = (value, name) => {
  const given = seconds(value, name);
  if (given === 0) throw new InvalidOption(`${name} is 0; it takes more than 0 seconds`);
  return given;
};

export const flag: Rule<boolean> = (value, name) => {
  if (typeof value !== "boolean") throw new InvalidOption(`${name} is ${describe(value)}; it takes true or false`);
  return value;
};

export const text: Rule<string> = (value, name) => {
  if (typeof value !== "string" || value === "")
    throw new InvalidOption(`${name} is ${describe(value)}; it takes a string that is not empty`);
  return value;
};

export const callable: Rule<(...args: never[]) => unknown> = (value, name) => {
  if (typeof value !== "function") throw new InvalidOption(`${name} is ${describe(value)}; it takes a function`);
  return value as (...args: never[]) => unknown; // its parameters are the types' business
};

export function whole(min: number, max = Number.MAX_SAFE_INTEGER): Rule<number> {
  return (value, name) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
      throw new InvalidOption(`${name} is ${describe(value)}; it takes a whole number ${range}`);
    }
    return value;
  };
}

export function oneOf<T extends string>(...words: readonly T[]): Rule<T> {
  return (value, name) => {
    if (!words.includes(value as T))
      throw new InvalidOption(
        `${name} is ${describe(value)}; it takes ${words.map((word) => `"${word}"`).join(" or ")}`,
      );
    return value as T;
  };
}

/** Refuses an option by its name, with the reason. */
export function refused(reason: string): Rule<never> {
  return (_, name) => {
    throw new InvalidOption(`${name} is not supported: ${reason}`);
  };
}
