// What containers are deployed as: every property that matters, and who may do what.
import { App, Stack, Tags } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { type IVpc, Vpc } from "aws-cdk-lib/aws-ec2";
import { describe, expect, test } from "vitest";
import { ContainerCluster } from "../../infra/constructs/container-cluster.ts";
import { HEALTH_PROBE } from "../../infra/constructs/container-worker.ts";
import { CONTAINER_SCALING } from "../../lib/defaults.ts";
import { type DeployOptions, workerIn } from "./containers.ts";

/** One workload in a stack of its own, with a network of its own. */
function deploy(options: DeployOptions = {}) {
  const stack = new Stack(new App(), "Test");
  const worker = workerIn(stack, options);
  return { stack, worker, template: Template.fromStack(stack) };
}

const only = (template: Template, type: string) => {
  const [found, ...more] = Object.values(template.findResources(type));
  expect(more).toEqual([]);
  return found?.Properties;
};
const containerOf = (template: Template) => only(template, "AWS::ECS::TaskDefinition").ContainerDefinitions[0];

describe("the container", () => {
  const { template } = deploy();
  const container = containerOf(template);

  test("runs on ARM64 Fargate, with the workload's vCPUs and memory", () => {
    expect(only(template, "AWS::ECS::TaskDefinition")).toMatchObject({
      Family: "duckling-renders",
      Cpu: "1024",
      Memory: "4096",
      NetworkMode: "awsvpc",
      RequiresCompatibilities: ["FARGATE"],
      RuntimePlatform: { CpuArchitecture: "ARM64", OperatingSystemFamily: "LINUX" },
    });
  });

  test("serves its workload alone, with a slot for each vCPU, and leaves dead letters to a function", () => {
    expect(container.EntryPoint).toBeUndefined(); // the image's
    expect(container.Command).toEqual([
      ...["--workloads", "renders", "--concurrency", "1", "--no-dead-letters"],
      ...["--port", "8080", "--host", "127.0.0.1"],
    ]);
    expect(containerOf(deploy({ cpu: 4, memory: "8GB" }).template).Command).toContain("4");
    expect(containerOf(deploy({ work: "io", concurrency: 30 }).template).Command).toContain("30");
    expect(container.Environment).toEqual([{ Name: "LOVAGE_LOG_FORMAT", Value: "json" }]);
  });

  test("has the longest time that ECS gives to stop", () => {
    expect(container.StopTimeout).toBe(120);
  });

  test("is asked for its health within itself", () => {
    expect(container.HealthCheck).toEqual({
      Command: ["CMD", "node", "-e", HEALTH_PROBE],
      Interval: 30,
      Timeout: 5,
      Retries: 3,
      StartPeriod: 60,
    });
    expect(container.PortMappings).toBeUndefined();
  });

  test("writes to /tmp only, and reaps what its tasks leave behind", () => {
    expect(container.ReadonlyRootFilesystem).toBe(true);
    expect(container.MountPoints).toEqual([{ SourceVolume: "tmp", ContainerPath: "/tmp", ReadOnly: false }]);
    expect(only(template, "AWS::ECS::TaskDefinition").Volumes).toEqual([{ Name: "tmp" }]);
    expect(container.LinuxParameters).toMatchObject({ InitProcessEnabled: true });
  });

  test("logs where it is kept for as long as is asked, and is not held up by it", () => {
    const [logs] = Object.keys(template.findResources("AWS::Logs::LogGroup"));
    expect(container.LogConfiguration).toEqual({
      LogDriver: "awslogs",
      Options: {
        "awslogs-group": { Ref: logs },
        "awslogs-region": { Ref: "AWS::Region" },
        "awslogs-stream-prefix": "worker",
        mode: "non-blocking",
        "max-buffer-size": "26214400b",
      },
    });
    template.hasResource("AWS::Logs::LogGroup", {
      Properties: { LogGroupName: "/ecs/duckling-renders", RetentionInDays: 30 },
      DeletionPolicy: "Delete",
    });
  });
});

describe("the service", () => {
  const { template } = deploy();
  const service = only(template, "AWS::ECS::Service");

  test("has no desired count: a deployment would set it over what the backlog needs", () => {
    expect(service).not.toHaveProperty("DesiredCount");
  });

  test("deploys beside what runs, waits for it, and goes back where the new ones fail", () => {
    expect(service.DeploymentConfiguration).toMatchObject({
      MinimumHealthyPercent: 100,
      MaximumPercent: 200,
      DeploymentCircuitBreaker: { Enable: true, Rollback: true },
    });
    expect(service.AvailabilityZoneRebalancing).toBe("DISABLED");
  });

  test("starts when its containers have their queue, may fetch their image, write their log, and have a way to both", () => {
    const [{ DependsOn }] = Object.values(template.findResources("AWS::ECS::Service")) as [{ DependsOn: string[] }];
    const policies = Object.keys(template.findResources("AWS::IAM::Policy"));
    const routes = Object.keys(template.findResources("AWS::EC2::Route"));
    const queues = Object.keys(template.findResources("AWS::SQS::Queue"));
    expect([policies, routes, queues].map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(DependsOn).toEqual(expect.arrayContaining([...policies, ...routes, ...queues]));
  });

  test("is named as its queue, tags its tasks, and lets nobody in", () => {
    const stack = new Stack(new App(), "Tagged");
    workerIn(stack);
    Tags.of(stack).add("team", "ducks");
    expect(only(Template.fromStack(stack), "AWS::ECS::Service")).toMatchObject({
      ServiceName: "duckling-renders",
      LaunchType: "FARGATE",
      PropagateTags: "SERVICE",
      EnableExecuteCommand: false,
      Tags: [{ Key: "team", Value: "ducks" }],
    });
    expect(service).not.toHaveProperty("LoadBalancers", expect.anything());
  });
});

describe("scaling", () => {
  const { template } = deploy({ maxWorkers: 3 });
  const alarms = Object.values(template.findResources("AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties);
  const alarm = (threshold: number) => alarms.find(({ Threshold }) => Threshold === threshold);
  const policyOf = (threshold: number) => {
    const [{ Ref: id }] = alarm(threshold).AlarmActions;
    return template.toJSON().Resources[id].Properties;
  };

  test("goes from zero to the most workers", () => {
    expect(only(template, "AWS::ApplicationAutoScaling::ScalableTarget")).toMatchObject({
      MinCapacity: 0,
      MaxCapacity: 3,
      ServiceNamespace: "ecs",
      ScalableDimension: "ecs:service:DesiredCount",
      ResourceId: {
        "Fn::Join": [
          "",
          ["service/", { Ref: expect.any(String) }, "/", { "Fn::GetAtt": [expect.any(String), "Name"] }],
        ],
      },
    });
  });

  test("by what waits and what is in flight, every minute; in flight is reported only while there is some", () => {
    for (const one of alarms) {
      const byId = Object.fromEntries(one.Metrics.map((metric: { Id: string }) => [metric.Id, metric]));
      expect(one.Metrics).toHaveLength(3);
      const billed = one.Metrics.filter(({ MetricStat }: { MetricStat?: object }) => MetricStat);
      for (const count of Object.values(CONTAINER_SCALING.alarmMetrics)) expect(billed).toHaveLength(count); // as `lovage cost` says
      expect(one.Metrics.find(({ Expression }: { Expression?: string }) => Expression)).toMatchObject({
        Expression: "visible + FILL(inFlight, 0)",
      });
      for (const [id, name] of [
        ["visible", "ApproximateNumberOfMessagesVisible"],
        ["inFlight", "ApproximateNumberOfMessagesNotVisible"],
      ] as const)
        expect(byId[id].MetricStat).toMatchObject({
          Metric: {
            Namespace: "AWS/SQS",
            MetricName: name,
            Dimensions: [{ Name: "QueueName", Value: { "Fn::GetAtt": [expect.any(String), "QueueName"] } }],
          },
          Period: 60,
          Stat: "Maximum",
        });
      expect(one.TreatMissingData).toBe("notBreaching");
    }
  });

  test("one message starts one worker, more start more, at once", () => {
    expect(alarm(1)).toMatchObject({
      EvaluationPeriods: 1,
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
    });
    expect(policyOf(1)).toMatchObject({
      PolicyType: "StepScaling",
      StepScalingPolicyConfiguration: {
        AdjustmentType: "ExactCapacity",
        Cooldown: 300,
        MetricAggregationType: "Maximum",
        StepAdjustments: [
          { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 1, ScalingAdjustment: 1 },
          { MetricIntervalLowerBound: 1, MetricIntervalUpperBound: 2, ScalingAdjustment: 2 },
          { MetricIntervalLowerBound: 2, ScalingAdjustment: 3 },
        ],
      },
    });
  });

  test("none is left when nothing has waited and nothing has been in flight for five minutes", () => {
    expect(alarm(0)).toMatchObject({ EvaluationPeriods: 5, ComparisonOperator: "LessThanOrEqualToThreshold" });
    expect(policyOf(0).StepScalingPolicyConfiguration).toMatchObject({
      AdjustmentType: "ExactCapacity",
      StepAdjustments: [{ MetricIntervalUpperBound: 0, ScalingAdjustment: 0 }],
    });
  });

  test("says of both alarms that nothing is wrong", () => {
    for (const { AlarmDescription } of alarms) expect(AlarmDescription).toContain("Nothing is wrong");
  });
});

describe("permissions", () => {
  test("the task may protect itself; what tasks need is granted from outside", () => {
    const { template, worker, stack } = deploy();
    const roles = template.findResources("AWS::IAM::Policy");
    const statements = (role: object) =>
      Object.values(roles)
        .filter(({ Properties }) => JSON.stringify(Properties.Roles) === JSON.stringify([role]))
        .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
    expect(
      statements(stack.resolve(worker.taskRole.roleName) && { Ref: stack.resolve(worker.taskRole.roleName).Ref }),
    ).toEqual([
      {
        Action: "ecs:UpdateTaskProtection",
        Effect: "Allow",
        Resource: {
          "Fn::Join": [
            "",
            [
              "arn:",
              { Ref: "AWS::Partition" },
              ":ecs:",
              { Ref: "AWS::Region" },
              ":",
              { Ref: "AWS::AccountId" },
              ":task/duckling/*",
            ],
          ],
        },
      },
    ]);
    const others = Object.values(roles)
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
      .filter(({ Action }) => Action !== "ecs:UpdateTaskProtection");
    expect(others).toEqual([
      {
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Effect: "Allow",
        Resource: { "Fn::GetAtt": [expect.stringMatching(/Logs/), "Arn"] },
      },
    ]);
    expect(JSON.stringify(template.findResources("AWS::IAM::Role"))).not.toContain("ManagedPolicyArns");
  });
});

describe("the network", () => {
  test("has public subnets only, no NAT, no way in, and free ways to DynamoDB and S3", () => {
    const { template } = deploy();
    template.resourceCountIs("AWS::EC2::NatGateway", 0);
    template.resourceCountIs("AWS::EC2::EIP", 0);
    template.resourceCountIs("AWS::EC2::Subnet", 2);
    template.allResourcesProperties("AWS::EC2::Subnet", { MapPublicIpOnLaunch: false });
    template.resourceCountIs("AWS::EC2::VPCEndpoint", 2);
    for (const service of ["s3", "dynamodb"])
      template.hasResourceProperties("AWS::EC2::VPCEndpoint", {
        VpcEndpointType: "Gateway",
        ServiceName: { "Fn::Join": ["", ["com.amazonaws.", { Ref: "AWS::Region" }, `.${service}`]] },
      });
    const group = only(template, "AWS::EC2::SecurityGroup");
    expect(group).not.toHaveProperty("SecurityGroupIngress");
    template.resourceCountIs("AWS::EC2::SecurityGroupIngress", 0);
    expect(group.SecurityGroupEgress).toEqual([expect.objectContaining({ CidrIp: "0.0.0.0/0", IpProtocol: "-1" })]);
    expect(only(template, "AWS::ECS::Service").NetworkConfiguration.AwsvpcConfiguration).toMatchObject({
      AssignPublicIp: "ENABLED",
      Subnets: [{ Ref: expect.stringContaining("public") }, { Ref: expect.stringContaining("public") }],
      SecurityGroups: [{ "Fn::GetAtt": [expect.stringContaining("SecurityGroup"), "GroupId"] }],
    });
    template.resourceCountIs("AWS::Lambda::Function", 0); // no custom resources
  });

  const placed = (vpcOf: (stack: Stack) => IVpc) => {
    const stack = new Stack(new App(), "Own");
    workerIn(stack, { props: { vpc: vpcOf(stack) } });
    return Template.fromStack(stack);
  };
  const attributes = { vpcId: "vpc-12345678", availabilityZones: ["a"] };

  test.each([
    [
      "private subnets with a way out",
      { privateSubnetIds: ["subnet-11111111"], publicSubnetIds: ["subnet-22222222"] },
      "subnet-11111111",
      "DISABLED",
    ],
    ["public subnets only", { publicSubnetIds: ["subnet-22222222"] }, "subnet-22222222", "ENABLED"],
    ["isolated subnets only", { isolatedSubnetIds: ["subnet-33333333"] }, "subnet-33333333", "DISABLED"],
  ])("of the user's: %s", (_, subnets, subnet, assignPublicIp) => {
    const template = placed((stack) => Vpc.fromVpcAttributes(stack, "Mine", { ...attributes, ...subnets }));
    template.resourceCountIs("AWS::EC2::VPC", 0);
    expect(only(template, "AWS::ECS::Service").NetworkConfiguration.AwsvpcConfiguration).toMatchObject({
      AssignPublicIp: assignPublicIp,
      Subnets: [subnet],
    });
  });
});

describe("a cluster for all workloads", () => {
  function inStacksOfTheirOwn() {
    const cdk = new App();
    const home = new Stack(cdk, "duckling");
    const cluster = new ContainerCluster(home, "Containers", { app: "duckling" });
    const stack = new Stack(cdk, "duckling-renders");
    workerIn(stack, { props: { cluster: cluster.in(stack) } });
    return { cdk, home, stack, template: Template.fromStack(stack), homeTemplate: Template.fromStack(home) };
  }

  test("is named by them: no stack exports anything, and no stack imports", () => {
    const { cdk } = inStacksOfTheirOwn();
    const all = JSON.stringify(cdk.synth().stacks.map(({ template }) => template));
    expect(all).not.toMatch(/"Export"|Fn::ImportValue|Fn::GetStackOutput/);
  });

  test("and its network is read from parameters, which their stacks are deployed after", () => {
    const { home, stack, template, homeTemplate } = inStacksOfTheirOwn();
    expect(stack.dependencies).toEqual([home]);
    const names = ["vpc", "subnet-1", "subnet-2"].map((name) => `/lovage/duckling/${name}`);
    const written = Object.values(homeTemplate.findResources("AWS::SSM::Parameter")).map(
      ({ Properties }) => Properties,
    );
    expect(written.map(({ Name }) => Name)).toEqual(names);
    const read = Object.values(template.findParameters("*")).filter(
      ({ Type, Default }) => Type === "AWS::SSM::Parameter::Value<String>" && !Default.startsWith("/cdk-bootstrap/"),
    );
    expect(read.map(({ Default }) => Default).sort()).toEqual([...names].sort());
    template.resourceCountIs("AWS::EC2::VPC", 0);
    template.resourceCountIs("AWS::ECS::Cluster", 0);
    expect(only(template, "AWS::ECS::Service")).toMatchObject({ Cluster: "duckling" });
    expect(only(template, "AWS::ECS::Service").NetworkConfiguration.AwsvpcConfiguration.Subnets).toEqual([
      { Ref: expect.stringMatching(/^SsmParameterValue.*subnet1/) },
      { Ref: expect.stringMatching(/^SsmParameterValue.*subnet2/) },
    ]);
    expect(JSON.stringify(template.toJSON())).toContain(":task/duckling/*");
  });

  test("in one stack it is referred to, and there is one network", () => {
    const stack = new Stack(new App(), "All");
    const cluster = new ContainerCluster(stack, "Containers", { app: "duckling" });
    workerIn(stack, { props: { cluster: cluster.in(stack) } });
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::EC2::VPC", 1);
    template.hasResourceProperties("AWS::ECS::Cluster", {
      ClusterName: "duckling",
      ClusterSettings: [{ Name: "containerInsights", Value: "disabled" }],
    });
    template.hasResourceProperties("AWS::ECS::Service", {
      Cluster: { Ref: Match.stringLikeRegexp("^ContainersCluster") },
    });
  });

  test("in the user's network, which is taken as it is given", () => {
    const cdk = new App();
    const home = new Stack(cdk, "duckling");
    const vpc = Vpc.fromVpcAttributes(home, "Mine", {
      vpcId: "vpc-12345678",
      availabilityZones: ["a"],
      privateSubnetIds: ["subnet-11111111"],
    });
    const cluster = new ContainerCluster(home, "Containers", { app: "duckling", vpc });
    const stack = new Stack(cdk, "duckling-renders");
    workerIn(stack, { props: { cluster: cluster.in(stack) } });
    Template.fromStack(home).resourceCountIs("AWS::SSM::Parameter", 0);
    expect(only(Template.fromStack(stack), "AWS::ECS::Service").NetworkConfiguration.AwsvpcConfiguration).toMatchObject(
      { AssignPublicIp: "DISABLED", Subnets: ["subnet-11111111"] },
    );
  });
});
