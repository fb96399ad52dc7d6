export const APP = "sim";
export const QUEUE = "sim-default";
export const DEAD = "sim-default-dead";
