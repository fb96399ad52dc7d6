// The example deployment, for `npm run synth`. `cdk synth -c development=true` makes stacks that take everything with them
// when they are destroyed.
import { App, RemovalPolicy } from "aws-cdk-lib";
import { app } from "../examples/duckling/app.ts";
import "../examples/duckling/tasks.ts"; // checked against their workloads
import { TaskApp } from "./index.ts";

const cdk = new App();
const development = cdk.node.tryGetContext("development") === "true";

new TaskApp(cdk, "Duckling", {
  app,
  entry: "functions/worker/handler.ts",
  deadLetterEntry: "functions/dead-letter/handler.ts",
  dockerfile: "functions/worker/Dockerfile",
  ...(development && { removalPolicy: RemovalPolicy.DESTROY }),
});
