// The Lambda side of an app on this machine: for each workload a function and its event source mapping, and another of each
// for its dead-letter queue.
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Broker } from "../../ports/broker.ts";
import { EventSourceMapping } from "./event-source-mapping.ts";
import { LocalFunction } from "./function.ts";

export interface LambdaWorkload {
  readonly name: string;
  readonly queue: string;
  readonly deadLetter: string;
  readonly visibilitySeconds: number;
  readonly batchSize: number;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  readonly maxConcurrency: number;
}

export interface LambdaHostOptions {
  /** The app's module. */
  readonly module: string;
  readonly workloads: readonly LambdaWorkload[];
  readonly broker: Broker;
  /** Of the functions' processes: where SQS and DynamoDB are, how to log. */
  readonly environment: Readonly<Record<string, string>>;
  /** A line a function printed. */
  readonly onLine: (line: string, stream: "stdout" | "stderr") => void;
  readonly onProblem: (problem: string) => void;
}

// Run as .ts from the repository, as .js from the package.
const RUNTIME = fileURLToPath(new URL(`./runtime${extname(import.meta.url)}`, import.meta.url));

export class LambdaHost {
  readonly #functions: LocalFunction[] = [];
  readonly #mappings: EventSourceMapping[] = [];
  readonly #ended: Promise<void>;

  constructor(options: LambdaHostOptions) {
    for (const workload of options.workloads) {
      this.#serve(workload.queue, workload, options);
      this.#serve(workload.deadLetter, workload, options);
    }
    this.#ended = Promise.all(this.#mappings.map((mapping) => mapping.run())).then(async () => {
      await Promise.all(this.#functions.map((one) => one[Symbol.asyncDispose]()));
    });
  }

  /** Receives no more, and resolves when what runs has ended: after the functions' timeout at the latest. */
  stop(): Promise<void> {
    for (const mapping of this.#mappings) mapping.stop();
    return this.#ended;
  }

  /** Ends everything now. What ran comes back when its visibility ends. */
  kill(): void {
    for (const mapping of this.#mappings) mapping.stop();
    for (const one of this.#functions) one.kill();
  }

  #serve(
    queue: string,
    workload: LambdaWorkload,
    { module, broker, environment, onLine, onProblem }: LambdaHostOptions,
  ): void {
    const { memoryMb, timeoutSeconds, batchSize, maxConcurrency, visibilitySeconds } = workload;
    const runtime = [RUNTIME, module] as const;
    const fn = new LocalFunction({ name: queue, memoryMb, timeoutSeconds, runtime, environment, onLine });
    this.#functions.push(fn);
    this.#mappings.push(
      new EventSourceMapping({
        queue,
        batchSize,
        maxConcurrency,
        visibilitySeconds,
        broker,
        invoke: (event) => fn.invoke(event),
        onProblem,
      }),
    );
  }
}
