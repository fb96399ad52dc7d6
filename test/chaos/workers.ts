// Worker processes as an operator has them: `lovage worker`, started again whenever one ends. And what happens to them here.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../lib/clock.ts";
import type { FaultLine } from "./lines.ts";

const MAIN = fileURLToPath(new URL("../../dist/lib/cli/main.js", import.meta.url));
const APP = fileURLToPath(new URL("app.ts", import.meta.url));
const RESTART_MS = 300;
const TRIES = 50;

export interface WorkersOptions {
  readonly count: number;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  tell(line: FaultLine): void;
}

interface Slot {
  readonly number: number;
  child: ChildProcess;
  /** Somebody ended it: no wonder that it ends. */
  ending: boolean;
  paused: boolean;
}

export class Workers implements AsyncDisposable {
  readonly #options: WorkersOptions;
  readonly #slots: Slot[] = [];
  #closing = false;
  /** Ends that nobody asked for. */
  endedByThemselves = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    process.once("exit", this.#killAll);
    for (let number = 0; number < options.count; number++) {
      const slot: Slot = { number, child: this.#spawn(number), ending: false, paused: false };
      this.#slots.push(slot);
      this.#watch(slot);
    }
  }

  get pids(): readonly number[] {
    return this.#slots.flatMap(({ child }) => (running(child) ? [child.pid ?? 0] : []));
  }

  /** One that is neither paused nor ending, as soon as there is one. `at`: which, 0 to 1. */
  async #one(at: number, fits: (slot: Slot) => boolean = () => true): Promise<Slot | undefined> {
    for (let tried = 0; tried < TRIES && !this.#closing; tried++) {
      const free = this.#slots.filter((slot) => running(slot.child) && !slot.ending && !slot.paused && fits(slot));
      const one = free[Math.floor(at * free.length)];
      if (one !== undefined) return one;
      await systemClock.sleep(RESTART_MS);
    }
    return undefined;
  }

  /** SIGKILL. */
  kill(at: number): Promise<void> {
    return this.#end(at, "kill", "SIGKILL");
  }

  /** SIGTERM, as at a deployment: it drains, and its successor starts. */
  terminate(at: number): Promise<void> {
    return this.#end(at, "terminate", "SIGTERM");
  }

  async #end(at: number, fault: "kill" | "terminate", signal: NodeJS.Signals): Promise<void> {
    const slot = await this.#one(at);
    if (slot === undefined) return;
    this.#tell(slot, fault);
    slot.ending = true;
    slot.child.kill(signal);
  }

  /** SIGSTOP, and SIGCONT after `ms`. */
  async pause(at: number, ms: number): Promise<void> {
    const slot = await this.#one(at);
    if (slot === undefined) return;
    this.#tell(slot, "stop", systemClock.now() + ms);
    slot.paused = true;
    const { child } = slot;
    child.kill("SIGSTOP");
    await systemClock.sleep(ms);
    child.kill("SIGCONT");
    slot.paused = false;
  }

  /** SIGKILL to a process of a pool. */
  async killChild(at: number): Promise<void> {
    const slot = await this.#one(at, ({ child }) => childrenOf(child.pid ?? 0).length > 0);
    const victim = slot && childrenOf(slot.child.pid ?? 0)[0];
    if (slot === undefined || victim === undefined) return;
    this.#options.tell({ at: systemClock.now(), kind: "kill_child", pid: victim, note: `of worker ${slot.child.pid}` });
    try {
      process.kill(victim, "SIGKILL");
    } catch {} // it has just ended
  }

  /** All drain and end. */
  async stop(): Promise<void> {
    this.#closing = true;
    await Promise.all(
      this.#slots.map(async ({ child }) => {
        if (!running(child)) return;
        const exited = once(child, "exit");
        child.kill("SIGCONT");
        child.kill("SIGTERM");
        const cancel = systemClock.timer(30_000, () => child.kill("SIGKILL"));
        await exited;
        cancel();
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killAll();
    process.off("exit", this.#killAll);
  }

  readonly #killAll = () => {
    this.#closing = true;
    for (const { child } of this.#slots) child.kill("SIGKILL"); // a stopped process, too
  };

  #tell({ child }: Slot, kind: string, until?: number): void {
    this.#options.tell({ at: systemClock.now(), kind, pid: child.pid ?? 0, ...(until !== undefined && { until }) });
  }

  #spawn(number: number): ChildProcess {
    const { directory, environment } = this.#options;
    const output = openSync(join(directory, `worker-${number}.log`), "a");
    const args = ["worker", "--app", APP, "--no-screen", "--wait-seconds", "2", "--grace", "3s"];
    return spawn(process.execPath, [MAIN, ...args], {
      env: { ...environment },
      stdio: ["ignore", output, output, "ipc"],
    }); // with a channel: it ends with this process
  }

  #watch(slot: Slot): void {
    slot.child.once("exit", async (code, signal) => {
      if (this.#closing) return;
      if (!slot.ending) {
        this.endedByThemselves++;
        this.#options.tell({
          at: systemClock.now(),
          kind: "ended_by_itself",
          pid: slot.child.pid ?? 0,
          note: `${signal ?? code}`,
        });
      }
      await systemClock.sleep(RESTART_MS);
      if (this.#closing) return;
      slot.child = this.#spawn(slot.number);
      slot.ending = false;
      slot.paused = false;
      this.#watch(slot);
    });
  }
}

function running({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}

/** Linux only, like the emulator of DynamoDB. */
export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return []; // it has just ended
  }
}
