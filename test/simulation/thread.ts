// One of the threads of `npm run simulate`: runs the seeds it is told, and answers with what came of them.
import { parentPort } from "node:worker_threads";
import { mutantNamed } from "./mutants.ts";
import { runSeeds } from "./seeds.ts";

/** A part of the work. */
export interface Portion {
  readonly from: number;
  readonly seeds: number;
  readonly batched: boolean;
  readonly canvas: boolean;
  readonly mutant: string | undefined;
}

parentPort?.on("message", ({ mutant, ...portion }: Portion) => {
  void runSeeds({ ...portion, mutant: mutant === undefined ? undefined : mutantNamed(mutant) }).then((summary) =>
    parentPort?.postMessage(summary),
  );
});
