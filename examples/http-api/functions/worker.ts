// What Lambda runs of the queues: the tasks of `default`, and what becomes of dead letters.
import { createLambdaHandler } from "lovage/lambda";
import { app } from "../app.ts";

export * as tasks from "../tasks.ts";
export const handler = createLambdaHandler(app);
