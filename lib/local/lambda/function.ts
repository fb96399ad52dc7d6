// A local Lambda function: as many sandboxes as invocations run at a time, kept warm in between.
import { type Clock, systemClock } from "../../clock.ts";
import { LOCAL_LAMBDA } from "../../defaults.ts";
import { type FunctionDefinition, type InvocationResult, Sandbox } from "./sandbox.ts";

export class LocalFunction implements AsyncDisposable {
  readonly #definition: FunctionDefinition;
  readonly #clock: Clock;
  readonly #warm: { readonly sandbox: Sandbox; readonly cancel: () => void }[] = [];
  readonly #busy = new Set<Promise<unknown>>();
  readonly #sandboxes = new Set<Sandbox>();
  #closed = false;

  constructor(definition: FunctionDefinition, clock: Clock = systemClock) {
    this.#definition = definition;
    this.#clock = clock;
  }

  /** Runs the function in a warm sandbox, or in a new one. Rejects where the function cannot be loaded. */
  async invoke(event: string): Promise<InvocationResult> {
    const running = this.#invoke(event);
    this.#busy.add(running);
    return running.finally(() => this.#busy.delete(running));
  }

  /** Ends the sandboxes, also those at work. */
  kill(): void {
    this.#closed = true;
    for (const sandbox of this.#sandboxes) void this.#end(sandbox);
  }

  /** Waits for what runs, then ends the sandboxes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#busy]);
    for (const { cancel } of this.#warm.splice(0)) cancel();
    await Promise.all([...this.#sandboxes].map((sandbox) => this.#end(sandbox)));
  }

  async #invoke(event: string): Promise<InvocationResult> {
    const sandbox = this.#takeWarm() ?? (await this.#start());
    const result = await sandbox.invoke(event);
    // Lambda keeps a sandbox after an error, and not one whose process has ended.
    if (result.kind === "response" || result.kind === "error") await this.#keep(sandbox);
    else await this.#end(sandbox);
    return result;
  }

  async #start(): Promise<Sandbox> {
    const sandbox = await Sandbox.start(this.#definition, this.#clock);
    this.#sandboxes.add(sandbox);
    return sandbox;
  }

  async #end(sandbox: Sandbox): Promise<void> {
    this.#sandboxes.delete(sandbox);
    await sandbox[Symbol.asyncDispose]();
  }

  #takeWarm(): Sandbox | undefined {
    for (let warm = this.#warm.pop(); warm !== undefined; warm = this.#warm.pop()) {
      warm.cancel();
      if (!warm.sandbox.dead) return warm.sandbox;
      void this.#end(warm.sandbox);
    }
    return undefined;
  }

  async #keep(sandbox: Sandbox): Promise<void> {
    if (this.#closed) return this.#end(sandbox);
    const cancel = this.#clock.timer(LOCAL_LAMBDA.idleSeconds * 1_000, () => {
      const at = this.#warm.findIndex((warm) => warm.sandbox === sandbox);
      if (at >= 0) this.#warm.splice(at, 1);
      void this.#end(sandbox);
    });
    this.#warm.push({ sandbox, cancel });
  }
}
