// The example app as its deployment sees it: a name and its workloads, nothing that runs. A real app exports what
// `createApp` returns, which has the same two fields.
import { onFargate, onLambda } from "../lib/workload.ts";
import type { AppDefinition } from "./constructs/task-app.ts";

export const duckling: AppDefinition = {
  name: "duckling",
  workloads: {
    default: onLambda({ memory: "512MB", timeout: "60s" }),
    renders: onFargate({ cpu: 1, memory: "4GB", maxWorkers: 20 }), // CPU-heavy: one job in hand
  },
};
