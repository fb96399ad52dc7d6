import { Aws, Fn, Stage } from "aws-cdk-lib";
import { describe, expect, test } from "vitest";
import { TaskApp } from "../../infra/index.ts";
import { InvalidOption } from "../../lib/index.ts";
import { deploy, ENTRY, image, unbundled } from "./deploy.ts";
import { duckling } from "./duckling.ts";

const sqs = (name: string) => `arn:aws:sqs:eu-west-1:111111111111:${name}`;
const queues = {
  default: { queueArn: sqs("duckling-default"), deadLetterQueueArn: sqs("duckling-default-dead") },
};
const tableArn = "arn:aws:dynamodb:eu-west-1:111111111111:table/duckling";
const bucketArn = "arn:aws:s3:::duckling-payloads";
const app = { ...duckling, payloads: { bucket: "duckling-payloads" } };

describe("what exists is taken as it is", () => {
  const { template } = deploy({ app, existing: { queues, tableArn, bucketArn } });

  test("queues are not made again, and are worked off", () => {
    template("duckling-default").resourceCountIs("AWS::SQS::Queue", 0);
    template("duckling-renders").resourceCountIs("AWS::SQS::Queue", 2);
    for (const arn of Object.values(queues.default))
      template("duckling-default").hasResourceProperties("AWS::Lambda::EventSourceMapping", { EventSourceArn: arn });
  });

  test("table and bucket are not made again", () => {
    template("duckling").resourceCountIs("AWS::DynamoDB::Table", 0);
    template("duckling").resourceCountIs("AWS::S3::Bucket", 0);
  });
});

describe("refused at synth", () => {
  test.each([
    [{ tableArn: "arn:aws:dynamodb:eu-west-1:111111111111:table/ducks" }, /tableArn is ".*table\/ducks".*"duckling"/],
    [{ tableArn: "duckling" }, /tableArn is "duckling"/],
    [{ tableArn: sqs("duckling") }, /tableArn is/],
    [{ bucketArn: "arn:aws:s3:::other" }, /bucketArn is "arn:aws:s3:::other".*"duckling-payloads"/],
    [{ queues: { mails: queues.default } }, /workload "mails"; the app has default, renders/],
    [
      { queues: { default: { ...queues.default, queueArn: sqs("duckling-renders") } } },
      /queueArn is ".*duckling-renders".*"duckling-default"/,
    ],
    [
      { queues: { default: { ...queues.default, deadLetterQueueArn: sqs("duckling-default") } } },
      /deadLetterQueueArn is ".*:duckling-default".*"duckling-default-dead"/,
    ],
    [{ tableArn: "duckling" }, /such as arn:aws:dynamodb:<region>:<account>:table\/duckling$/],
    [{ bucketArn: "duckling-payloads" }, /such as arn:aws:s3:::duckling-payloads$/],
    [
      { queues: { default: { ...queues.default, queueArn: "duckling-default" } } },
      /queueArn is "duckling-default";.*such as arn:aws:sqs:<region>:<account>:duckling-default$/,
    ],
  ])("%j", (existing, message) => {
    const deploying = () => deploy({ app, existing });
    expect(deploying).toThrow(InvalidOption);
    expect(deploying).toThrow(message);
  });

  test.each([
    ["another region", { account: "111111111111", region: "us-east-1" }, /deployed to region us-east-1;/],
    ["another account", { account: "222222222222", region: "eu-west-1" }, /deployed to account 222222222222;/],
    ["both", { account: "222222222222", region: "us-east-1" }, /account 222222222222 and region us-east-1;/],
  ])("what lies in %s than the app", (_, env, message) => {
    expect(() => deploy({ env, existing: { tableArn } })).toThrow(message);
    expect(() => deploy({ env, existing: { queues } })).toThrow(message);
    const inStage = () =>
      new TaskApp(new Stage(unbundled(), "Prod", { env }), "Duckling", {
        app,
        entry: ENTRY,
        image,
        existing: { queues },
      });
    expect(inStage).toThrow(message);
    expect(() => deploy({ app, env, existing: { bucketArn } })).not.toThrow(); // which may be anywhere
    expect(() =>
      deploy({ app, env: { ...env, account: "111111111111", region: "eu-west-1" }, existing: { queues } }),
    ).not.toThrow();
  });

  test("a bucket for an app that has no payloads", () => {
    expect(() => deploy({ existing: { bucketArn } })).toThrow(/has no payloads/);
  });

  test("but not what is known at deployment only", () => {
    const later = Fn.join(":", ["arn", Aws.PARTITION, "dynamodb", Aws.REGION, Aws.ACCOUNT_ID, "table/any"]);
    expect(() => deploy({ app, existing: { tableArn: later } })).not.toThrow();
  });
});
