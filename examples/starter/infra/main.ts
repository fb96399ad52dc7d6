// What is deployed: queues, dead-letter queues, the table and alarms, from the app's own definitions. `npm run deploy`.
import { App } from "aws-cdk-lib";
import { TaskApp } from "lovage/infra";
import { app } from "../app.ts";

new TaskApp(new App(), "Starter", { app });
