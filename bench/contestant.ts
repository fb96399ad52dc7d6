// Two ways to the same end: `count` tasks sent to a queue, then each claimed, run, finished and acknowledged.

export const APP = "bench";
export const WORKLOAD = "default";
export const RAW_QUEUE = "bench-raw";

/** Batch requests under way at once while sending. */
export const SENDS_AT_ONCE = 8;
/** Messages in hand at most while consuming; one poll at a time. */
export const IN_HAND = 100;
export const WAIT_SECONDS = 1;
export const VISIBILITY_SECONDS = 30;
export const MAX_RECEIVE_COUNT = 8;

export interface Contestant extends AsyncDisposable {
  send(count: number): Promise<void>;
  /** Makes ready what is not measured, and returns what is. Throws where a task was lost or has no record. */
  consumer(count: number): Promise<Consumer>;
}

export interface Consumer {
  /** Until all tasks have ended and nothing is in hand. */
  run(): Promise<void>;
  /** Not measured: a poll may have to end first. */
  stop(): Promise<void>;
}
