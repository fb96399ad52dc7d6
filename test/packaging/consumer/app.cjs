// The same app from CommonJS: require() of an ES module.
const { createApp, onFargate } = require("lovage");

const app = createApp("packed", { workloads: { default: onFargate({ work: "io" }) } });

exports.app = app;
exports.add = app.task("add", (x, y) => x + y);
