// What exists: one app, and two workloads. Writing a postcard is quick work for a function; franking one keeps a core busy.
import { createApp, onFargate, onLambda } from "lovage";

export const app = createApp("postcards", {
  include: ["./tasks.ts"],
  workloads: {
    default: onLambda({ memory: "512MB", timeout: "30s" }),
    franking: onFargate({ work: "cpu", cpu: 1, memory: "2GB" }),
  },
});
