// Visibility timeouts, leases and heartbeats. Read by the worker and by the CDK constructs.
//
// A lease ends before the visibility timeout does, by the skew on both sides: when SQS delivers a message again, the lease is
// over by any worker's clock, and the takeover needs no second delivery.
import { CLOCK_SKEW_MS } from "../defaults.ts";

/** Shortest visibility timeout that leaves a lease: 5 s of lease, 10 s of skew. */
export const MIN_VISIBILITY_SECONDS = 5 + (2 * CLOCK_SKEW_MS) / 1_000;

/** Until when a claim, or a heartbeat, made now holds. */
export function leaseUntil(now: number, visibilitySeconds: number): number {
  return now + visibilitySeconds * 1_000 - 2 * CLOCK_SKEW_MS;
}

/** Milliseconds between heartbeats: three beats fit in a lease, so two may fail. */
export function heartbeatEveryMs(visibilitySeconds: number): number {
  return Math.floor((visibilitySeconds * 1_000 - 2 * CLOCK_SKEW_MS) / 3);
}

/** Longest a message refused by a live lease stays away: the bound on recovery where a duplicate and a crash meet. */
const MAX_REFUSED_SECONDS = 300;

/**
 * Seconds until a message refused by a live lease comes back: when the lease may be taken over, and twice as long with every
 * further receive. A duplicate of a long task must not use up its receives and end on the dead-letter queue; the holder's
 * own message is the one that brings a quick recovery.
 */
export function untilTakeover(leaseEnd: number, now: number, receiveCount: number): number {
  const rest = Math.max(1, Math.ceil((leaseEnd + CLOCK_SKEW_MS - now) / 1_000));
  return Math.max(rest, Math.min(MAX_REFUSED_SECONDS, rest * 2 ** Math.min(16, Math.max(0, receiveCount - 1))));
}

/**
 * Seconds before a task whose payload store is down runs again: 10, 20, 40 … 900. Its record says RETRY, so nothing is
 * held meanwhile, and the receives its queue allows last for half an hour.
 */
export function outageDelay(receiveCount: number): number {
  return Math.min(900, 10 * 2 ** Math.min(7, Math.max(0, receiveCount - 1)));
}

/** Seconds before a message handed back because of a hiccup is delivered again: 1, 2, 4 … 60. */
export function hiccupDelay(receiveCount: number): number {
  return Math.min(60, 2 ** Math.min(6, Math.max(0, receiveCount - 1)));
}
