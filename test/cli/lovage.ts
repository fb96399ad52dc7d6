// Runs the built command as a user would: a process of its own, with nothing of this one's environment that matters.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type LocalStack, type QueueSpec, startLocalStack } from "../../lib/local/stack.ts";

const DIST = fileURLToPath(new URL("../../dist", import.meta.url));
const MAIN = resolve(DIST, "lib/cli/main.js");
export const FIXTURES = fileURLToPath(new URL("../fixtures/cli", import.meta.url));

export interface Ended {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** @default "ignore" */
  readonly stdin?: "ignore" | "pipe";
  /** A file that stderr goes to. @default - it is read */
  readonly stderr?: string;
  /** An entry point, from dist/ or absolute, such as `functions/worker/main.js`. @default - the command */
  readonly entry?: string;
}

export class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly #ended: Promise<unknown[]>;

  constructor(args: readonly string[], { env = {}, cwd = FIXTURES, stdin = "ignore", stderr, entry }: RunOptions) {
    const errors = stderr === undefined ? "pipe" : openSync(stderr, "w");
    this.child = spawn(process.execPath, [entry === undefined ? MAIN : resolve(DIST, entry), ...args], {
      cwd,
      env: { ...bare(), ...env },
      stdio: [stdin, "pipe", errors],
    });
    if (errors !== "pipe") closeSync(errors); // the process has it now
    this.child.stdout?.on("data", (chunk) => (this.stdout += chunk));
    this.child.stderr?.on("data", (chunk) => (this.stderr += chunk));
    for (const emitter of [this.child, this.child.stdout, this.child.stderr]) emitter?.setMaxListeners(0); // said() adds some
    this.#ended = once(this.child, "close");
  }

  async ended(): Promise<Ended> {
    await this.#ended;
    return { code: this.child.exitCode ?? this.child.signalCode, stdout: this.stdout, stderr: this.stderr };
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves once it has printed `text`, `times` times. */
  async said(text: string, times = 1): Promise<void> {
    while (`${this.stdout}${this.stderr}`.split(text).length <= times) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`it ended (${this.child.exitCode}) before it said "${text}":\n${this.stdout}\n${this.stderr}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      for (const stream of [this.child.stdout, this.child.stderr]) stream?.once("data", () => resolve());
      this.child.once("exit", () => resolve());
      await promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.#ended;
  }
}

export function start(args: readonly string[], options: RunOptions = {}): Running {
  return new Running(args, options);
}

export async function lovage(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return start(args, options).ended();
}

export async function json<T = Record<string, unknown>>(args: readonly string[], options: RunOptions = {}): Promise<T> {
  const { code, stdout, stderr } = await lovage([...args, "--json"], options);
  if (stdout === "") throw new Error(`no output (exit code ${code}): ${stderr}`);
  return JSON.parse(stdout) as T; // the tests look at it
}

const WORKLOADS = ["default", "renders"];
export const QUEUES: readonly QueueSpec[] = WORKLOADS.map((workload) => ({
  name: `clitest-${workload}`,
  deadLetter: `clitest-${workload}-dead`,
  visibilitySeconds: 30,
  maxReceiveCount: 8,
}));

/** A stack with the fixture app's queues and table, and nobody else in it. */
export function cliStack(): Promise<LocalStack> {
  return startLocalStack({ queues: QUEUES, tables: ["clitest"] });
}

/** JSON log lines on stderr; other lines, such as the module's greeting, are left out. */
export function logLines(stderr: string): readonly Record<string, unknown>[] {
  return stderr
    .split("\n")
    .flatMap((line) => (line.startsWith('{"level"') ? [JSON.parse(line) as Record<string, unknown>] : []));
}

function bare(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(AWS_|ECS_|LOVAGE_|NODE_|VITEST|VITE|NO_COLOR|FORCE_COLOR)/.test(name),
  );
  return { ...Object.fromEntries(kept), AWS_EC2_METADATA_DISABLED: "true" };
}
