// What exists: one app and its workloads. Each workload is a queue with its own dead-letter queue and its own workers.
import { createApp, onFargate } from "lovage";

export const app = createApp("starter", {
  include: ["./tasks.ts"],
  workloads: {
    default: onFargate({ work: "io" }), // waits for others most of the time: ten runs at once in one worker
    renders: onFargate({ work: "cpu", cpu: 1, memory: "2GB" }), // CPU-heavy: a process for each run
  },
});
