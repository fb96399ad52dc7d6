// What is fuzzed: each surface that something from outside reaches.
export const TARGETS = [
  "decoder",
  "ids",
  "callbacks",
  "lambda",
  "dead-letter",
  "results",
  "redrive",
  "cli",
  "batch-file",
  "schemas",
  "logs",
  "emf",
  "process",
] as const;
export type TargetName = (typeof TARGETS)[number];

/** Its part of all inputs: what costs little gets more. */
export const SHARES: Readonly<Record<TargetName, number>> = {
  decoder: 40,
  ids: 14,
  callbacks: 3,
  lambda: 6,
  "dead-letter": 4,
  results: 8,
  redrive: 3,
  cli: 2,
  "batch-file": 4,
  schemas: 4,
  logs: 10,
  emf: 6,
  process: 0.02,
};

export function inputsOf(name: TargetName, all: number): number {
  const shares = Object.values(SHARES).reduce((sum, share) => sum + share, 0);
  return Math.ceil((all * SHARES[name]) / shares);
}

export const moduleOf = (name: string) => new URL(`./targets/${name}.ts`, import.meta.url).href;
