// One execution environment of a function: a process of its own with the function's memory and timeout, that takes one
// invocation at a time. What Lambda does to it is done here: SIGKILL at the timeout and over the memory limit.
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { type Clock, systemClock } from "../../clock.ts";
import { LOCAL_LAMBDA } from "../../defaults.ts";
import { environmentWith } from "../../environment.ts";
import { StartupFailed } from "../../errors.ts";
import { type Answer, RuntimeApi } from "./runtime-api.ts";

/** How a function runs: what `onLambda()` says, and the program that is its runtime. */
export interface FunctionDefinition {
  readonly name: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** A module that speaks the Runtime API, and its arguments. */
  readonly runtime: readonly [string, ...(readonly string[])];
  readonly environment: Readonly<Record<string, string>>;
  /** A line the function printed. */
  readonly onLine: (line: string, stream: "stdout" | "stderr") => void;
}

/** How an invocation ended. All but "response" are errors of the function for whoever invoked it. */
export type InvocationResult =
  | Answer
  | { readonly kind: "timeout" }
  | { readonly kind: "out of memory"; readonly megabytes: number; readonly limitMb: number }
  | { readonly kind: "exit"; readonly how: string };

export class Sandbox implements AsyncDisposable {
  readonly #definition: FunctionDefinition;
  readonly #api: RuntimeApi;
  readonly #child: ChildProcess;
  readonly #gone: Promise<InvocationResult>;
  readonly #clock: Clock;
  #killedFor: InvocationResult | undefined;
  #dead = false;

  private constructor(definition: FunctionDefinition, api: RuntimeApi, clock: Clock) {
    const { name, memoryMb, environment, runtime } = definition;
    this.#definition = definition;
    this.#api = api;
    this.#clock = clock;
    this.#child = spawn(process.execPath, [`--max-old-space-size=${heapMb(memoryMb)}`, ...runtime], {
      env: environmentWith({
        ...environment,
        AWS_LAMBDA_RUNTIME_API: api.address,
        AWS_LAMBDA_FUNCTION_NAME: name,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      }),
      stdio: ["ignore", "pipe", "pipe", "ipc"], // the channel ends with this process, and the sandbox with the channel
      detached: true, // Ctrl-C is for dev
    });
    this.#gone = new Promise((resolve) => {
      const end = (how: string) => {
        this.#dead = true;
        resolve(this.#killedFor ?? { kind: "exit", how });
      };
      this.#child.once("exit", (code, signal) => end(signal ?? `exit code ${code}`));
      this.#child.once("error", (error) => end(error.message));
    });
    for (const stream of ["stdout", "stderr"] as const)
      lines(this.#child[stream], (line) => definition.onLine(line, stream));
    this.#watchMemory();
  }

  /** Starts the process. Rejects with StartupFailed where its runtime cannot load the function. */
  static async start(definition: FunctionDefinition, clock: Clock = systemClock): Promise<Sandbox> {
    const sandbox = await Sandbox.#spawn(definition, clock);
    const died = sandbox.#gone.then((result) =>
      Promise.reject(new StartupFailed(`the function's process ended: ${describe(result)}`)),
    );
    died.catch(() => {}); // it may also end later, which is no failure of the start
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = clock.timer(LOCAL_LAMBDA.initSeconds * 1_000, () =>
      reject(new StartupFailed(`the function was not initialized within ${LOCAL_LAMBDA.initSeconds} s`)),
    );
    try {
      await Promise.race([sandbox.#api.ready, died, late]);
      return sandbox;
    } catch (error) {
      await sandbox[Symbol.asyncDispose]();
      throw error;
    } finally {
      cancel();
    }
  }

  static async #spawn(definition: FunctionDefinition, clock: Clock): Promise<Sandbox> {
    const api = await RuntimeApi.start();
    try {
      return new Sandbox(definition, api, clock);
    } catch (cause) {
      await api[Symbol.asyncDispose]();
      throw new StartupFailed(`the function's process could not be started: ${String(cause)}`, { cause });
    }
  }

  get dead(): boolean {
    return this.#dead;
  }

  async invoke(event: string): Promise<InvocationResult> {
    const { name, timeoutSeconds } = this.#definition;
    const deadline = new Date(this.#clock.now() + timeoutSeconds * 1_000);
    const cancel = this.#clock.timer(timeoutSeconds * 1_000, () => this.#kill({ kind: "timeout" }));
    try {
      const functionArn = `arn:aws:lambda:local:000000000000:function:${name}`;
      return await Promise.race([this.#api.invoke({ event, deadline, functionArn }), this.#gone]);
    } finally {
      cancel();
    }
  }

  /** Ends the process, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill({ kind: "exit", how: "stopped" });
    await this.#gone;
    await this.#api[Symbol.asyncDispose]();
  }

  #kill(why: InvocationResult): void {
    if (this.#dead) return;
    this.#killedFor ??= why;
    this.#child.kill("SIGKILL");
  }

  /** Buffers are outside the heap: only the size of the process tells. Linux only; elsewhere the heap's limit is all there is. */
  #watchMemory(): void {
    const look = async () => {
      const megabytes = await residentMb(this.#child.pid);
      const limitMb = this.#definition.memoryMb;
      if (megabytes !== undefined && megabytes > limitMb) this.#kill({ kind: "out of memory", megabytes, limitMb });
      if (!this.#dead) this.#clock.timer(LOCAL_LAMBDA.memoryCheckMs, () => void look());
    };
    void look();
  }
}

export function describe(result: InvocationResult): string {
  switch (result.kind) {
    case "response":
      return "answered";
    case "error":
      return `${result.type}: ${result.message}`;
    case "timeout":
      return "timed out";
    case "out of memory":
      return `out of memory: used ${result.megabytes} MB of the ${result.limitMb} MB that it has (memory of onLambda())`;
    case "exit":
      return result.how;
    default:
      return result satisfies never;
  }
}

/** Lambda's Node runtimes leave a tenth for everything that is no JavaScript object. */
const heapMb = (memoryMb: number) => Math.floor(memoryMb * 0.9);

async function residentMb(pid: number | undefined): Promise<number | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1_024);
  } catch {
    return undefined; // no procfs, or it has just ended
  }
}

function lines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  let rest = "";
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    const all = `${rest}${chunk}`.split("\n");
    rest = all.pop() ?? "";
    for (const line of all) onLine(line);
  });
  stream?.on("end", () => rest !== "" && onLine(rest));
}
