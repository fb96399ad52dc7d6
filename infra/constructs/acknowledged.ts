// What cdk-nag's AwsSolutions rules say of these constructs, and why it stays so. Said here, users need not say it again.
import { Validations } from "aws-cdk-lib";
import { Construct } from "constructs";

const REASONS = {
  DDB3: "records are results with a time to live, not data that anybody restores; point-in-time recovery would bill every GB of them",
  S1: "objects are arguments and results that expire; each access by a task is in that task's own log",
  VPC7: "nothing listens in this network; flow logs would be billed by the GB, and its owner may switch them on",
  ECS2: "the variables say where queues are and what to log; secrets are the task's own business, read with its role",
  ECS4: "Container Insights is billed by the metric for every task; workers write their own metrics, and SQS has the backlog",
} as const;

export function acknowledge(construct: Construct, rule: keyof typeof REASONS): void {
  Validations.of(construct).acknowledge({ id: `AwsSolutions::AwsSolutions-${rule}`, reason: REASONS[rule] });
}

/** IAM5 on a principal of this CDK app: `resource` as the rule prints it. */
export function acknowledgeWildcard(principal: unknown, resource: string, reason: string): void {
  if (!Construct.isConstruct(principal)) return; // a principal from elsewhere, whose policy is not in these templates
  Validations.of(principal).acknowledge({ id: `AwsSolutions::AwsSolutions-IAM5[Resource::${resource}]`, reason });
}
