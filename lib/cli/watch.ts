// Watches the code below some directories. One watcher for each directory: Node's own recursive watch would walk into
// node_modules, and could not be told not to.
import { type FSWatcher, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../clock.ts";

const CODE = /\.[cm]?[jt]sx?$/;
const IGNORED = new Set(["node_modules", "dist", "cdk.out", "coverage"]);
/** An editor's save is several events, a checkout is hundreds. */
const SETTLE_MS = 200;

export interface Watcher {
  /** Resolves with the file that changed, once it has been quiet for 200 ms; also for a change since the last call. */
  next(): Promise<string>;
  close(): void;
}

export function watchCode(roots: readonly string[]): Watcher {
  const watchers = new Map<string, FSWatcher>();
  let pending: string | undefined;
  let cancel = () => {};
  let changed = Promise.withResolvers<string>();

  const touched = (path: string) => {
    pending = path;
    cancel();
    cancel = systemClock.timer(SETTLE_MS, () => {
      if (pending !== undefined) changed.resolve(pending);
    });
  };
  const forget = (directory: string) => {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  };
  const add = (directory: string, isNew: boolean) => {
    if (watchers.has(directory)) return;
    const entries = list(directory);
    if (entries === undefined) return;
    try {
      const watcher = watch(directory, (_event, name) => onEvent(directory, name));
      watcher.on("error", () => forget(directory)); // it was removed
      watchers.set(directory, watcher);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return;
    }
    for (const { name, isDirectory } of entries) {
      if (isDirectory) add(join(directory, name), isNew);
      else if (isNew && CODE.test(name)) touched(join(directory, name));
    }
  };
  const onEvent = (directory: string, name: string | null) => {
    if (name === null || isIgnored(name)) return;
    const path = join(directory, name);
    if (CODE.test(name)) touched(path);
    else if (list(path) !== undefined) add(path, true);
    else forget(path);
  };

  for (const root of roots) add(root, false);
  return {
    next: async () => {
      const path = await changed.promise;
      changed = Promise.withResolvers();
      pending = undefined;
      return path;
    },
    close: () => {
      cancel();
      for (const directory of [...watchers.keys()]) forget(directory);
    },
  };
}

function isIgnored(name: string): boolean {
  return name.startsWith(".") || IGNORED.has(name);
}

/** Undefined where it is no directory that can be read. */
function list(directory: string): readonly { name: string; isDirectory: boolean }[] | undefined {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter(({ name }) => !isIgnored(name))
      .map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  } catch {
    return undefined;
  }
}
