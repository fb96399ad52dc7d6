import type { ExecuteStatements } from "../../lib/aws/batch-writes.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Change } from "../../lib/core/changes.ts";
import type { Broker } from "../../lib/ports/broker.ts";
import type { Protocol } from "../../lib/worker/execution.ts";
import type { SqsBatchResponse } from "../../lib/worker/lambda.ts";

/** Takes one rule of the protocol away. */
export interface Mutant {
  readonly name: string;
  /** The seed from which on it is looked for, where few worlds have what it takes. @default 1 */
  readonly from?: number;
  readonly protocol?: Partial<Protocol>;
  /** Changes a write on its way to the store. */
  readonly change?: (change: Change) => Change;
  /** Changes a write in a batch, after it became a statement. */
  readonly statement?: (change: Change) => Change;
  /** Changes what the batching layer is told. */
  readonly execute?: (execute: ExecuteStatements) => ExecuteStatements;
  /** Changes what a process does to its queues. */
  readonly broker?: (broker: Broker, clock: Clock) => Broker;
  /** Changes what a function answers. */
  readonly response?: (response: SqsBatchResponse) => SqsBatchResponse;
}
