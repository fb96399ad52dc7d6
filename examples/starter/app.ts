// What exists: one app and its workloads. Each workload is a queue with its own dead-letter queue and its own workers.
import { createApp, onFargate, onLambda } from "lovage";

export const app = createApp("starter", {
  include: ["./tasks.ts"],
  workloads: {
    default: onLambda({ memory: "512MB", timeout: "60s" }), // waits for others most of the time: ten tasks in one invocation
    renders: onFargate({ work: "cpu", cpu: 1, memory: "2GB" }), // CPU-heavy: containers, a process for each run
  },
});
