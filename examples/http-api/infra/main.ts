// What is deployed: the app with its workers, and an HTTP API whose functions may call tasks, or read results, and nothing more.
import { App, CfnOutput, Duration, Stack } from "aws-cdk-lib";
import { HttpApi, HttpMethod } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Platform } from "aws-cdk-lib/aws-ecr-assets";
import { ContainerImage } from "aws-cdk-lib/aws-ecs";
import { Architecture, Runtime } from "aws-cdk-lib/aws-lambda";
import { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import { TaskApp } from "lovage/infra";
import { app } from "../app.ts";
import "../tasks.ts"; // checked against their workloads

const cdk = new App();
const tasks = new TaskApp(cdk, "Postcards", {
  app,
  entry: "functions/worker.ts",
  image: ContainerImage.fromAsset(".", { platform: Platform.LINUX_ARM64 }), // the Dockerfile beside cdk.json
});

const api = new Stack(cdk, "postcards-api", { description: "HTTP API of postcards" });
const functionOf = (name: "send" | "result") =>
  new NodejsFunction(api, name, {
    entry: `functions/${name}.ts`,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: 512,
    timeout: Duration.seconds(15), // longer than the 10 s after which a call that SQS does not take fails
    bundling: { bundleAwsSDK: true },
  });
const send = functionOf("send");
const result = functionOf("result");
tasks.grantSend(send); // sqs:SendMessage, and where the queues are
tasks.grantRead(result); // dynamodb:GetItem and BatchGetItem

const http = new HttpApi(api, "Api");
http.addRoutes({ path: "/tasks", methods: [HttpMethod.POST], integration: new HttpLambdaIntegration("Send", send) });
http.addRoutes({
  path: "/tasks/{id}",
  methods: [HttpMethod.GET],
  integration: new HttpLambdaIntegration("Result", result),
});
new CfnOutput(api, "Url", { value: http.apiEndpoint });
