// When a failed task runs again. Pure: jitter is drawn by the caller and handed in.

export interface RetryPolicy {
  /** Retries after the first run. `null`: without end. */
  readonly maxRetries: number | null;
  /** Seconds before a retry where there is no backoff. */
  readonly defaultRetryDelay: number;
  /** Factor of the exponential backoff in seconds, or false. */
  readonly retryBackoff: number | false;
  /** Longest backoff in seconds. */
  readonly retryBackoffMax: number;
  /** Full jitter: anywhere from 0 to the backoff. */
  readonly retryJitter: boolean;
}

/** Whether attempt `attempt` may be followed by another. */
export function mayRetry(maxRetries: number | null, attempt: number): boolean {
  return maxRetries === null || attempt < maxRetries;
}

/** Seconds before the run after attempt `attempt`, before jitter: `min(max, factor * 2^attempt)` (celery/utils/time.py). */
export function backoff(factor: number, max: number, attempt: number): number {
  return Math.min(max, factor * 2 ** Math.min(attempt, 64));
}

/** Seconds before the run after attempt `attempt`. `random` is uniform in [0, 1). */
export function retryDelay(policy: RetryPolicy, attempt: number, random: number): number {
  if (policy.retryBackoff === false) return policy.defaultRetryDelay;
  const seconds = backoff(policy.retryBackoff, policy.retryBackoffMax, attempt);
  return policy.retryJitter ? seconds * random : seconds;
}
