// What only those who run tasks need of AWS. A sender's bundle has none of it: by themselves these modules are found in the installed
// package alone, as their paths are in variables, and who is bundled and runs tasks brings them along (worker/lambda.ts).
import { unbundled } from "../unbundled.ts";

const BATCHED_WRITES: string = "./batched-writes.ts";
const SQS_CONSUMING: string = "./sqs-consuming.ts";

const JOINS: string = "./dynamo-join-store.ts";

const WHY = "this bundle only sends tasks; have it run them with createLambdaHandler(), or use the installed package";

interface WorkerParts {
  /** Claims and endings that share requests. */
  batchedWrites(): Promise<typeof import("./batched-writes.ts")>;
  /** Receiving, and what becomes of what was received. */
  sqsConsuming(): Promise<typeof import("./sqs-consuming.ts")>;
  /** What workflows share: who sends them, and reads them, needs it, too (joins.ts). */
  joins(): Promise<typeof import("./dynamo-join-store.ts")>;
}

let parts: WorkerParts = {
  batchedWrites: () => unbundled(() => import(BATCHED_WRITES), WHY),
  sqsConsuming: () => unbundled(() => import(SQS_CONSUMING), WHY),
  joins: () => unbundled(() => import(JOINS), WHY),
};
let consuming: ReturnType<WorkerParts["sqsConsuming"]> | undefined;

/** Where they are in a bundle. */
export function bringWorkerParts(bundled: Partial<WorkerParts>): void {
  parts = { ...parts, ...bundled };
}

export const batchedWrites = () => parts.batchedWrites();
export const joinStore = () => parts.joins();

/** Asked for with every message, so it is looked up once. */
export function sqsConsuming(): ReturnType<WorkerParts["sqsConsuming"]> {
  consuming ??= parts.sqsConsuming();
  return consuming;
}
