// The user's project on disk, as far as a deployment needs it. Nothing here is deployed; what is missing is refused before that.
import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { InvalidOption } from "../../lib/errors.ts";

export interface Project {
  /** Directory of the lock file. */
  readonly root: string;
  readonly lockFile: string;
}

const LOCK_FILES = ["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"];

/** An entry module, absolute. A relative path is taken from the working directory, which the CDK sets to that of cdk.json. */
export function entryModule(option: string, path: string): string {
  const absolute = resolve(path);
  if (statSync(absolute, { throwIfNoEntry: false })?.isFile()) return absolute;
  throw new InvalidOption(
    `${option} is "${path}", but there is no file ${absolute}; it takes the module that exports handler = createLambdaHandler(app)`,
  );
}

/** The project that a module belongs to. Throws InvalidOption without a lock file, or without esbuild, which bundles its functions. */
export function projectOf(module: string): Project {
  const lockFile = lockFileAbove(dirname(module));
  if (lockFile === undefined)
    throw new InvalidOption(
      `no lock file (${LOCK_FILES.join(", ")}) lies in ${dirname(module)} or above it; run npm install in your project`,
    );
  const root = dirname(lockFile);
  try {
    createRequire(join(root, "package.json")).resolve("esbuild");
  } catch {
    throw new InvalidOption(
      `esbuild is not installed in ${root}, and the CDK would bundle in Docker; run npm install --save-dev esbuild`,
    );
  }
  return { root, lockFile };
}

function lockFileAbove(directory: string): string | undefined {
  const found = LOCK_FILES.map((name) => join(directory, name)).find((path) => existsSync(path));
  if (found !== undefined || dirname(directory) === directory) return found;
  return lockFileAbove(dirname(directory));
}
