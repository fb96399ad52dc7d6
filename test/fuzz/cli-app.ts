// The app that `--app` names while command lines are fuzzed. Its back ends are in memory, in this very process.
import { World } from "./world.ts";

export const world = new World();
export const app = world.app;
