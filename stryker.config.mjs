// `npm run mutants`. What survives and may: docs/mutants.md.
export default {
  mutate: ["lib/core/**/*.ts", "lib/wire/**/*.ts", "lib/store/**/*.ts"],
  testRunner: "vitest",
  vitest: { configFile: "vitest.pure.config.ts" },
  tsconfigFile: "(none)", // rewriting it takes the compiler API of TypeScript, which TypeScript 7 does not have
  coverageAnalysis: "perTest",
  concurrency: 1, // two already slow each other down until mutants time out, and what times out counts as noticed
  timeoutMS: 20_000, // for the same reason
  dryRunTimeoutMinutes: 10,
  warnings: { slow: false }, // constants of modules are worth their time: names of headers, patterns, limits
  reporters: ["clear-text", "progress", "json"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: ".lovage/mutants.json" },
  tempDirName: ".lovage/stryker",
};
