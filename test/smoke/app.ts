// The app that `npm run smoke` looks at unless it is told another: small, and with tasks that do what emulators cannot show.
import { createApp, onLambda } from "lovage";

/** Names of buckets are the whole world's: without one of yours payloads are not looked at. */
const bucket = process.env.SMOKE_BUCKET;

export const app = createApp("lovage-smoke", {
  include: ["./tasks.ts"],
  workloads: {
    default: onLambda({ memory: "256MB", timeout: "30s" }),
    // One task in an invocation, two at a time; what kills its process is dead after five receives of 30 s.
    fragile: onLambda({ memory: "256MB", timeout: "5s", work: "cpu", maxReceiveCount: 5, maxConcurrency: 2 }),
  },
  ...(bucket && { payloads: { bucket } }),
});
