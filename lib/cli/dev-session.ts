// `lovage dev` after its start: read the app, make its queues and table, run a worker and functions, and again at every change.
import { isDeepStrictEqual } from "node:util";
import { systemClock } from "../clock.ts";
import type { LambdaHost } from "../local/lambda/host.ts";
import type { LocalStack } from "../local/stack.ts";
import { demandServable } from "../worker/served-workloads.ts";
import type { WorkerDescription } from "../worker/worker.ts";
import { readDefinition, startWorkerProcess, type WorkerProcess } from "./children.ts";
import type { Definition } from "./definition.ts";
import type { Watcher } from "./watch.ts";

export type DevEvent =
  | {
      readonly event: "ready";
      readonly definition: Definition;
      /** Absent where every workload is a Lambda function. */
      readonly worker?: WorkerDescription;
      /** Its tasks or workloads are not those of before. */
      readonly isNew: boolean;
      readonly ms: number;
    }
  | { readonly event: "changed"; readonly file: string }
  /** The code does not load, or the worker could not start: waiting for a change. */
  | { readonly event: "broken"; readonly cause: unknown }
  /** The worker ended by itself after it had started: it is started again. */
  | { readonly event: "died"; readonly how: string };

export interface DevSessionOptions {
  readonly module: string;
  readonly stack: LocalStack;
  readonly watcher: Watcher;
  /** Options of `lovage worker`. */
  readonly worker: readonly string[];
  /** Starts the functions of Lambda workloads, and their event source mappings. */
  readonly startFunctions: (definition: Definition) => Promise<LambdaHost | undefined>;
  readonly report: (event: DevEvent) => void;
}

const RESTART_MS = 1_000;

export class DevSession {
  readonly #options: DevSessionOptions;
  readonly #end = new AbortController();
  readonly #ended = Promise.withResolvers<"end">();
  #worker: WorkerProcess | undefined;
  #functions: LambdaHost | undefined;
  /** Functions of earlier code, which end what they have begun. */
  readonly #draining = new Set<LambdaHost>();
  #known: Definition | undefined;

  constructor(options: DevSessionOptions) {
    this.#options = options;
  }

  /** Resolves after `stop()`, when the worker has drained. */
  async run(): Promise<void> {
    const { watcher, report } = this.#options;
    let change = watcher.next();
    while (!this.#end.signal.aborted) {
      const why = await this.#generation(change);
      if (why === "change") {
        report({ event: "changed", file: await change });
        change = watcher.next();
      }
      await this.#stopWorker();
    }
    await Promise.all([...this.#draining].map((functions) => functions.stop()));
  }

  stop(): void {
    this.#end.abort();
    this.#ended.resolve("end");
    this.#worker?.stop();
    void this.#functions?.stop();
  }

  stopAtOnce(): void {
    this.stop();
    this.#worker?.stopAtOnce();
    this.#functions?.kill();
    for (const functions of this.#draining) functions.kill();
  }

  /** One worker's life: from a loaded app to a change, to its own end, or to the end of dev. */
  async #generation(change: Promise<string>): Promise<"change" | "died" | "end"> {
    const { report } = this.#options;
    const began = systemClock.monotonic();
    const interruption = Promise.race([change.then(() => "change" as const), this.#ended.promise]);
    let definition: Definition;
    try {
      definition = await this.#prepare(interruption);
    } catch (cause) {
      const overtaken = await Promise.race([interruption, "not yet" as const]);
      if (overtaken === "not yet") report({ event: "broken", cause });
      return interruption;
    }
    if (this.#end.signal.aborted) return "end";
    this.#functions = await this.#options.startFunctions(definition);
    const served = definition.workloads.filter(({ kind }) => kind !== "lambda").map(({ name }) => name);
    const worker = served.length === 0 ? undefined : this.#startWorker(served);
    const description = await Promise.race([worker?.ready, interruption]);
    if (description === "change" || description === "end") return description;
    if (worker !== undefined && description === undefined) {
      report({ event: "broken", cause: undefined }); // it has said why itself
      return interruption;
    }
    const ms = Math.round(systemClock.monotonic() - began);
    const isNew = !isDeepStrictEqual(definition, this.#known);
    this.#known = definition;
    report({ event: "ready", definition, ...(description && { worker: description }), isNew, ms });
    if (worker === undefined) return interruption;
    const why = await Promise.race([interruption, worker.exited]);
    if (why === "change" || why === "end") return why;
    report({ event: "died", how: why });
    return Promise.race([interruption, systemClock.sleep(RESTART_MS).then(() => "died" as const)]);
  }

  #startWorker(workloads: readonly string[]): WorkerProcess {
    const { module, stack, worker } = this.#options;
    const options = ["--app", module, "--workloads", workloads.join(","), ...worker];
    this.#worker = startWorkerProcess(options, stack.environment);
    return this.#worker;
  }

  /** A change while the code is being read makes what was read worthless. */
  async #prepare(interruption: Promise<unknown>): Promise<Definition> {
    const { module, stack } = this.#options;
    const stale = new AbortController();
    void interruption.then(() => stale.abort());
    const definition = await readDefinition(module, stack.environment, stale.signal);
    demandServable(definition, "worker");
    await stack.createQueues(
      definition.workloads.map(({ queue, deadLetter, visibilitySeconds, maxReceiveCount }) => ({
        name: queue,
        deadLetter,
        visibilitySeconds,
        maxReceiveCount,
      })),
    );
    await stack.createTables([definition.table]);
    if (definition.bucket !== undefined) await stack.createBuckets([definition.bucket]);
    return definition;
  }

  async #stopWorker(): Promise<void> {
    this.#worker?.stop();
    await this.#worker?.exited;
    this.#worker = undefined;
    const functions = this.#functions;
    this.#functions = undefined;
    if (functions === undefined) return;
    // New code need not wait for what the old code runs: it is in other processes.
    this.#draining.add(functions);
    void functions.stop().then(() => this.#draining.delete(functions));
  }
}
