// The stacks that docs/deploy.md tells to type are stacks of its example, by the names that the CDK's command line takes.
import { readFile } from "node:fs/promises";
import { Stack } from "aws-cdk-lib";
import { expect, test } from "vitest";
import { TaskApp } from "../../infra/index.ts";
import { onFargate, onLambda } from "../../lib/index.ts";
import { ENTRY, image, unbundled } from "../infra/deploy.ts";

const text = await readFile(new URL("../../docs/deploy.md", import.meta.url), "utf8");

/** As the command line selects them: by their place in the tree, not by their names in CloudFormation. */
function stacksOf(id: string): readonly string[] {
  const app = { name: "shop", workloads: { default: onLambda(), renders: onFargate() } };
  const made = new TaskApp(unbundled(), id, { app, entry: ENTRY, image });
  return made.node
    .findAll()
    .filter(Stack.isStack)
    .map(({ node }) => node.path);
}

const stacks = ["Shop", "Test"].flatMap(stacksOf); // of its blocks
const typed = [...text.matchAll(/cdk (?:deploy|destroy|import|diff) "?([\w/*][\w/*-]*)/g)].map(
  ([, stack = ""]) => stack,
);

test("there are some", () => expect(typed.length).toBeGreaterThan(2));

test.each(typed)("%s", (pattern) => {
  const whole = new RegExp(`^${pattern.replaceAll("*", ".*")}$`);
  expect(stacks.filter((stack) => whole.test(stack))).not.toEqual([]);
});
