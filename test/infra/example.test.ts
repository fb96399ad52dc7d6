// The example deployment as `cdk synth` makes it, but without the CLI: bundled by esbuild, with neither Docker nor an account.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

test("the example deploys a Lambda and a Fargate workload", { timeout: 120_000 }, async () => {
  const outdir = mkdtempSync(join(tmpdir(), "lovage-example-"));
  try {
    await promisify(execFile)(process.execPath, ["infra/main.ts"], {
      cwd: ROOT,
      env: { CDK_OUTDIR: outdir, HOME: outdir, PATH: process.env.PATH }, // no credentials, no region
    });
    const types = readdirSync(outdir)
      .filter((name) => name.endsWith(".template.json"))
      .flatMap((name) => {
        const { Resources }: { Resources: Record<string, { Type: string }> } = JSON.parse(
          readFileSync(join(outdir, name), "utf8"),
        );
        return Object.values(Resources).map(({ Type }) => Type);
      });
    const count = (type: string) => types.filter((one) => one === type).length;
    expect(count("AWS::SQS::Queue")).toBe(4);
    expect(count("AWS::Lambda::EventSourceMapping")).toBe(3); // the worker's, and those of both dead-letter queues
    expect(count("AWS::ECS::Service")).toBe(1);
    expect(count("AWS::DynamoDB::Table")).toBe(1);
    expect(count("AWS::CloudWatch::Dashboard")).toBe(1);
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
});
