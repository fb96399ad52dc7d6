// What exists already and is taken by its ARN. Everything of Lovage is found by its name, so the name has to be the app's.
import { Arn, ArnFormat, Token } from "aws-cdk-lib";
import { describe } from "../../lib/duration.ts";
import { deadLetterQueueName, queueName, tableName } from "../../lib/store/table.ts";
import type { ExistingQueues } from "./workload-queues.ts";

export interface Existing {
  /** Queues, by workload. @default - they are made */
  readonly queues?: Readonly<Record<string, ExistingQueues>>;
  /** The table. @default - it is made */
  readonly tableArn?: string;
  /** The bucket of the app's `payloads`; its lifecycle rules stay as they are. @default - it is made */
  readonly bucketArn?: string;
}

/** Where the app is deployed to, as far as that is known before. */
export interface Place {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
}

/** What must be so: the ARN's resource is called as the app calls it, and lies where the app does. */
interface Expected {
  readonly what: string;
  readonly arn: string;
  readonly service: "sqs" | "dynamodb" | "s3";
  readonly name: string;
}

/** The problems with what is taken, each with the ARN given and the name it needs. */
export function problemsOf(
  { queues = {}, tableArn, bucketArn }: Existing,
  app: string,
  workloads: readonly string[],
  bucket: string | undefined,
  place: Place,
): readonly string[] {
  const unknown = Object.keys(queues)
    .filter((workload) => !workloads.includes(workload))
    .map((workload) => `existing.queues names workload "${workload}"; the app has ${workloads.join(", ")}`);
  const bucketless =
    bucketArn !== undefined && bucket === undefined
      ? [`existing.bucketArn is "${bucketArn}", but the app has no payloads`]
      : [];
  const expected: Expected[] = [
    ...Object.entries(queues)
      .filter(([workload]) => workloads.includes(workload))
      .flatMap(([workload, arns]): Expected[] => [
        { what: "queueArn", arn: arns.queueArn, service: "sqs", name: queueName(app, workload) },
        {
          what: "deadLetterQueueArn",
          arn: arns.deadLetterQueueArn,
          service: "sqs",
          name: deadLetterQueueName(app, workload),
        },
      ]),
    ...(tableArn === undefined
      ? []
      : [{ what: "tableArn", arn: tableArn, service: "dynamodb" as const, name: tableName(app) }]),
    ...(bucketArn === undefined || bucket === undefined
      ? []
      : [{ what: "bucketArn", arn: bucketArn, service: "s3" as const, name: bucket }]),
  ];
  return [...unknown, ...bucketless, ...expected.flatMap((one) => problemOf(one, place))];
}

const EXAMPLE = {
  sqs: "arn:aws:sqs:<region>:<account>:",
  dynamodb: "arn:aws:dynamodb:<region>:<account>:table/",
  s3: "arn:aws:s3:::",
} as const;

/** A value that is known at deployment only cannot be checked here. */
function problemOf({ what, arn, service, name }: Expected, place: Place): string[] {
  if (Token.isUnresolved(arn)) return [];
  const form = service === "dynamodb" ? ArnFormat.SLASH_RESOURCE_NAME : ArnFormat.NO_RESOURCE_NAME;
  let found: string | undefined;
  let elsewhere: readonly string[] = [];
  try {
    const parts = Arn.split(arn, form);
    if (parts.service === service) found = parts.resourceName ?? parts.resource;
    // A bucket's ARN names neither.
    elsewhere = (["account", "region"] as const).flatMap((part) =>
      parts[part] && isKnown(place[part]) && parts[part] !== place[part] ? [`${part} ${place[part]}`] : [],
    );
  } catch {
    // said below, with the value
  }
  if (found === name && elsewhere.length === 0) return [];
  if (found === name)
    return [
      `existing ${what} is "${arn}", but the app is deployed to ${elsewhere.join(" and ")}; producers and workers look for it there`,
    ];
  return [
    `existing ${what} is ${describe(arn)}; producers and workers look for the ${service} resource "${name}", so it takes an ARN such as ${EXAMPLE[service]}${name}`,
  ];
}

function isKnown(part: string | undefined): part is string {
  return part !== undefined && !Token.isUnresolved(part);
}
