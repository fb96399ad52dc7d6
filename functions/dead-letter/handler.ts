// The function of the example's dead-letter queues. The handler is that of functions/worker, which takes both kinds of queue; it
// is a file of its own so that a deployment can give it a bundle, a role and a timeout of its own. The tasks are imported here
// too: their definitions say where the callbacks of what is recorded go.
import { createLambdaHandler } from "lovage/lambda";
import { app } from "../../examples/duckling/app.ts";

export * as tasks from "../../examples/duckling/tasks.ts";
export const handler = createLambdaHandler(app);
