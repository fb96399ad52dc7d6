// cdk-nag's AwsSolutions rules over the example deployment. What is acknowledged has its reason in infra/constructs.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack, Validations } from "aws-cdk-lib";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { AwsSolutionsChecks } from "cdk-nag";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ContainerCluster } from "../../infra/constructs/container-cluster.ts";
import { TaskApp } from "../../infra/index.ts";
import { workerIn } from "./containers.ts";
import { ENTRY, image } from "./deploy.ts";
import { duckling } from "./duckling.ts";

let outdir: string;
beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), "lovage-nag-"));
});
afterEach(() => rmSync(outdir, { recursive: true, force: true }));

interface Report {
  readonly pluginReports: readonly {
    readonly pluginName: string;
    readonly conclusion: string;
    readonly violations: readonly { readonly ruleName: string }[];
  }[];
}

/** What AwsSolutions says of an app made by `make`. Findings fail the synthesis, warnings do not: both are in its report. */
function findings(make: (cdk: App) => void): readonly string[] {
  const cdk = new App({ outdir, context: { "aws:cdk:bundling-stacks": [] } });
  Validations.of(cdk).addPlugins(new AwsSolutionsChecks(cdk));
  make(cdk);
  try {
    cdk.synth();
  } catch (error) {
    if (!String(error).includes("ValidationFailed")) throw error;
  }
  const report: Report = JSON.parse(readFileSync(join(outdir, "validation-report.json"), "utf8"));
  const nag = report.pluginReports.find(({ pluginName }) => pluginName === "AwsSolutions");
  if (nag === undefined) throw new Error("AwsSolutions did not report");
  return nag.violations.map(({ ruleName }) => ruleName);
}

test("AwsSolutions finds nothing that is not explained", () => {
  const app = { ...duckling, payloads: { bucket: "duckling-payloads" } };
  expect(findings((cdk) => new TaskApp(cdk, "Duckling", { app, entry: ENTRY, image }))).toEqual([]);
});

test("nor in containers, their network and their scaling, wherever they are", () => {
  const found = findings((cdk) => {
    const cluster = new ContainerCluster(new Stack(cdk, "duckling"), "Containers", { app: "duckling" });
    const stack = new Stack(cdk, "duckling-renders");
    workerIn(stack, { props: { cluster: cluster.in(stack) } });
    workerIn(new Stack(cdk, "Shop", { env: { account: "111111111111", region: "eu-west-1" } }));
  });
  // The queue is this test's own: the app's are made by TaskApp, and looked at above.
  expect(found.filter((rule) => !/AwsSolutions-SQS/.test(rule))).toEqual([]);
});

test("and does find what is not", () => {
  const found = findings((cdk) => {
    new TaskApp(cdk, "Duckling", { app: duckling, entry: ENTRY, image });
    new Queue(new Stack(cdk, "Shop"), "Queue");
  });
  expect(found).toContain("AwsSolutions-SQS4");
});
