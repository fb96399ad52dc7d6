// This package: its version, and how a project that is made by it can install the same one.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { StartupFailed } from "../errors.ts";

export interface OwnPackage {
  /** Absolute path of its directory. */
  readonly directory: string;
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Throws StartupFailed where the installation is broken. */
export function ownPackage(): OwnPackage {
  // lib/ is in dist/ once it is built.
  for (const path of ["../..", "../../.."]) {
    const directory = fileURLToPath(new URL(path, import.meta.url));
    const file = join(directory, "package.json");
    if (!existsSync(file)) continue;
    const { name, version, devDependencies = {} } = JSON.parse(readFileSync(file, "utf8"));
    if (name === "lovage") return { directory: resolve(directory), version, devDependencies };
  }
  throw new StartupFailed("lovage cannot find its own package.json; install it again");
}

/**
 * What to write into the package.json of a project: the tarball or folder this command was installed from, the folder itself where it was not
 * installed at all, or else its version.
 */
export function installableAs({ directory, version }: OwnPackage, project: string): string {
  const modules = dirname(directory);
  const file = (path: string) => `file:${relative(project, path).replaceAll("\\", "/")}`;
  if (!modules.endsWith("node_modules")) return file(directory);
  try {
    const { packages } = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8"));
    const from: unknown = packages["node_modules/lovage"]?.resolved;
    if (typeof from === "string" && from.startsWith("file:"))
      return file(resolve(dirname(modules), from.slice("file:".length)));
  } catch {
    // another package manager than npm: the version will do
  }
  return version;
}
