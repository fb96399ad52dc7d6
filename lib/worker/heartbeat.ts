// Keeps one message and one claim alive while its task runs: visibility and lease together, on the worker's main thread.
import type { Clock } from "../clock.ts";
import type { Claim } from "../core/changes.ts";
import * as changes from "../core/changes.ts";
import { heartbeatEveryMs, leaseUntil } from "../core/visibility.ts";
import type { Logger } from "../log.ts";
import type { Broker, Delivery } from "../ports/broker.ts";
import type { ResultStore } from "../ports/result-store.ts";

export interface HeartbeatListener {
  /** Another execution has the claim, or the task has ended: this one's writes will be refused. */
  claimLost(): void;
  revokeRequested(how: "cooperate" | "terminate"): void;
  /** Visibility and lease have been renewed, as far as they could be. */
  beat?(): void;
}

export interface Heartbeat {
  /** Beats no more; resolves when a beat under way has ended. Nothing touches the message's visibility afterwards. */
  stop(): Promise<void>;
}

export interface HeartbeatDeps {
  readonly broker: Broker;
  readonly store: ResultStore;
  readonly clock: Clock;
  readonly log: Logger;
}

/** `claim` is undefined where none is held (untracked, unclaimed): then only the visibility is renewed. */
export function startHeartbeat(
  delivery: Delivery,
  claim: Claim | undefined,
  visibilitySeconds: number,
  listener: HeartbeatListener,
  { broker, store, clock, log }: HeartbeatDeps,
): Heartbeat {
  let stopped = false;
  let receiptIsStale = false;
  let beating: Promise<void> = Promise.resolve();
  let cancel = schedule();

  function schedule(): () => void {
    return clock.timer(heartbeatEveryMs(visibilitySeconds), () => {
      beating = beat().finally(() => {
        if (!stopped) cancel = schedule();
      });
    });
  }

  async function beat(): Promise<void> {
    const until = leaseUntil(clock.now(), visibilitySeconds);
    // Either may fail without the other: a stale receipt keeps the lease, an unreachable table keeps the message.
    const [visibility, lease] = await Promise.allSettled([
      receiptIsStale ? "stale" : broker.changeVisibility(delivery, visibilitySeconds),
      claim && store.write(changes.heartbeat(claim, until)),
    ]);
    if (visibility.status === "rejected")
      log.warn({ error: String(visibility.reason) }, "heartbeat could not extend the visibility");
    else if (visibility.value === "stale") receiptIsStale = true;
    if (lease.status === "rejected") log.warn({ error: String(lease.reason) }, "heartbeat could not extend the lease");
    listener.beat?.();
    if (lease.status === "fulfilled" && lease.value && !stopped) {
      if (!lease.value.applied) listener.claimLost();
      else if (lease.value.record.revokeRequested) listener.revokeRequested(lease.value.record.revokeRequested);
    }
  }

  return {
    stop: async () => {
      stopped = true;
      cancel();
      await beating;
    },
  };
}
