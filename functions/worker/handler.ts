// What a Lambda function of the example deployment starts: the handler of its queues. A project of its own has such a file too,
// with its own app, and exports every module that defines tasks: a bundle has no other way to find them, and keeps what is exported.
import { createLambdaHandler } from "lovage/lambda";
import { app } from "../../examples/duckling/app.ts";

export * as tasks from "../../examples/duckling/tasks.ts";
export const handler = createLambdaHandler(app);
