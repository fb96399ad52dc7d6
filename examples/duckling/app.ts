// What exists: one app, two workloads. Each is a queue with its own dead-letter queue and its own workers.
import { createApp, onFargate, onLambda } from "lovage";

export const app = createApp("duckling", {
  include: ["./tasks.ts"],
  workloads: {
    // Waits for the network most of the time: batches of ten, on Lambda, or ten runs at once in one worker.
    default: onLambda({ memory: "512MB", timeout: "60s" }),
    // CPU-heavy: one job in hand for every core. What a killed worker held comes back within 15 s.
    renders: onFargate({ work: "cpu", cpu: 2, memory: "4GB", visibilityTimeout: "15s" }),
  },
});
