// An app as its deployment sees it: a name and its workloads, one of each kind.

import type { AppDefinition } from "../../infra/index.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";

export const duckling: AppDefinition = {
  name: "duckling",
  workloads: {
    default: onLambda({ memory: "512MB", timeout: "60s" }),
    renders: onFargate({ cpu: 1, memory: "4GB", maxWorkers: 20 }), // CPU-heavy: one job in hand
  },
};
