import * as changes from "./core/changes.ts";
import { TASK_DEFAULTS } from "./defaults.ts";
import type { ResultStore } from "./ports/result-store.ts";
import { isTerminal } from "./store/record.ts";

/**
 * - revoked: it had not started and never will
 * - requested: it runs; its worker is told at the next heartbeat, at the latest before a retry
 * - ended: it had ended already; nothing changed
 */
export type RevokeAnswer = "revoked" | "requested" | "ended";

/** Ends a task that nobody runs, or asks its worker to; of one that was replaced, the one in its place. Guarded writes only, so it races safely with workers and with itself. */
export async function revoke(
  store: ResultStore,
  id: string,
  how: "cooperate" | "terminate",
  now: number,
  reason = "revoked",
): Promise<RevokeAnswer> {
  const unstarted = changes.revokeUnstarted(
    id,
    now,
    { type: "TaskRevoked", message: reason },
    TASK_DEFAULTS.resultExpiresSeconds,
  );
  for (;;) {
    const first = await store.write(unstarted);
    if (first.applied) return "revoked";
    const { existing } = first;
    if (existing?.replacement !== undefined) return revoke(store, existing.replacement, how, now, reason);
    if (existing && isTerminal(existing.state)) return "ended";
    if ((await store.write(changes.requestRevoke(id, how))).applied) return "requested";
    // It started or went into RETRY between the two writes; every turn of this loop is a transition somebody else made.
  }
}
