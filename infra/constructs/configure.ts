// Producers as the CDK knows them: anything with a role, and, where it has an environment, that too.
import type { ContainerDefinition, TaskDefinition } from "aws-cdk-lib/aws-ecs";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";

export type Producer = IGrantable | TaskDefinition;

export function principalOf(producer: Producer): IGrantable {
  return isTaskDefinition(producer) ? producer.taskRole : producer;
}

/** Sets variables on a function, or on the default container of a task definition. By shape: a project may have two copies of the CDK. */
export function configure(producer: Producer, variables: Readonly<Record<string, string>>): void {
  const target = isTaskDefinition(producer) ? producer.defaultContainer : producer;
  if (target === undefined || !hasEnvironment(target)) return;
  for (const [name, value] of Object.entries(variables)) target.addEnvironment(name, value);
}

function isTaskDefinition(producer: Producer): producer is TaskDefinition {
  return "taskRole" in producer;
}

function hasEnvironment(target: object): target is LambdaFunction | ContainerDefinition {
  return "addEnvironment" in target && typeof target.addEnvironment === "function";
}
