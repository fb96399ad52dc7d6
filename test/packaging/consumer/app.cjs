// The same app from CommonJS: require() of an ES module.
const { createApp, onFargate } = require("lovage");
const { MemoryBroker, MemoryResultStore } = require("lovage/testing");

const app = createApp("packed", {
  workloads: { default: onFargate({ work: "io" }) },
  connect: async (_, clock) => ({
    broker: new MemoryBroker(clock, [{ name: "packed-default" }]),
    store: new MemoryResultStore({ clock }),
    where: async () => ({ broker: "memory", store: "memory" }),
  }),
});

exports.app = app;
exports.add = app.task("add", (x, y) => x + y);
