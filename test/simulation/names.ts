export const APP = "sim";
/** Worked off by containers. */
export const QUEUE = "sim-default";
export const DEAD = "sim-default-dead";
/** Worked off by Lambda functions. */
export const FUNCTIONS = "sim-functions";
export const FUNCTIONS_DEAD = "sim-functions-dead";
export const QUEUES = [QUEUE, DEAD, FUNCTIONS, FUNCTIONS_DEAD] as const;
/** Messages that may stand before one. */
export const MAX_HOPS = 2;

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Faults happen for so long, then nothing does. */
export const FAULTS_MS = 6 * MINUTE;
/**
 * Invariant 5: so long after the last fault everything that was accepted has ended. The longest chain of pauses there is: three
 * retries 1,000 s apart, and between two of them a message that its live lease keeps away (5 minutes at most), or whose payload
 * store was down (15 minutes at most).
 */
export const BOUND_MS = 2 * HOUR;

/**
 * Visibility timeout of the containers' queue. Not whole: decisions give messages back for whole seconds, so whoever sets this
 * is a heartbeat.
 */
export const VISIBILITY = 30.5;
export const isBeat = (seconds: number): boolean => seconds === VISIBILITY;
