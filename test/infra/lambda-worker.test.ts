import { Match, Template } from "aws-cdk-lib/assertions";
import { AnyPrincipal, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { describe, expect, test } from "vitest";
import { onLambda } from "../../lib/index.ts";
import { allowedTo, arn, deploy, deployInStack } from "./deploy.ts";

const { template } = deploy();
const workload = template("duckling-default");

const logs = (of: Template, role: string) => {
  const [id] = Object.keys(of.findResources("AWS::Logs::LogGroup")).filter((one) => one.startsWith(role));
  return {
    Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
    Effect: "Allow",
    Resource: { "Fn::GetAtt": [id, "Arn"] },
  };
};
const consume = (queue: string) => ({
  Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
  Effect: "Allow",
  Resource: arn("sqs", queue),
});
const send = {
  Action: "sqs:SendMessage",
  Effect: "Allow",
  Resource: [arn("sqs", "duckling-default"), arn("sqs", "duckling-renders")],
};
const record = (...batched: readonly string[]) => ({
  Action: ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", ...batched],
  Effect: "Allow",
  Resource: arn("dynamodb", "table/duckling"),
});

describe("the function of a workload", () => {
  test("runs on arm64 and Node 24 with the definition's memory and timeout", () => {
    workload.hasResourceProperties("AWS::Lambda::Function", {
      FunctionName: "duckling-default",
      Architectures: ["arm64"],
      Runtime: "nodejs24.x",
      MemorySize: 512,
      Timeout: 60,
      Handler: "index.handler",
    });
  });

  test("may send to queues it is also invoked by: Lambda's own guard is off, ours counts", () => {
    workload.allResourcesProperties("AWS::Lambda::Function", { RecursiveLoop: "Allow" });
  });

  test("is told where the queues are and which metrics to write, beside the user's own variables", () => {
    const own = deploy({ environment: { SHOP_URL: "https://shop.example" }, metrics: "workload" });
    own.template("duckling-default").hasResourceProperties("AWS::Lambda::Function", {
      FunctionName: "duckling-default",
      Environment: {
        Variables: {
          SHOP_URL: "https://shop.example",
          LOVAGE_QUEUE_URL_BASE: {
            "Fn::Join": [
              "",
              ["https://sqs.", { Ref: "AWS::Region" }, ".", { Ref: "AWS::URLSuffix" }, "/", { Ref: "AWS::AccountId" }],
            ],
          },
          LOVAGE_METRICS: "workload",
          LOVAGE_LOG_FORMAT: "json",
        },
      },
    });
  });

  test("is fed by its queue: batches of ten for I/O-bound work, with partial answers and a bound", () => {
    const [queue] = Object.keys(
      workload.findResources("AWS::SQS::Queue", { Properties: { QueueName: "duckling-default" } }),
    );
    workload.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      EventSourceArn: { "Fn::GetAtt": [queue, "Arn"] },
      BatchSize: 10,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      ScalingConfig: { MaximumConcurrency: 10 },
      FilterCriteria: Match.absent(), // what a filter leaves out is deleted
    });
  });

  test("takes one message at a time for CPU-heavy work", () => {
    const app = { name: "shop", workloads: { crunch: onLambda({ work: "cpu", maxConcurrency: 50 }) } };
    deploy({ app })
      .template("shop-crunch")
      .hasResourceProperties("AWS::Lambda::EventSourceMapping", {
        BatchSize: 1,
        ScalingConfig: { MaximumConcurrency: 50 },
      });
  });

  test("keeps a part of the account's concurrency only where it is told to", () => {
    workload.allResourcesProperties("AWS::Lambda::Function", { ReservedConcurrentExecutions: Match.absent() });
    const app = {
      name: "shop",
      workloads: { mails: onLambda({ maxConcurrency: 20, reservedConcurrency: 20 }) },
    };
    deploy({ app }).template("shop-mails").hasResourceProperties("AWS::Lambda::Function", {
      FunctionName: "shop-mails",
      ReservedConcurrentExecutions: 20,
    });
  });

  test("keeps its logs for a month, under the name one looks for, and takes them along", () => {
    for (const name of ["duckling-default", "duckling-default-dead"])
      workload.hasResource("AWS::Logs::LogGroup", {
        DeletionPolicy: "Delete",
        Properties: { LogGroupName: `/aws/lambda/${name}`, RetentionInDays: 30 },
      });
  });

  test("is changed after its queue: Lambda refuses a timeout longer than the queue's visibility timeout", () => {
    const idOf = (type: string, properties: object) =>
      Object.keys(workload.findResources(type, { Properties: properties }))[0];
    for (const name of ["duckling-default", "duckling-default-dead"])
      workload.hasResource("AWS::Lambda::Function", {
        Properties: { FunctionName: name },
        DependsOn: Match.arrayWith([idOf("AWS::SQS::Queue", { QueueName: name })]),
      });
  });

  test("may be named by its queue's policy", () => {
    const { stack, taskApp } = deployInStack();
    const { queue, workerFunction } = taskApp.workloads.default ?? {};
    const conditions = { ArnEquals: { "aws:SourceArn": workerFunction?.function.functionArn } };
    queue?.addToResourcePolicy(
      new PolicyStatement({
        actions: ["sqs:SendMessage"],
        principals: [new AnyPrincipal()],
        resources: ["*"],
        conditions,
      }),
    );
    expect(() => Template.fromStack(stack)).not.toThrow(); // which looks for circles
  });

  test("may consume its own queue, record, send to the app's queues and to its own dead letters, and nothing else", () => {
    expect(allowedTo(workload, "WorkloadWorkerRole")).toEqual([
      logs(workload, "WorkloadWorkerLogs"),
      consume("duckling-default"),
      { Action: "sqs:SendMessage", Effect: "Allow", Resource: arn("sqs", "duckling-default-dead") },
      send,
      record("dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"),
    ]);
    workload.allResourcesProperties("AWS::IAM::Role", { ManagedPolicyArns: Match.absent() });
  });
});

describe.each(["duckling-default", "duckling-renders"])("the function on the dead-letter queue of %s", (name) => {
  const own = template(name);
  const [queue] = Object.keys(own.findResources("AWS::SQS::Queue", { Properties: { QueueName: `${name}-dead` } }));

  test("is fed by it, and nothing else is", () => {
    const mappings = own.findResources("AWS::Lambda::EventSourceMapping", {
      Properties: { EventSourceArn: { "Fn::GetAtt": [queue, "Arn"] } },
    });
    expect(Object.values(mappings)).toHaveLength(1);
    own.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      EventSourceArn: { "Fn::GetAtt": [queue, "Arn"] },
      BatchSize: 10,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  test("has a sixth of the queue's visibility timeout", () => {
    own.hasResourceProperties("AWS::Lambda::Function", { FunctionName: `${name}-dead`, Timeout: 60 });
    own.hasResourceProperties("AWS::SQS::Queue", { QueueName: `${name}-dead`, VisibilityTimeout: 360 });
  });

  test("may consume it, record and send to the app's queues, and nothing else", () => {
    expect(allowedTo(own, "WorkloadDeadLetterWorkerRole")).toEqual([
      logs(own, "WorkloadDeadLetterWorkerLogs"),
      consume(`${name}-dead`),
      send,
      record(),
    ]);
  });
});
