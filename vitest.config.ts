import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^lovage$/, replacement: file("./lib/index.ts") },
      { find: /^lovage\/lambda$/, replacement: file("./lib/worker/lambda.ts") },
      { find: /^lovage\/infra$/, replacement: file("./infra/index.ts") },
      { find: /^lovage\/testing$/, replacement: file("./lib/testing/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: "forks",
    maxWorkers: "100%", // of the cores: most tests wait for a process or a socket
    typecheck: { enabled: true, include: ["test/types/**/*.test-d.ts"] },
  },
});
