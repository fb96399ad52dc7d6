// An app as data: what `lovage tasks --json` prints, and what `lovage dev` makes queues from.
import type { App } from "../app.ts";
import type { ErrorMatcher } from "../settings.ts";
import { deadLetterQueueName, queueName, tableName } from "../store/table.ts";

export interface Definition {
  readonly app: string;
  readonly table: string;
  /** Of large arguments and results; absent where the app has no `payloads`. */
  readonly bucket?: string;
  readonly workloads: readonly {
    readonly name: string;
    readonly kind: "lambda" | "fargate";
    readonly work: "io" | "cpu";
    readonly queue: string;
    readonly deadLetter: string;
    readonly visibilitySeconds: number;
    readonly maxReceiveCount: number;
    readonly batchSize: number;
    readonly memoryMb: number;
    /** No task has to name it. */
    readonly byCall: boolean;
    /** Of a Lambda workload. */
    readonly lambda?: { readonly timeoutSeconds: number; readonly maxConcurrency: number };
  }[];
  readonly tasks: readonly TaskDefinition[];
}

export interface TaskDefinition {
  readonly name: string;
  readonly workload: string;
  /** null: without end. */
  readonly maxRetries: number | null;
  readonly autoRetryFor: readonly string[];
  readonly dontAutoRetryFor: readonly string[];
  readonly retryBackoff: number | false;
  readonly retryBackoffMax: number;
  readonly retryJitter: boolean;
  readonly defaultRetryDelay: number;
  readonly timeLimit: number;
  readonly softTimeLimit: number;
  readonly resultExpires: number;
  readonly ignoreResult: boolean;
  readonly claim: boolean;
  readonly bind: boolean;
}

const nameOf = (matcher: ErrorMatcher) => (typeof matcher === "string" ? matcher : matcher.name);

export function definitionOf(app: App): Definition {
  return {
    app: app.name,
    table: tableName(app.name),
    ...(app.payloads && { bucket: app.payloads.bucket }),
    workloads: Object.entries(app.workloads).map(([name, workload]) => ({
      name,
      kind: workload.kind,
      work: workload.work,
      queue: queueName(app.name, name),
      deadLetter: deadLetterQueueName(app.name, name),
      visibilitySeconds: workload.visibilitySeconds,
      maxReceiveCount: workload.maxReceiveCount,
      batchSize: workload.batchSize,
      memoryMb: workload.memoryMb,
      byCall: workload.byCall,
      ...(workload.lambda && { lambda: workload.lambda }),
    })),
    tasks: [...app.tasks.values()].map(({ settings }) => ({
      name: settings.name,
      workload: settings.workload,
      maxRetries: settings.maxRetries,
      autoRetryFor: settings.autoRetryFor.map(nameOf),
      dontAutoRetryFor: settings.dontAutoRetryFor.map(nameOf),
      retryBackoff: settings.retryBackoff,
      retryBackoffMax: settings.retryBackoffMax,
      retryJitter: settings.retryJitter,
      defaultRetryDelay: settings.defaultRetryDelay,
      timeLimit: settings.timeLimit,
      softTimeLimit: settings.softTimeLimit,
      resultExpires: settings.resultExpires,
      ignoreResult: settings.ignoreResult,
      claim: settings.claim,
      bind: settings.bind,
    })),
  };
}
