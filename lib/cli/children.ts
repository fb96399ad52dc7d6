// The processes `lovage dev` starts: this command itself, with other verbs, so that nothing differs from running them by hand.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock.ts";
import { environmentWith } from "../environment.ts";
import { StartupFailed } from "../errors.ts";
import type { WorkerDescription } from "../worker/worker.ts";
import type { Definition } from "./definition.ts";
import type { ReadyMessage } from "./run-worker.ts";

// Run as .ts from the repository, as .js from the package.
const ENTRY = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url));
const AT_ONCE_MS = 3_000;

type Environment = Readonly<Record<string, string>>;

/** What the module defines, read in a process of its own: a module is imported once in a process, and dev outlives it. Throws its one cause. */
export async function readDefinition(
  module: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<Definition> {
  const child = spawn(process.execPath, [...process.execArgv, ENTRY, "tasks", "--json", "--app", module], {
    env: environmentWith(environment),
    stdio: ["ignore", "pipe", "pipe"],
    signal,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return JSON.parse(stdout) as Definition; // printed by tasks.ts
  throw causeIn(stderr, code);
}

function causeIn(stderr: string, code: number | null): StartupFailed {
  const line = stderr
    .trimEnd()
    .split("\n")
    .findLast((one) => one.startsWith('{"error":'));
  if (line === undefined)
    return new StartupFailed(
      `the app's module ended the process (${code ?? "killed"}): ${stderr.trim() || "it said nothing"}`,
    );
  return new StartupFailed((JSON.parse(line) as { error: { message: string } }).error.message); // printed by output.ts
}

export interface WorkerProcess {
  /** Resolves with its description once it polls, or undefined where it ended before. */
  readonly ready: Promise<WorkerDescription | undefined>;
  /** Resolves when it has ended. */
  readonly exited: Promise<string>;
  /** It drains. */
  stop(): void;
  /** It gives back what runs, and is killed if that takes long. */
  stopAtOnce(): void;
}

export function startWorkerProcess(options: readonly string[], environment: Environment): WorkerProcess {
  const child = spawn(process.execPath, [...process.execArgv, ENTRY, "worker", "--no-screen", ...options], {
    env: environmentWith(environment),
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    detached: true, // Ctrl-C reaches dev alone, which then tells the worker once
  });
  const ready = Promise.withResolvers<WorkerDescription | undefined>();
  const exited = Promise.withResolvers<string>();
  child.on("message", (message) => ready.resolve((message as ReadyMessage).ready));
  child.on("error", (error) => exited.resolve(error.message));
  child.on("exit", (code, signal) => exited.resolve(signal ?? `exit code ${code}`));
  void exited.promise.then(() => ready.resolve(undefined));
  return {
    ready: ready.promise,
    exited: exited.promise,
    // The end of the channel, not a signal: it is also what a worker sees when dev is killed, and it exists on Windows.
    stop: () => {
      if (child.connected) child.disconnect();
    },
    stopAtOnce: () => {
      end(child, "SIGTERM");
      systemClock.timer(AT_ONCE_MS, () => end(child, "SIGKILL"));
    },
  };
}

function end(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
}
