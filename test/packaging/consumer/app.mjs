// An app as users write it.
import { createApp, onFargate } from "lovage";

export const app = createApp("packed", { workloads: { default: onFargate({ work: "io" }) } });

export const add = app.task("add", (x, y) => x + y);
