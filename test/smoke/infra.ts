// Deploys the app of the smoke test, by hand: npx cdk deploy --all --app "node test/smoke/infra.ts". `cdk destroy` takes all of it.
import { App, RemovalPolicy } from "aws-cdk-lib";
import { TaskApp } from "lovage/infra";
import { app } from "./app.ts";
import "./tasks.ts"; // checked against their workloads

new TaskApp(new App(), "Smoke", {
  app,
  entry: "test/smoke/functions/worker.ts",
  removalPolicy: RemovalPolicy.DESTROY,
});
