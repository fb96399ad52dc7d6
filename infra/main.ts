// The example deployment, for `npm run synth`. `cdk synth -c development=true` makes stacks that take everything with them
// when they are destroyed.
import { App, RemovalPolicy } from "aws-cdk-lib";
import { duckling } from "./app.ts";
import { TaskApp } from "./index.ts";

const cdk = new App();
const development = cdk.node.tryGetContext("development") === "true";

new TaskApp(cdk, "Duckling", {
  app: duckling,
  removalPolicy: development ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
});
