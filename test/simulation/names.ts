export const APP = "sim";
export const QUEUE = "sim-default";
export const DEAD = "sim-default-dead";
/** Messages that may stand before one. */
export const MAX_HOPS = 2;
