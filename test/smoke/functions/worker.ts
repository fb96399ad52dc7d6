import { createLambdaHandler } from "lovage/lambda";
import { app } from "../app.ts";

export * as tasks from "../tasks.ts";
export const handler = createLambdaHandler(app);
