// What is deployed, as the services themselves describe it.
import { randomBytes } from "node:crypto";
import { DescribeTimeToLiveCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { GetBucketLifecycleConfigurationCommand, S3Client } from "@aws-sdk/client-s3";
import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import * as changes from "../../../lib/core/changes.ts";
import { ECS, PAYLOADS, WORKLOAD_DEFAULTS } from "../../../lib/defaults.ts";
import { keptPrefix, payloadPrefix } from "../../../lib/store/payload.ts";
import { deadLetterQueueName, queueName, tableName, timeToLiveDefinition } from "../../../lib/store/table.ts";
import { aws } from "../aws-cli.ts";
import { type Check, failed, passed, skipped } from "../check.ts";

export const RESOURCE_CHECKS: readonly Check[] = [
  {
    name: "queues",
    proves:
      "visibility, receives and retentions, which every bound on recovery is made of, are those of the definition",
    seconds: 60,
    run: async ({ app }) => {
      const sqs = new SQSClient({});
      const attributesOf = async (QueueName: string) => {
        const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
        const all = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
        return all.Attributes ?? {};
      };
      const problems: string[] = [];
      for (const [workload, { visibilitySeconds, maxReceiveCount }] of Object.entries(app.workloads)) {
        const queue = await attributesOf(queueName(app.name, workload));
        const dead = await attributesOf(deadLetterQueueName(app.name, workload));
        const redrive = JSON.parse(queue.RedrivePolicy ?? "{}") as { maxReceiveCount?: number | string }; // SQS's document
        const expected = [
          ["visibility timeout", queue.VisibilityTimeout, visibilitySeconds],
          ["receives", redrive.maxReceiveCount, maxReceiveCount],
          ["retention", queue.MessageRetentionPeriod, WORKLOAD_DEFAULTS.retentionSeconds],
          ["retention of dead letters", dead.MessageRetentionPeriod, WORKLOAD_DEFAULTS.deadLetterRetentionSeconds],
        ] as const;
        for (const [what, found, wanted] of expected)
          if (Number(found) !== wanted) problems.push(`${workload}: ${what} ${found}, not ${wanted}`);
      }
      return problems.length === 0 ? passed("as defined") : failed(problems.join("; "));
    },
  },
  {
    name: "refused-write",
    proves:
      "a conditional write that DynamoDB refuses carries the record that refused it, and a read right after a write sees it",
    seconds: 30,
    run: async ({ app }) => {
      const { store } = await app.backends();
      const id = `smoke-${randomBytes(6).toString("hex")}`;
      const claim = (token: string) => {
        const lease = { owner: "smoke", until: Date.now() + 60_000, lastDelivery: false };
        return changes.claim({ id, task: "smoke.none", workload: "default", attempt: 0, token }, Date.now(), lease);
      };
      const first = await store.write(claim("first"));
      const read = await store.read(id);
      const second = await store.write(claim("second"));
      const right = {
        kind: "claimed",
        claim: { id, task: "smoke.none", workload: "default", attempt: 0, token: "first" },
      } as const;
      await store.write(changes.revokeHeld(right, Date.now(), { type: "TaskRevoked", message: "smoke" }, 0)); // it expires
      const told = !second.applied && second.existing?.token === "first";
      if (first.applied && told && read?.token === "first")
        return passed("the second claim was told of the first one's token");
      return failed(`applied ${first.applied}, read ${read?.token}, told ${told}`);
    },
  },
  {
    name: "time-to-live",
    proves: "DynamoDB removes records by the attribute that the runtime writes",
    seconds: 30,
    run: async ({ app }) => {
      const table = tableName(app.name);
      const { TimeToLiveDescription: found } = await new DynamoDBClient({}).send(
        new DescribeTimeToLiveCommand({ TableName: table }),
      );
      const { AttributeName } = timeToLiveDefinition(table).TimeToLiveSpecification;
      const good = found?.TimeToLiveStatus === "ENABLED" && found.AttributeName === AttributeName;
      return good
        ? passed(`${AttributeName} of ${table}`)
        : failed(`${found?.TimeToLiveStatus} for ${found?.AttributeName}, not ${AttributeName}`);
    },
  },
  {
    name: "lifecycle",
    proves: "S3 expires payloads by the prefixes that the runtime writes",
    onlyOnAws: "the local S3 expires nothing",
    seconds: 30,
    run: async ({ app }) => {
      if (app.payloads === undefined) return skipped("the app has no payloads");
      const { Rules = [] } = await new S3Client({}).send(
        new GetBucketLifecycleConfigurationCommand({ Bucket: app.payloads.bucket }),
      );
      const found = new Map(
        Rules.filter(({ Status }) => Status === "Enabled").map(({ Filter, Expiration }) => [
          Filter?.Prefix,
          Expiration?.Days,
        ]),
      );
      const missing = PAYLOADS.keptDays.filter(
        (days) => found.get(`${payloadPrefix(app.name)}${keptPrefix(days)}`) !== days,
      );
      return missing.length === 0
        ? passed(`${PAYLOADS.keptDays.length} rules`)
        : failed(`no rule for ${missing.join(", ")} days`);
    },
  },
  {
    name: "event-source-mappings",
    proves: "each mapping is enabled, reports partial batches, and has the concurrency that was asked for",
    onlyOnAws: "there are none",
    seconds: 60,
    run: async ({ app }) => {
      const problems: string[] = [];
      for (const [workload, { lambda }] of Object.entries(app.workloads)) {
        const functions = [...(lambda ? [queueName(app.name, workload)] : []), deadLetterQueueName(app.name, workload)];
        for (const name of functions) {
          const answer = await aws("lambda", "list-event-source-mappings", "--function-name", name);
          if ("skipped" in answer) return skipped(answer.skipped);
          const [mapping] = (answer.json as { EventSourceMappings: readonly Mapping[] }).EventSourceMappings; // Lambda's answer
          if (mapping?.State !== "Enabled") problems.push(`${name}: ${mapping?.State ?? "none"}`);
          if (!mapping?.FunctionResponseTypes?.includes("ReportBatchItemFailures"))
            problems.push(`${name}: no partial batches`);
          const concurrency = mapping?.ScalingConfig?.MaximumConcurrency;
          if (lambda && name === queueName(app.name, workload) && concurrency !== lambda.maxConcurrency)
            problems.push(`${name}: concurrency ${concurrency}, not ${lambda.maxConcurrency}`);
        }
      }
      return problems.length === 0 ? passed("all enabled") : failed(problems.join("; "));
    },
  },
  {
    name: "containers",
    proves:
      "ECS gives a container the time to stop that a worker's grace is made for, and keeps as many as it was told",
    onlyOnAws: "there are none",
    seconds: 60,
    run: async ({ app }) => {
      const problems: string[] = [];
      const services = Object.entries(app.workloads).filter(([, { kind }]) => kind === "fargate");
      if (services.length === 0) return skipped("the app has no workload on Fargate");
      for (const [workload, { fargate }] of services) {
        const name = queueName(app.name, workload);
        const answer = await aws("ecs", "describe-services", "--cluster", app.name, "--services", name);
        if ("skipped" in answer) return skipped(answer.skipped);
        const [service] = (answer.json as { services: readonly Service[] }).services; // ECS's answer
        if (service?.status !== "ACTIVE") problems.push(`${name}: ${service?.status ?? "none"}`);
        if (service === undefined) continue;
        if (service.runningCount > (fargate?.maxWorkers ?? 0)) problems.push(`${name}: ${service.runningCount} run`);
        const described = await aws("ecs", "describe-task-definition", "--task-definition", service.taskDefinition);
        if ("skipped" in described) return skipped(described.skipped);
        const { taskDefinition } = described.json as { taskDefinition: { containerDefinitions: readonly Container[] } }; // ECS's answer
        for (const { stopTimeout } of taskDefinition.containerDefinitions)
          if (stopTimeout !== ECS.maxStopTimeoutSeconds) problems.push(`${name}: stopTimeout ${stopTimeout}`);
      }
      return problems.length === 0 ? passed(`${services.length} services as defined`) : failed(problems.join("; "));
    },
  },
  {
    name: "alarms",
    proves: "the alarms are there, have data, and none goes off while all is well",
    onlyOnAws: "there are none",
    seconds: 60,
    run: async ({ app }) => {
      const answer = await aws("cloudwatch", "describe-alarms", "--alarm-name-prefix", `${app.name}-`);
      if ("skipped" in answer) return skipped(answer.skipped);
      const { MetricAlarms } = answer.json as { MetricAlarms: readonly { AlarmName: string; StateValue: string }[] }; // CloudWatch's answer
      if (MetricAlarms.length === 0) return failed(`no alarm's name begins with ${app.name}-`);
      const ringing = MetricAlarms.filter(({ StateValue }) => StateValue === "ALARM").map(({ AlarmName }) => AlarmName);
      return ringing.length === 0
        ? passed(`${MetricAlarms.length} alarms, none goes off`)
        : failed(`in ALARM: ${ringing.join(", ")}`);
    },
  },
];

interface Service {
  readonly status?: string;
  readonly runningCount: number;
  readonly taskDefinition: string;
}

interface Container {
  readonly stopTimeout?: number;
}

interface Mapping {
  readonly State?: string;
  readonly FunctionResponseTypes?: readonly string[];
  readonly ScalingConfig?: { readonly MaximumConcurrency?: number };
}
