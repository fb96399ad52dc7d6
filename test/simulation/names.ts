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
 * Invariant 5: so long after the last fault everything that was accepted has ended. The longest chain of pauses there is: a poison
 * task, which ends whoever runs it, whose message was copied while there were faults: at most four rounds of deliveries (row 30), in
 * each of which a live lease keeps the copies away for 5 minutes at most at a time. Seen: 2 h 2 min, in 100,000 worlds.
 */
export const BOUND_MS = 3 * HOUR;

/**
 * Visibility timeout of the containers' queue. Not whole: decisions give messages back for whole seconds, so whoever sets this
 * is a heartbeat.
 */
export const VISIBILITY = 30.5;
export const isBeat = (seconds: number): boolean => seconds === VISIBILITY;
