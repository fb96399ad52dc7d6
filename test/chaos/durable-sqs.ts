// SQS in a process that can be killed: its messages are there again when it is back, on the same port.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LOOPBACK } from "../../lib/local/aws-request.ts";

const ENTRY = fileURLToPath(new URL("sqs-process.ts", import.meta.url));
/** A file system in memory, where there is one: every request is a transaction, and it is processes that are killed, not machines. */
const MEMORY = "/dev/shm";

export class DurableSqs implements AsyncDisposable {
  readonly #directory: string;
  #child: ChildProcess | undefined;
  #port = 0;

  private constructor() {
    this.#directory = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "lovage-chaos-sqs-"));
    process.once("exit", this.#remove);
  }

  static async start(): Promise<DurableSqs> {
    const sqs = new DurableSqs();
    await sqs.#start();
    return sqs;
  }

  get endpoint(): string {
    return `http://${LOOPBACK}:${this.#port}`;
  }

  /** SIGKILL, and up again. */
  async restart(): Promise<void> {
    await this.#kill();
    await this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kill();
    this.#remove();
    process.off("exit", this.#remove);
  }

  readonly #remove = () => {
    this.#child?.kill("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  };

  async #start(): Promise<void> {
    const child = fork(ENTRY, [String(this.#port), this.#directory], { execArgv: [] });
    this.#child = child;
    const up = once(child, "message");
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`SQS did not start: it ended with ${code}`);
    });
    const [{ port }] = await Promise.race([up, ended]);
    ended.catch(() => {}); // from now on it is killed on purpose
    this.#port = port;
  }

  async #kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
}
