// What is deployed: queues, dead-letter queues, their workers, the table and alarms, from the app's own definitions. `npm run deploy`.
import { App } from "aws-cdk-lib";
import { TaskApp } from "lovage/infra";
import { app } from "../app.ts";
import "../tasks.ts"; // checked against their workloads

new TaskApp(new App(), "Starter", { app, entry: "functions/worker.ts" });
