// What Lambda runs: the tasks of the app's Lambda workloads, and what becomes of dead letters.
import { createLambdaHandler } from "lovage/lambda";
import { app } from "../app.ts";
import "../tasks.ts";

export const handler = createLambdaHandler(app);
