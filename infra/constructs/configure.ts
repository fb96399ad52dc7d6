// Producers as the CDK knows them: anything with a role, and, where it has an environment, that too.
import type { ContainerDefinition, TaskDefinition } from "aws-cdk-lib/aws-ecs";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { InvalidOption } from "../../lib/errors.ts";

export type Producer = IGrantable | TaskDefinition;

export function principalOf(producer: Producer): IGrantable {
  return isTaskDefinition(producer) ? producer.taskRole : producer;
}

/**
 * Sets variables on a function, behind a version or an alias too, or on the default container of a task definition. By shape: a
 * project may have two copies of the CDK. Throws InvalidOption for a task definition that has no container yet.
 */
export function configure(producer: Producer, variables: Readonly<Record<string, string>>): void {
  const target = targetOf(producer);
  if (!hasEnvironment(target)) return;
  for (const [name, value] of Object.entries(variables)) target.addEnvironment(name, value);
}

function targetOf(producer: Producer): object {
  if (!isTaskDefinition(producer)) return "lambda" in producer ? (producer.lambda as object) : producer; // a version's, an alias's
  const { defaultContainer, node } = producer;
  if (defaultContainer !== undefined) return defaultContainer;
  throw new InvalidOption(
    `task definition "${node.path}" has no container yet, which could be told where the queues are; add its container first, and grant then`,
  );
}

function isTaskDefinition(producer: Producer): producer is TaskDefinition {
  return "taskRole" in producer;
}

function hasEnvironment(target: object): target is LambdaFunction | ContainerDefinition {
  return "addEnvironment" in target && typeof target.addEnvironment === "function";
}
