import { Aws, RemovalPolicy, Stack, Stage } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { ContainerImage, FargateTaskDefinition } from "aws-cdk-lib/aws-ecs";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Alias, Code, type IVersion, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { Topic } from "aws-cdk-lib/aws-sns";
import { describe, expect, test } from "vitest";
import { TaskApp } from "../../infra/index.ts";
import { createApp, InvalidOption, onFargate, onLambda } from "../../lib/index.ts";
import { argsPayload, resultPayload } from "../../lib/store/payload.ts";
import { tableDefinition } from "../../lib/store/table.ts";
import { allowedTo, arn, deploy, deployInStack, ENTRY, image, unbundled } from "./deploy.ts";
import { duckling } from "./duckling.ts";

const resources = (
  template: Template,
): [string, { Type: string; DeletionPolicy?: string; UpdateReplacePolicy?: string }][] =>
  Object.entries(template.toJSON().Resources);

describe("stacks", () => {
  test("the table has one, containers together another, and every workload its own, named as what is in them", () => {
    const { templates } = deploy();
    expect([...templates.keys()]).toEqual(["duckling", "duckling-containers", "duckling-default", "duckling-renders"]);
  });

  test("only what runs in containers is deployed after their cluster and network", () => {
    const { cdk } = deploy();
    const dependencies = cdk.node
      .findAll()
      .filter(Stack.isStack)
      .map(({ stackName, dependencies }) => [stackName, dependencies.map((stack) => stack.stackName)]);
    expect(Object.fromEntries(dependencies)).toEqual({
      duckling: [],
      "duckling-containers": [],
      "duckling-default": [],
      "duckling-renders": ["duckling-containers"],
    });
  });

  test("an app without containers has no network, and one with a workload of that name has no second stack of it", () => {
    const functions = { name: "shop", workloads: { containers: onLambda() } };
    expect([...deploy({ app: functions }).templates.keys()]).toEqual(["shop", "shop-containers"]);
    const both = { name: "shop", workloads: { containers: onLambda(), renders: onFargate() } };
    expect(() => deploy({ app: both })).toThrow(/two stacks get one name:.*containers -> shop-containers/);
  });

  test("nothing is exported or imported, so every stack can be removed by itself", () => {
    for (const template of deploy().templates.values()) {
      expect(JSON.stringify(template.toJSON())).not.toMatch(/Fn::ImportValue|Fn::GetStackOutput/);
      expect(template.findOutputs("*")).toEqual({});
    }
  });

  test("inside a stack everything is in that stack", () => {
    const { template } = deployInStack();
    template().resourceCountIs("AWS::SQS::Queue", 4);
    template().resourceCountIs("AWS::DynamoDB::Table", 1);
  });

  test("and containers start when table and bucket are there: a worker without them ends at once", () => {
    const template = deployInStack({ app: { ...duckling, payloads: { bucket: "duckling-payloads" } } }).template();
    const needed = ["AWS::DynamoDB::Table", "AWS::S3::Bucket"].flatMap((type) =>
      Object.keys(template.findResources(type)),
    );
    expect(needed).toHaveLength(2);
    for (const id of needed) template.hasResource("AWS::ECS::Service", { DependsOn: Match.arrayWith([id]) });
  });

  test("an app made by createApp is a definition", () => {
    const app = createApp("shop", { workloads: { default: onFargate() } });
    const { templates } = deploy({ app });
    expect([...templates.keys()]).toEqual(["shop", "shop-containers", "shop-default"]);
  });

  test("logical ids are stable: a changed one replaces a queue that holds tasks", () => {
    const { templates } = deploy();
    const ids = Object.fromEntries(
      [...templates].map(([name, template]) => [name, resources(template).map(([id]) => id)]),
    );
    expect(ids).toMatchInlineSnapshot(`
      {
        "duckling": [
          "TableCD117FA1",
          "TableThrottlesCD44955A",
          "Dashboard9E4231ED",
        ],
        "duckling-containers": [
          "ClusterVpcFAA3CEDF",
          "ClusterVpcpublicSubnet1SubnetFC43BC2F",
          "ClusterVpcpublicSubnet1RouteTableF19DDF60",
          "ClusterVpcpublicSubnet1RouteTableAssociation7541E9BF",
          "ClusterVpcpublicSubnet1DefaultRoute063B290F",
          "ClusterVpcpublicSubnet2Subnet8CC4625C",
          "ClusterVpcpublicSubnet2RouteTable70EAF0AD",
          "ClusterVpcpublicSubnet2RouteTableAssociationB10E1628",
          "ClusterVpcpublicSubnet2DefaultRoute7C7D4A5B",
          "ClusterVpcIGW1E358A6E",
          "ClusterVpcVPCGW47AC17E9",
          "ClusterVpcDynamoDb37FC98CC",
          "ClusterVpcS3F7A5646A",
          "ClusterParametervpc199FCFE1",
          "ClusterParametersubnet1C6007563",
          "ClusterParametersubnet2199EE80F",
          "ClusterC2E21B66",
        ],
        "duckling-default": [
          "WorkloadDeadLetterQueueB31FD94F",
          "WorkloadDeadLetterQueuePolicy95057C0D",
          "WorkloadQueue9C9F6B28",
          "WorkloadQueuePolicy2526685C",
          "WorkloadWorkerLogs881D21D1",
          "WorkloadWorkerRole29676D25",
          "WorkloadWorkerRoleDefaultPolicyE1010370",
          "WorkloadWorkerFunction0FFF42F5",
          "WorkloadWorkerMappingD6F6C918",
          "WorkloadDeadLetterWorkerLogs2CD1EFF3",
          "WorkloadDeadLetterWorkerRoleC86376E1",
          "WorkloadDeadLetterWorkerRoleDefaultPolicyD0D4B6DE",
          "WorkloadDeadLetterWorkerFunction903F64F4",
          "WorkloadDeadLetterWorkerMapping21D6E0A2",
          "WorkloadQueueDepth100F7CEEB20",
          "WorkloadQueueDepth500A0E2E998",
          "WorkloadQueueDepth1000FCE7FE2B",
          "WorkloadAgeOfOldestAF467EFD",
          "WorkloadDeadLettersFA5783CD",
          "WorkloadNoProgressD90DD7D5",
          "WorkloadInFlight8BE87780",
          "WorkloadErrors05D5BD64",
          "WorkloadThrottlesDF1AAC2E",
          "WorkloadRecursionBE378252",
          "WorkloadDeadLetterErrors166DED4A",
        ],
        "duckling-renders": [
          "WorkloadDeadLetterQueueB31FD94F",
          "WorkloadDeadLetterQueuePolicy95057C0D",
          "WorkloadQueue9C9F6B28",
          "WorkloadQueuePolicy2526685C",
          "WorkloadContainersLogsD0B15FA3",
          "WorkloadContainersRole1BA10CA6",
          "WorkloadContainersRoleDefaultPolicyF01539C1",
          "WorkloadContainersTask8386E1D4",
          "WorkloadContainersTaskExecutionRole589873F8",
          "WorkloadContainersTaskExecutionRoleDefaultPolicy68AFC792",
          "WorkloadContainersSecurityGroupBA237346",
          "WorkloadContainersServiceED07D03D",
          "WorkloadContainersScalingTarget7C02391B",
          "WorkloadContainersScalingBacklog8FD1A018",
          "WorkloadContainersScalingIdle4DFDE7EB",
          "WorkloadContainersScalingByBacklogD364AF05",
          "WorkloadContainersScalingToZero0FEAA26C",
          "WorkloadDeadLetterWorkerLogs2CD1EFF3",
          "WorkloadDeadLetterWorkerRoleC86376E1",
          "WorkloadDeadLetterWorkerRoleDefaultPolicyD0D4B6DE",
          "WorkloadDeadLetterWorkerFunction903F64F4",
          "WorkloadDeadLetterWorkerMapping21D6E0A2",
          "WorkloadQueueDepth100F7CEEB20",
          "WorkloadQueueDepth500A0E2E998",
          "WorkloadQueueDepth1000FCE7FE2B",
          "WorkloadAgeOfOldestAF467EFD",
          "WorkloadDeadLettersFA5783CD",
          "WorkloadNoProgressD90DD7D5",
          "WorkloadInFlight8BE87780",
          "WorkloadNoWorkersB8520120",
          "WorkloadDeadLetterErrors166DED4A",
        ],
      }
    `);
    expect(resources(deployInStack().template()).map(([id]) => id)).toMatchInlineSnapshot(`
      [
        "DucklingResultsTableAE7A99A0",
        "DucklingResultsTableThrottles1008BD4A",
        "DucklingResultsDashboard5A89C34F",
        "DucklingContainersClusterVpc26436586",
        "DucklingContainersClusterVpcpublicSubnet1SubnetAD43D086",
        "DucklingContainersClusterVpcpublicSubnet1RouteTableCF68A83D",
        "DucklingContainersClusterVpcpublicSubnet1RouteTableAssociation4048FB31",
        "DucklingContainersClusterVpcpublicSubnet1DefaultRouteFBF87049",
        "DucklingContainersClusterVpcpublicSubnet2Subnet14E41AE3",
        "DucklingContainersClusterVpcpublicSubnet2RouteTableDA26489B",
        "DucklingContainersClusterVpcpublicSubnet2RouteTableAssociationA593DDC4",
        "DucklingContainersClusterVpcpublicSubnet2DefaultRouteFF7AAE49",
        "DucklingContainersClusterVpcIGWD19FF602",
        "DucklingContainersClusterVpcVPCGW9BDF9AC1",
        "DucklingContainersClusterVpcDynamoDb8148C6E1",
        "DucklingContainersClusterVpcS30441A74F",
        "DucklingContainersClusterParametervpcB2AC5598",
        "DucklingContainersClusterParametersubnet1B64E0763",
        "DucklingContainersClusterParametersubnet2DA9A4D82",
        "DucklingContainersCluster64AD470A",
        "DucklingWorkloaddefaultWorkloadDeadLetterQueueF6C16069",
        "DucklingWorkloaddefaultWorkloadDeadLetterQueuePolicyA19F05BE",
        "DucklingWorkloaddefaultWorkloadQueueF1D74C87",
        "DucklingWorkloaddefaultWorkloadQueuePolicy107577F1",
        "DucklingWorkloaddefaultWorkloadWorkerLogs676FF800",
        "DucklingWorkloaddefaultWorkloadWorkerRole652F4658",
        "DucklingWorkloaddefaultWorkloadWorkerRoleDefaultPolicy2EE7FDFA",
        "DucklingWorkloaddefaultWorkloadWorkerFunction1262F25B",
        "DucklingWorkloaddefaultWorkloadWorkerMappingEC90B9C8",
        "DucklingWorkloaddefaultWorkloadDeadLetterWorkerLogsFF49FA52",
        "DucklingWorkloaddefaultWorkloadDeadLetterWorkerRole38C32851",
        "DucklingWorkloaddefaultWorkloadDeadLetterWorkerRoleDefaultPolicyC6C998CF",
        "DucklingWorkloaddefaultWorkloadDeadLetterWorkerFunction7AFEBDFB",
        "DucklingWorkloaddefaultWorkloadDeadLetterWorkerMappingA90C47E4",
        "DucklingWorkloaddefaultWorkloadQueueDepth1007EFE57EF",
        "DucklingWorkloaddefaultWorkloadQueueDepth5007E9A0962",
        "DucklingWorkloaddefaultWorkloadQueueDepth10000B9DDC7C",
        "DucklingWorkloaddefaultWorkloadAgeOfOldestFBFCE37B",
        "DucklingWorkloaddefaultWorkloadDeadLettersA464A254",
        "DucklingWorkloaddefaultWorkloadNoProgress8C552F10",
        "DucklingWorkloaddefaultWorkloadInFlight94518BA5",
        "DucklingWorkloaddefaultWorkloadErrors0CE5E90A",
        "DucklingWorkloaddefaultWorkloadThrottles42EFBB9C",
        "DucklingWorkloaddefaultWorkloadRecursion8D8B1E46",
        "DucklingWorkloaddefaultWorkloadDeadLetterErrors0A69F24A",
        "DucklingWorkloadrendersWorkloadDeadLetterQueue87A9A65B",
        "DucklingWorkloadrendersWorkloadDeadLetterQueuePolicy0FA0AE19",
        "DucklingWorkloadrendersWorkloadQueue563644F5",
        "DucklingWorkloadrendersWorkloadQueuePolicyBCEE5F91",
        "DucklingWorkloadrendersWorkloadContainersLogsF4E1BDB6",
        "DucklingWorkloadrendersWorkloadContainersRoleFBC82DD0",
        "DucklingWorkloadrendersWorkloadContainersRoleDefaultPolicyFB21CCC1",
        "DucklingWorkloadrendersWorkloadContainersTask0464A1CB",
        "DucklingWorkloadrendersWorkloadContainersTaskExecutionRoleB33D3C02",
        "DucklingWorkloadrendersWorkloadContainersTaskExecutionRoleDefaultPolicy0D7AA2AD",
        "DucklingWorkloadrendersWorkloadContainersSecurityGroup44182B3C",
        "DucklingWorkloadrendersWorkloadContainersService34D03F92",
        "DucklingWorkloadrendersWorkloadContainersScalingTargetCBC52A96",
        "DucklingWorkloadrendersWorkloadContainersScalingBacklog7B14159B",
        "DucklingWorkloadrendersWorkloadContainersScalingIdle05B7197F",
        "DucklingWorkloadrendersWorkloadContainersScalingByBacklog539EE988",
        "DucklingWorkloadrendersWorkloadContainersScalingToZero6ABD6B75",
        "DucklingWorkloadrendersWorkloadDeadLetterWorkerLogs52DB553A",
        "DucklingWorkloadrendersWorkloadDeadLetterWorkerRoleEBBA3380",
        "DucklingWorkloadrendersWorkloadDeadLetterWorkerRoleDefaultPolicy3D09EB6D",
        "DucklingWorkloadrendersWorkloadDeadLetterWorkerFunctionB0611790",
        "DucklingWorkloadrendersWorkloadDeadLetterWorkerMappingA19356DA",
        "DucklingWorkloadrendersWorkloadQueueDepth1003C785B9A",
        "DucklingWorkloadrendersWorkloadQueueDepth500F70E2609",
        "DucklingWorkloadrendersWorkloadQueueDepth10001186859E",
        "DucklingWorkloadrendersWorkloadAgeOfOldest94CCF69D",
        "DucklingWorkloadrendersWorkloadDeadLettersAA7A83CC",
        "DucklingWorkloadrendersWorkloadNoProgress97108D19",
        "DucklingWorkloadrendersWorkloadInFlightFA6F1FB7",
        "DucklingWorkloadrendersWorkloadNoWorkers2C48B283",
        "DucklingWorkloadrendersWorkloadDeadLetterErrors0DE3FBA2",
      ]
    `);
  });
});

describe("queues", () => {
  test.each([
    ["duckling-default", 360],
    ["duckling-renders", 30],
  ])("%s moves to its dead-letter queue what was received 8 times", (name, visibility) => {
    const template = deploy().template(name);
    const [dead] = Object.keys(
      template.findResources("AWS::SQS::Queue", { Properties: { QueueName: `${name}-dead` } }),
    );
    template.hasResourceProperties("AWS::SQS::Queue", {
      QueueName: name,
      VisibilityTimeout: visibility,
      MessageRetentionPeriod: 1_036_800,
      RedrivePolicy: { deadLetterTargetArn: { "Fn::GetAtt": [dead, "Arn"] }, maxReceiveCount: 8 },
    });
    template.hasResourceProperties("AWS::SQS::Queue", {
      QueueName: `${name}-dead`,
      MessageRetentionPeriod: 1_209_600,
      RedrivePolicy: Match.absent(),
    });
  });

  test("settings are the definition's", () => {
    const app = { name: "shop", workloads: { mails: onLambda({ timeout: "5m", maxReceiveCount: 20 }) } };
    deploy({ app })
      .template("shop-mails")
      .hasResourceProperties("AWS::SQS::Queue", {
        QueueName: "shop-mails",
        VisibilityTimeout: 1_800,
        RedrivePolicy: Match.objectLike({ maxReceiveCount: 20 }),
      });
  });

  test("all are encrypted, take messages of 1 MiB and refuse everything but TLS", () => {
    const template = deployInStack().template();
    const queues = Object.keys(template.findResources("AWS::SQS::Queue"));
    expect(queues).toHaveLength(4);
    template.allResourcesProperties("AWS::SQS::Queue", { SqsManagedSseEnabled: true, MaximumMessageSize: 1_048_576 });
    for (const queue of queues) {
      template.hasResourceProperties("AWS::SQS::QueuePolicy", {
        Queues: [{ Ref: queue }],
        PolicyDocument: Match.objectLike({
          Statement: [
            {
              Action: "sqs:*",
              Condition: { Bool: { "aws:SecureTransport": "false" } },
              Effect: "Deny",
              Principal: { AWS: "*" },
              Resource: { "Fn::GetAtt": [queue, "Arn"] },
            },
          ],
        }),
      });
    }
  });
});

test("the table is the store's: one key, time to live, paid per request", () => {
  const template = deploy().template("duckling");
  template.resourceCountIs("AWS::DynamoDB::Table", 1);
  template.hasResourceProperties("AWS::DynamoDB::Table", {
    TableName: "duckling",
    AttributeDefinitions: [
      { AttributeName: "id", AttributeType: "S" },
      { AttributeName: "failed_on", AttributeType: "S" },
      { AttributeName: "ended_at", AttributeType: "N" },
    ],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    GlobalSecondaryIndexes: tableDefinition("duckling").GlobalSecondaryIndexes,
    BillingMode: "PAY_PER_REQUEST",
    TimeToLiveSpecification: { AttributeName: "expires_at", Enabled: true },
  });
});

describe("removal", () => {
  const kept = (template: Template) =>
    resources(template)
      .filter(([, { Type }]) => Type === "AWS::SQS::Queue" || Type === "AWS::DynamoDB::Table")
      .map(([, { DeletionPolicy, UpdateReplacePolicy }]) => [DeletionPolicy, UpdateReplacePolicy]);

  test("queues and table outlive their stack, but not a first deployment that fails: their names would be taken", () => {
    expect(kept(deployInStack().template())).toEqual(Array(5).fill(["RetainExceptOnCreate", "Retain"]));
  });

  test("one switch takes everything along, for development", () => {
    const { template } = deployInStack({ removalPolicy: RemovalPolicy.DESTROY });
    expect(kept(template())).toEqual(Array(5).fill(["Delete", "Delete"]));
  });
});

describe("alarms", () => {
  const named = (template: Template) =>
    Object.values(template.findResources("AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties.AlarmName);

  test("stand beside what they watch, under names that others can rely on", () => {
    const { template } = deploy();
    expect(named(template("duckling"))).toEqual(["duckling-TableThrottles"]);
    expect(named(template("duckling-renders"))).toContain("duckling-renders-NoWorkers");
    expect(named(template("duckling-default"))).toContain("duckling-default-Throttles");
  });

  test("may be set for all workloads and for single ones", () => {
    const { template } = deploy({
      alarms: { queueDepths: [50], inFlight: "off", tableThrottles: "off" },
      workloadAlarms: { renders: { queueDepths: [10, 5], inFlight: 80 } },
    });
    expect(named(template("duckling"))).toEqual([]);
    const depths = (template: Template) => named(template).filter((name) => /QueueDepth|InFlight/.test(name));
    expect(depths(template("duckling-default"))).toEqual(["duckling-default-QueueDepth50"]);
    expect(depths(template("duckling-renders"))).toEqual([
      "duckling-renders-QueueDepth5",
      "duckling-renders-QueueDepth10",
      "duckling-renders-InFlight",
    ]);
  });

  test("do what they are told", () => {
    const stack = new Stack(unbundled(), "Shop");
    const [own, topic] = [new Topic(stack, "Own"), new Topic(stack, "Told")];
    new TaskApp(stack, "Duckling", {
      app: duckling,
      entry: ENTRY,
      image,
      alarms: { actions: [new SnsAction(own)], topic },
    });
    const alarms = Object.values(Template.fromStack(stack).findResources("AWS::CloudWatch::Alarm"))
      .map(({ Properties }) => Properties)
      .filter(({ AlarmName }) => AlarmName !== undefined); // those that scale have no name, and tell nobody
    expect(alarms.length).toBeGreaterThan(15);
    const ref = (name: string) => ({ Ref: expect.stringMatching(`^${name}`) });
    for (const { AlarmActions, OKActions } of alarms) {
      expect(AlarmActions).toEqual([ref("Own"), ref("Told")]);
      expect(OKActions).toEqual([ref("Told")]);
    }
  });
});

test("the dashboard has a row for each workload, and what it costs by the price list", () => {
  const [dashboard] = Object.values(deploy().template("duckling").findResources("AWS::CloudWatch::Dashboard"));
  expect(dashboard?.Properties.DashboardName).toBe("duckling");
  const body = JSON.stringify(dashboard?.Properties.DashboardBody);
  for (const part of ["## default (Lambda)", "## renders (Fargate)", "default: cost", "Table duckling: cost"])
    expect(body).toContain(part);
  // $0.40 a million requests, sixty minutes
  expect(body).toContain("0.000024 * (FILL(sent, 0)");
});

describe("grants", () => {
  /** What a role in a stack of its own is allowed. */
  function allowed(grant: (taskApp: TaskApp, role: Role) => void) {
    const cdk = unbundled();
    const taskApp = new TaskApp(cdk, "Duckling", { app: duckling, entry: ENTRY, image });
    const stack = new Stack(cdk, "Api");
    grant(taskApp, new Role(stack, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") }));
    const [policy] = Object.values(Template.fromStack(stack).findResources("AWS::IAM::Policy"));
    return { stack, statements: policy?.Properties.PolicyDocument.Statement };
  }
  const sending = {
    Action: "sqs:SendMessage",
    Effect: "Allow",
    Resource: [arn("sqs", "duckling-default"), arn("sqs", "duckling-renders")],
  };

  test("a producer may send to the workloads' queues, and nothing else", () => {
    const { statements } = allowed((taskApp, role) => taskApp.grantSend(role));
    expect(statements).toEqual([sending]);
  });

  test("a producer that chooses ids may record them too", () => {
    const { statements } = allowed((taskApp, role) => taskApp.grantSend(role, { chosenIds: true }));
    const recording = { Action: "dynamodb:UpdateItem", Effect: "Allow", Resource: arn("dynamodb", "table/duckling") };
    expect(statements).toEqual([sending, recording]);
  });

  test("a reader may read results", () => {
    const { statements } = allowed((taskApp, role) => taskApp.grantRead(role));
    expect(statements).toEqual([
      {
        Action: ["dynamodb:GetItem", "dynamodb:BatchGetItem"],
        Effect: "Allow",
        Resource: arn("dynamodb", "table/duckling"),
      },
    ]);
  });

  test("the principal's stack does not depend on the app's", () => {
    const { stack } = allowed((taskApp, role) => taskApp.grantSend(role, { chosenIds: true }));
    expect(stack.dependencies).toEqual([]);
  });

  test("a stack with an account and a region is named as such", () => {
    const cdk = unbundled();
    const taskApp = new TaskApp(cdk, "Duckling", {
      app: duckling,
      entry: ENTRY,
      image,
      env: { account: "111111111111", region: "eu-west-1" },
    });
    const stack = new Stack(cdk, "Api");
    taskApp.grantRead(new Role(stack, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") }));
    Template.fromStack(stack).hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: Match.objectLike({
        Statement: [
          Match.objectLike({
            Resource: {
              "Fn::Join": ["", ["arn:", { Ref: "AWS::Partition" }, ":dynamodb:eu-west-1:111111111111:table/duckling"]],
            },
          }),
        ],
      }),
    });
    expect(stack.region).toBe(Aws.REGION);
  });
});

test("nothing is asked of an account, not even where account and region are known: synthesizing takes no credentials", () => {
  const { cdk, template } = deploy({ env: { account: "111111111111", region: "eu-west-1" } });
  expect(cdk.synth().manifest.missing).toBeUndefined();
  for (const zone of [0, 1])
    template("duckling-containers").hasResourceProperties("AWS::EC2::Subnet", {
      AvailabilityZone: { "Fn::Select": [zone, { "Fn::GetAZs": "" }] },
    });
});

describe("a producer is told where the queues are", () => {
  const api = () => {
    const cdk = unbundled();
    const taskApp = new TaskApp(cdk, "Duckling", { app: duckling, entry: ENTRY, image });
    return { taskApp, stack: new Stack(cdk, "Api") };
  };
  const base = {
    "Fn::Join": [
      "",
      ["https://sqs.", { Ref: "AWS::Region" }, ".", { Ref: "AWS::URLSuffix" }, "/", { Ref: "AWS::AccountId" }],
    ],
  };

  test("a function", () => {
    const { taskApp, stack } = api();
    const producer = new LambdaFunction(stack, "Send", {
      runtime: Runtime.NODEJS_24_X,
      handler: "index.handler",
      code: Code.fromInline("exports.handler = async () => {};"),
    });
    taskApp.grantSend(producer);
    Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: { LOVAGE_QUEUE_URL_BASE: base } },
    });
    expect(allowedTo(Template.fromStack(stack), "Send")).toEqual([
      {
        Action: "sqs:SendMessage",
        Effect: "Allow",
        Resource: [arn("sqs", "duckling-default"), arn("sqs", "duckling-renders")],
      },
    ]);
  });

  test("a container, whose task's role is granted", () => {
    const { taskApp, stack } = api();
    const task = new FargateTaskDefinition(stack, "Shop");
    task.addContainer("Shop", { image: ContainerImage.fromRegistry("shop") });
    taskApp.grantSend(task);
    taskApp.grantRead(task);
    Template.fromStack(stack).hasResourceProperties("AWS::ECS::TaskDefinition", {
      ContainerDefinitions: [Match.objectLike({ Environment: [{ Name: "LOVAGE_QUEUE_URL_BASE", Value: base }] })],
    });
    expect(allowedTo(Template.fromStack(stack), "ShopTaskRole")).toHaveLength(2);
  });

  test("a function, by its alias too", () => {
    const { taskApp, stack } = api();
    const producer = new LambdaFunction(stack, "Send", {
      runtime: Runtime.NODEJS_24_X,
      handler: "index.handler",
      code: Code.fromInline("exports.handler = async () => {};"),
    });
    const version = producer.currentVersion as IVersion; // it is one, but for what exactOptionalPropertyTypes makes of its role
    taskApp.grantSend(new Alias(stack, "Live", { aliasName: "live", version }));
    Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: { LOVAGE_QUEUE_URL_BASE: base } },
    });
    expect(allowedTo(Template.fromStack(stack), "Send")).toHaveLength(1);
  });

  test("a task definition without a container cannot be told", () => {
    const { taskApp, stack } = api();
    const task = new FargateTaskDefinition(stack, "Shop");
    const grant = () => taskApp.grantSend(task);
    expect(grant).toThrow(InvalidOption);
    expect(grant).toThrow(/"Api\/Shop" has no container yet.*add its container first/);
  });

  test("whoever has no environment of the CDK's, by `environment`", () => {
    const { taskApp, stack } = api();
    expect(stack.resolve(taskApp.environment)).toEqual({ LOVAGE_QUEUE_URL_BASE: base });
  });
});

test("whoever may change tasks may revoke and forget, and nothing else", () => {
  const { stack, taskApp } = deployInStack({ app: { ...duckling, payloads: { bucket: "duckling-payloads" } } });
  taskApp.grantChange(new Role(stack, "Operator", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") }));
  expect(allowedTo(Template.fromStack(stack), "Operator")).toEqual([
    {
      Action: ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"],
      Effect: "Allow",
      Resource: arn("dynamodb", "table/duckling"),
    },
    {
      Action: "s3:DeleteObject",
      Effect: "Allow",
      Resource: {
        "Fn::Join": ["", ["arn:", { Ref: "AWS::Partition" }, ":s3:::duckling-payloads/duckling/*/results/*"]],
      },
    },
  ]);
});

test("whoever may redrive may list failures, count redrives and send, and nothing else", () => {
  const { stack, taskApp } = deployInStack();
  taskApp.grantRedrive(new Role(stack, "Operator", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") }));
  expect(allowedTo(Template.fromStack(stack), "Operator")).toEqual([
    {
      Action: "sqs:SendMessage",
      Effect: "Allow",
      Resource: [arn("sqs", "duckling-default"), arn("sqs", "duckling-renders")],
    },
    {
      Action: ["dynamodb:GetItem", "dynamodb:UpdateItem"],
      Effect: "Allow",
      Resource: arn("dynamodb", "table/duckling"),
    },
    { Action: "dynamodb:Query", Effect: "Allow", Resource: arn("dynamodb", "table/duckling/index/failures") },
  ]);
});

describe("payloads", () => {
  const app = { ...duckling, payloads: { bucket: "duckling-payloads" } };
  const objects = (keys: string) => ({
    "Fn::Join": ["", ["arn:", { Ref: "AWS::Partition" }, `:s3:::duckling-payloads${keys}`]],
  });
  const list = { Action: "s3:ListBucket", Effect: "Allow", Resource: objects("") };

  test("without them there is no bucket", () => {
    const { taskApp, template } = deployInStack();
    template().resourceCountIs("AWS::S3::Bucket", 0);
    expect(taskApp.payloads).toBeUndefined();
  });

  test("with them there is one beside the table: private, encrypted, over TLS only, and it stays", () => {
    const { template } = deploy({ app });
    template("duckling").hasResource("AWS::S3::Bucket", {
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
      Properties: {
        BucketName: "duckling-payloads",
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      },
    });
    template("duckling").hasResourceProperties("AWS::S3::BucketPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: "Deny", Action: "s3:*", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
        ]),
      },
    });
  });

  test("every object the runtime writes falls under exactly one rule, which keeps it long enough", () => {
    const [bucket] = Object.values(deployInStack({ app }).template().findResources("AWS::S3::Bucket"));
    const rules: { Prefix: string; ExpirationInDays: number; Status: string }[] =
      bucket?.Properties.LifecycleConfiguration.Rules;
    const now = Date.UTC(2026, 0, 1);
    const day = 86_400_000;
    const payloads = [
      argsPayload("id", "[[],{}]", now, now),
      argsPayload("id", "[[],{}]", now, now + 365 * day),
      ...[15, 16, 100, 4_000].map((days) => resultPayload("id", "token", "1", now, now + days * day)),
    ];
    for (const { ref } of payloads) {
      const matching = rules.filter(({ Prefix }) => `duckling/${ref.key}`.startsWith(Prefix));
      expect(matching).toEqual([expect.objectContaining({ Status: "Enabled" })]);
      expect(now + (matching[0]?.ExpirationInDays ?? 0) * day).toBeGreaterThan(ref.keptUntil);
    }
  });

  const grants = (grant: (taskApp: TaskApp, role: Role) => unknown) => {
    const { stack, taskApp, template } = deployInStack({ app });
    grant(taskApp, new Role(stack, "Producer", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") }));
    return allowedTo(template(), "Producer").filter(({ Action }) => JSON.stringify(Action).includes('"s3:'));
  };

  test("a producer may put arguments, and nothing else", () => {
    expect(grants((taskApp, role) => taskApp.grantSend(role))).toEqual([
      { Action: "s3:PutObject", Effect: "Allow", Resource: objects("/duckling/*/args/*") },
    ]);
  });

  test("a reader may get results, and learn that one is missing", () => {
    expect(grants((taskApp, role) => taskApp.grantRead(role))).toEqual([
      { Action: "s3:GetObject", Effect: "Allow", Resource: objects("/duckling/*/results/*") },
      list,
    ]);
  });

  test("a worker may get and put the app's objects, and delete none", () => {
    expect(grants((taskApp, role) => taskApp.payloads?.grantWork(role))).toEqual([
      { Action: ["s3:GetObject", "s3:PutObject"], Effect: "Allow", Resource: objects("/duckling/*") },
      list,
    ]);
  });
});

describe("refused at synth", () => {
  test("everything that cannot work, at once and by workload", () => {
    const app = {
      name: "shop",
      workloads: {
        mails: { ...onLambda({ timeout: "60s" }), visibilitySeconds: 60 },
        renders: { ...onFargate(), maxReceiveCount: 1 },
      },
    };
    const deploying = () => deploy({ app });
    expect(deploying).toThrow(InvalidOption);
    expect(deploying).toThrow(/workload "mails": visibility timeout is 60 s.*at least 360 s/);
    expect(deploying).toThrow(/workload "renders": maxReceiveCount is 1/);
  });

  test("alarms for a workload that does not exist", () => {
    expect(() => deploy({ workloadAlarms: { render: {} } })).toThrow(/"render".*it has default, renders/);
  });

  test("names that no queue can have", () => {
    expect(() => deploy({ app: { name: "my shop", workloads: { default: onLambda() } } })).toThrow(
      /app name "my shop"/,
    );
  });

  test("names that no stack can have, unless there is a stack already", () => {
    const app = { name: "1shop", workloads: { default: onLambda() } };
    expect(() => deploy({ app })).toThrow(/"1shop", "1shop-default" cannot name a stack/);
    deployInStack({ app }).template().resourceCountIs("AWS::SQS::Queue", 2);
  });

  test("a second app of the same name in the same place", () => {
    const { cdk } = deploy();
    const again = () => new TaskApp(cdk, "Again", { app: duckling, entry: ENTRY, image });
    expect(again).toThrow(/"Again" deploys app "duckling".*"Duckling" deploys one of the same name/);
    const elsewhere = { account: "111111111111", region: "eu-west-1" };
    expect(
      () => new TaskApp(new Stage(cdk, "Prod"), "App", { app: duckling, entry: ENTRY, image, env: elsewhere }),
    ).not.toThrow();
  });

  test.each([
    ["a stack", "mails", "shop-mails", "x", "stack shop-mails"],
    ["a queue", "mails-x", "shop-mails", "x", "queue shop-mails-x"],
  ])("a second app that would have %s of the first, whatever it is called", (_, workload, app, its, both) => {
    const { cdk } = deploy({ app: { name: "shop", workloads: { [workload]: onLambda() } } });
    const props = { app: { name: app, workloads: { [its]: onLambda() } }, entry: ENTRY, image };
    expect(() => new TaskApp(cdk, "Other", props)).toThrow(
      new RegExp(`"Other" deploys app "${app}".*"Duckling" deploys app "shop".*both would have ${both}`),
    );
    expect(
      () => new TaskApp(cdk, "Mine", { ...props, app: { name: "other", workloads: { x: onLambda() } } }),
    ).not.toThrow();
  });

  test("an account and a region inside a stack, which has its own", () => {
    const env = { region: "eu-west-1" };
    expect(() => deployInStack({ env })).toThrow(/env is \{"region":"eu-west-1"\}, but TaskApp is in a stack/);
  });

  test("an app without workloads", () => {
    expect(() => deploy({ app: { name: "shop", workloads: {} } })).toThrow(/app "shop" has no workloads/);
  });

  test("a function of 16 minutes", () => {
    expect(() => onLambda({ timeout: "16m" })).toThrow(/960 s; Lambda allows 900 s/);
  });

  test("a function's name that Lambda refuses", () => {
    const app = { name: "shop", workloads: { ["m".repeat(60)]: onLambda() } };
    expect(() => deploy({ app })).toThrow(/"shop-m+-dead" cannot name a function: Lambda allows 64 characters/);
  });

  test("a task that is cut off, and a workload that no task names, where the tasks are known", () => {
    const app = createApp("shop", { workloads: { default: onLambda(), idle: onLambda() } });
    expect(() => deploy({ app })).not.toThrow(); // no tasks are known: the program imported none
    app.task("slow", { timeLimit: "10m" }, () => {});
    expect(() => deploy({ app })).toThrow(/workload "default": its function ends after 60 s.*"slow" \(600 s\)/);
    expect(() => deploy({ app })).toThrow(/workload "idle": no task names it/);
  });

  test("an entry that does not exist", () => {
    expect(() => deploy({ entry: "functions/none.ts" })).toThrow(/entry is "functions\/none.ts".*there is no file \//);
    expect(() => deploy({ deadLetterEntry: "none.ts" })).toThrow(/deadLetterEntry is "none.ts"/);
  });
});
