// What Lambda runs: the tasks of the app's Lambda workloads, and what becomes of dead letters. Every module that defines tasks is
// exported here: a bundler keeps what is exported, and may leave out what is only imported.
import { createLambdaHandler } from "lovage/lambda";
import { app } from "../app.ts";

export * as tasks from "../tasks.ts";
export const handler = createLambdaHandler(app);
