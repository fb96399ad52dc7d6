// What the types of a long chain cost the compiler: counted, not timed.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** A third of what all of a program with one task needs is more than a chain may take. Measured: 2,210 for 20 steps. */
const MOST = 5_000;

test("a chain of 20 steps is cheap to check", async () => {
  const [without, with20] = await Promise.all([instantiations("no-chain.ts"), instantiations("chain-of-20.ts")]);
  expect(with20 - without).toBeGreaterThan(100); // they are what the compiler counts
  expect(with20 - without).toBeLessThan(MOST);
}, 120_000);

async function instantiations(file: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "lovage-types-"));
  try {
    const project = join(folder, "tsconfig.json");
    const compilerOptions = { typeRoots: [join(root, "node_modules/@types")] };
    const files = [join(root, "test/fixtures/types", file)];
    await writeFile(
      project,
      JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: [], files }),
    );
    const tsc = join(root, "node_modules/.bin/tsc");
    const { stdout } = await promisify(execFile)(tsc, ["-p", project, "--extendedDiagnostics"]);
    return Number(/^Instantiations:\s+(\d+)/m.exec(stdout)?.[1]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
