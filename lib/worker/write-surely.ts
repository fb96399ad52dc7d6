import type { Clock } from "../clock.ts";
import type { Change } from "../core/changes.ts";
import { StoreUnavailable } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { ResultStore, WriteAnswer } from "../ports/result-store.ts";

/** Tries of a write whose answer decides about the run's outcome, with pauses of 0.2, 0.4, 0.8 … s between them. */
const WRITE_TRIES = 5;

export interface WriteDeps {
  readonly store: Pick<ResultStore, "write">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Writes until an answer comes, for a while: a lost answer leaves a claim, or an ending, that nobody knows of. */
export async function writeSurely(change: Change, { store, clock, log }: WriteDeps): Promise<WriteAnswer> {
  for (let tried = 1; ; tried++) {
    try {
      return await store.write(change);
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || tried === WRITE_TRIES) throw error;
      log.warn({ error: error.message, tried }, `could not write "${change.kind}", trying again`);
      await clock.sleep(100 * 2 ** tried);
    }
  }
}
