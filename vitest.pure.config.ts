// The pure layers alone, by their own tests: what `npm run coverage` measures, and what `npm run mutants` changes to see
// whether a test notices. No processes, no emulators: a few seconds.
import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["test/unit/{core,wire,store}-*.test.ts", "test/conformance/memory.test.ts"],
    typecheck: { enabled: false },
    coverage: {
      include: ["lib/core/**", "lib/wire/**", "lib/store/**"],
      reporter: ["text"],
      thresholds: { branches: 100, functions: 100, lines: 100, statements: 100 },
    },
  },
});
