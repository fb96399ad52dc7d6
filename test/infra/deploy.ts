// A TaskApp synthesized for a test. Functions are not bundled, but where a test is about that.
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { ContainerImage } from "aws-cdk-lib/aws-ecs";
import { TaskApp, type TaskAppProps } from "../../infra/index.ts";
import { duckling } from "./duckling.ts";

export const ENTRY = "functions/worker/handler.ts";

export const image = ContainerImage.fromRegistry("duckling");

export const unbundled = () => new App({ context: { "aws:cdk:bundling-stacks": [] } });

/** In an App, and the templates of its stacks by stack name. */
export function deploy(props: Partial<TaskAppProps> = {}) {
  const cdk = unbundled();
  const taskApp = new TaskApp(cdk, "Duckling", { app: duckling, entry: ENTRY, image, ...props });
  const templates = new Map(
    taskApp.node
      .findAll()
      .filter(Stack.isStack)
      .map((stack) => [stack.stackName, Template.fromStack(stack)] as const),
  );
  const template = (stackName: string) => {
    const found = templates.get(stackName);
    if (found === undefined) throw new Error(`no stack ${stackName}, only ${[...templates.keys()].join(", ")}`);
    return found;
  };
  return { cdk, taskApp, templates, template };
}

/** The same in one stack. */
export function deployInStack(props: Partial<TaskAppProps> = {}) {
  const stack = new Stack(unbundled(), "Shop");
  const taskApp = new TaskApp(stack, "Duckling", { app: duckling, entry: ENTRY, image, ...props });
  return { stack, taskApp, template: () => Template.fromStack(stack) };
}

/** An ARN of the stack's own partition, region and account. */
export const arn = (service: string, resource: string) => ({
  "Fn::Join": [
    "",
    [
      "arn:",
      { Ref: "AWS::Partition" },
      `:${service}:`,
      { Ref: "AWS::Region" },
      ":",
      { Ref: "AWS::AccountId" },
      `:${resource}`,
    ],
  ],
});

interface Policy {
  readonly Properties: {
    readonly PolicyDocument: { readonly Statement: readonly Record<string, unknown>[] };
    readonly Roles: readonly { readonly Ref: string }[];
  };
}

/** What the roles of a template are allowed, by the role's logical id; what several policies give one role is together. */
export function allowed(template: Template): ReadonlyMap<string, readonly Record<string, unknown>[]> {
  const statements = new Map<string, readonly Record<string, unknown>[]>();
  for (const { Properties } of Object.values(template.findResources("AWS::IAM::Policy")) as Policy[])
    for (const { Ref } of Properties.Roles)
      statements.set(Ref, [...(statements.get(Ref) ?? []), ...Properties.PolicyDocument.Statement]);
  return statements;
}

/** Of the one role whose logical id begins so. */
export function allowedTo(template: Template, role: string): readonly Record<string, unknown>[] {
  const found = [...allowed(template)].filter(([id]) => id.startsWith(role));
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`${found.length} roles begin with ${role}: ${[...allowed(template).keys()].join(", ")}`);
  return only[1];
}
