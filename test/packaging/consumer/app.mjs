// An app in memory: nothing of AWS, nothing of the emulators.
import { createApp, onFargate } from "lovage";
import { MemoryBroker, MemoryResultStore } from "lovage/testing";

export const app = createApp("packed", {
  workloads: { default: onFargate({ work: "io" }) },
  connect: async (_, clock) => ({
    broker: new MemoryBroker(clock, [{ name: "packed-default" }]),
    store: new MemoryResultStore({ clock }),
    where: async () => ({ broker: "memory", store: "memory" }),
  }),
});

export const add = app.task("add", (x, y) => x + y);
