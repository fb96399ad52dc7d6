// Workers as they run in production: processes of their own, started by the command line, known by their pid.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { directory } from "./store.ts";

const CLI = fileURLToPath(new URL("../../dist/lib/cli/main.js", import.meta.url));
const APP = fileURLToPath(new URL("./app.ts", import.meta.url));

export class WorkerProcess {
  readonly workload: string;
  readonly pid: number;
  readonly log: string;
  /** On purpose. */
  killed = false;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(workload: string, child: ChildProcess, log: string) {
    if (child.pid === undefined) throw new Error(`a worker could not be started; see ${log}`);
    this.workload = workload;
    this.pid = child.pid;
    this.log = log;
    this.#child = child;
    this.#exited = once(child, "exit");
  }

  static start(workload: string, name: string): WorkerProcess {
    const logs = join(directory(), "logs");
    mkdirSync(logs, { recursive: true });
    const log = join(logs, `${name}.log`);
    const file = openSync(log, "a");
    // A worker's end waits for its long poll and for what it runs: not for long, in a demonstration.
    const child = spawn(
      process.execPath,
      [CLI, "worker", "--app", APP, "--workloads", workload, "--wait-seconds", "1", "--grace", "10s"],
      {
        stdio: ["ignore", file, file, "ipc"], // over the channel it learns that the conductor has died, and ends too
        detached: true, // Ctrl-C reaches the conductor alone, which ends the workers in order
      },
    );
    closeSync(file);
    return new WorkerProcess(workload, child, log);
  }

  /** How it ended, or undefined while it runs. */
  get exit(): string | number | undefined {
    return this.#child.signalCode ?? this.#child.exitCode ?? undefined;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.exit === undefined) process.kill(-this.pid, signal); // with the processes its CPU-heavy tasks run in
  }

  async kill(): Promise<void> {
    this.killed = true;
    this.signal("SIGKILL");
    if (this.exit === undefined) await this.#exited;
  }

  /** Lets it finish what it has in hand. Killed where that takes longer than `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.signal("SIGTERM");
    const killer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    if (this.exit === undefined) await this.#exited;
    clearTimeout(killer);
  }
}

/** All of them, so that none is left behind. */
export class Workers implements AsyncDisposable {
  readonly #processes: WorkerProcess[] = [];

  start(workload: string): WorkerProcess {
    const worker = WorkerProcess.start(workload, `${workload}-${this.#processes.length + 1}`);
    this.#processes.push(worker);
    return worker;
  }

  /** Throws where one has ended by itself. */
  check(): void {
    const dead = this.#processes.find(({ exit, killed }) => exit !== undefined && !killed);
    if (dead) throw endedBadly(dead);
  }

  /** Lets all of them finish and end. Throws where one does not end well. */
  async drain(): Promise<void> {
    await this.#stop(15_000);
    const failed = this.#processes.find(({ exit, killed }) => exit !== 0 && !killed);
    if (failed) throw endedBadly(failed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop(2_000);
  }

  async #stop(graceMs: number): Promise<void> {
    await Promise.all(this.#processes.map((worker) => worker.stop(graceMs)));
  }
}

function endedBadly({ pid, workload, exit, log }: WorkerProcess): Error {
  const lastLines = readFileSync(log, "utf8").trimEnd().split("\n").slice(-8).join("\n    ");
  return new Error(`worker ${pid} (${workload}) ended with ${exit}; its log ${log} ends so:\n    ${lastLines}`);
}
