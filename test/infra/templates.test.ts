// What is deployed for a workload of each kind, in full: a change here is a change of somebody's account.
import type { Template } from "aws-cdk-lib/assertions";
import { expect, test } from "vitest";
import { deploy } from "./deploy.ts";

const { template } = deploy();

/** Without what only tells the CDK where an asset lies. */
function resources(of: Template): unknown {
  const { Resources } = of.toJSON();
  return JSON.parse(
    JSON.stringify(Resources, (key, value: unknown) => (key === "S3Key" ? "(hash of the bundle)" : value)),
  );
}

test.each([
  ["a Lambda workload", "duckling-default"],
  ["a Fargate workload", "duckling-renders"],
  ["cluster and network of containers", "duckling-containers"],
])("%s", async (_kind, name) => {
  await expect(`${JSON.stringify(resources(template(name)), undefined, 2)}\n`).toMatchFileSnapshot(
    `snapshots/${name}.json`,
  );
});
