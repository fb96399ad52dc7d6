// A second opinion, where cfn-lint is installed: nothing of Lovage needs it.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { expect, test } from "vitest";
import { TaskApp } from "../../infra/index.ts";
import { ENTRY, image } from "./deploy.ts";
import { duckling } from "./duckling.ts";

const installed = spawnSync("cfn-lint", ["--version"]).status === 0;

/** A DependsOn that a GetAtt makes superfluous: the CDK writes it for every function with a role. */
const OF_THE_CDK = ["W3005"];

test.skipIf(!installed)("cfn-lint finds nothing in the templates", { timeout: 120_000 }, () => {
  const outdir = mkdtempSync(join(tmpdir(), "lovage-lint-"));
  try {
    const cdk = new App({ outdir, context: { "aws:cdk:bundling-stacks": [] } });
    new TaskApp(cdk, "Duckling", {
      app: { ...duckling, payloads: { bucket: "duckling-payloads" } },
      entry: ENTRY,
      image,
    });
    cdk.synth();
    const templates = readdirSync(outdir).filter((name) => name.endsWith(".template.json"));
    expect(templates).toHaveLength(4);
    const ignoring = ["--ignore-checks", ...OF_THE_CDK, "--"];
    expect(execFileSync("cfn-lint", [...ignoring, ...templates], { cwd: outdir, encoding: "utf8" })).toBe("");
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
});
