// .lovage/dev.json: where the `lovage dev` of this directory is. Other verbs read it with --local, and never without.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { StartupFailed } from "../errors.ts";

export interface DevFile {
  readonly pid: number;
  /** Absolute path of the app's module. */
  readonly module: string;
  readonly sqs: string;
  readonly dynamodb: string;
  readonly environment: Readonly<Record<string, string>>;
}

const DIRECTORY = ".lovage";
const FILE = join(DIRECTORY, "dev.json");
/** The same address for `node --env-file`. */
const ENV_FILE = join(DIRECTORY, "dev.env");

/** The `lovage dev` that runs in this directory, if any. One that was killed leaves its file; its process tells. */
export function findDev(): DevFile | undefined {
  let found: DevFile;
  try {
    found = JSON.parse(readFileSync(FILE, "utf8"));
  } catch {
    return undefined;
  }
  return isAlive(found.pid) ? found : undefined;
}

/** Throws StartupFailed. */
export function requireDev(): DevFile {
  const found = findDev();
  if (found !== undefined) return found;
  throw new StartupFailed(`no "lovage dev" runs in ${process.cwd()}; start it there, or leave out --local`);
}

/** Throws StartupFailed where another one runs here. */
export function demandNoDev(): void {
  const other = findDev();
  if (other === undefined) return;
  throw new StartupFailed(
    `a "lovage dev" runs in this directory already, as process ${other.pid}; stop it first (if that is something else, delete ${resolve(FILE)})`,
  );
}

export function writeDev(dev: DevFile): void {
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(FILE, `${JSON.stringify(dev, undefined, 2)}\n`);
  const lines = Object.entries(dev.environment).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(ENV_FILE, lines.join(""));
}

export function removeDev(): void {
  rmSync(FILE, { force: true });
  rmSync(ENV_FILE, { force: true });
}

function isAlive(pid: unknown): boolean {
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // alive, somebody else's
  }
}
