// The smoke test, tried on the local stack as far as that goes: what it says of AWS is said by AWS, but that it says it is tested here.
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Running, start } from "../cli/lovage.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MINUTE = 60_000;
/** They wait for SQS and Lambda to give up: minutes. */
const SLOW = ["visibility", "takeover", "dead-letters"];
const LOCAL = [
  "task",
  "batched-writes",
  "large-message",
  "delay",
  "retry",
  "concurrency",
  "clocks",
  "queues",
  "refused-write",
  "time-to-live",
  "stale-receipt",
];
const AWS_ONLY = [
  "signatures",
  "least-privilege",
  "lifecycle",
  "event-source-mappings",
  "containers",
  "alarms",
  "limits",
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lovage-smoke-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** On a machine without credentials, but for what is given. */
function smoke(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const { PATH = "" } = process.env;
  const none = { PATH, HOME: folder, AWS_EC2_METADATA_DISABLED: "true" };
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const child = execFile(
    process.execPath,
    ["test/smoke/main.ts", ...args],
    { cwd: ROOT, env: { ...none, ...env } },
    (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
  );
  return promise;
}

describe("before it begins", () => {
  test.each([
    [[], {}, "no region is configured; give --region"],
    [["--region", "eu-central-1"], {}, "no AWS credentials were found; set AWS_PROFILE"],
    [["--only", "tusk"], {}, "there is no check tusk; there are task, "],
    [
      ["--region", "eu-central-1", "--app", "examples/outbox/outbox.ts"],
      { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" },
      'examples/outbox/outbox.ts exports no "app"',
    ],
  ])("%j with %j: one line, and exit code 2", async (args, env, problem) => {
    const { code, stdout, stderr } = await smoke(args, env);
    expect(stderr).toContain(`error: ${problem}`);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test("its app is a deployment that can be made", async () => {
    const context = { "aws:cdk:bundling-stacks": [] };
    const env = {
      PATH: process.env.PATH ?? "",
      CDK_OUTDIR: join(folder, "out"),
      CDK_CONTEXT_JSON: JSON.stringify(context),
    };
    const made = spawnSync(process.execPath, ["test/smoke/infra.ts"], { cwd: ROOT, env, encoding: "utf8" });
    expect(made).toMatchObject({ status: 0, stderr: "" });
    const stacks = (await readdir(join(folder, "out"))).filter((name) => name.endsWith(".template.json"));
    expect(stacks).toHaveLength(3);
  });

  test("the guide has all of its checks", async () => {
    const guide = await readFile(`${ROOT}/docs/deploy.md`, "utf8");
    const rows = guide
      .slice(guide.indexOf("## Smoke test"))
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    for (const name of [...SLOW, ...LOCAL, ...AWS_ONLY, "payloads"]) expect(rows.join("\n")).toContain(`\`${name}\``);
  });

  test("it lists what it shows of AWS, with nothing configured", async () => {
    const { code, stdout } = await smoke(["--list"]);
    const names = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[0]);
    expect(names.toSorted()).toEqual([...SLOW, ...LOCAL, ...AWS_ONLY, "payloads"].toSorted());
    expect(code).toBe(0);
  });
});

describe("on the local stack", () => {
  let dev: Running;
  let environment: Readonly<Record<string, string>>;
  beforeAll(async () => {
    dev = start(["dev", "--app", `${ROOT}/test/smoke/app.ts`], { cwd: folder });
    await dev.said("ready ");
    ({ environment } = JSON.parse(await readFile(join(folder, ".lovage/dev.json"), "utf8")));
  }, MINUTE);
  afterAll(async () => {
    dev.kill("SIGTERM");
    await dev.ended();
  }, MINUTE);

  test("what emulators can show passes, the rest says why it is left out", { timeout: 3 * MINUTE }, async () => {
    const { code, stdout, stderr } = await smoke(["--json", "--scratch", "--except", SLOW.join()], environment);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const by = (result: string) => lines.filter((line) => line.result === result).map(({ check }) => check);
    expect(lines.filter((line) => line.result === "failed")).toEqual([]);
    expect(by("passed")).toEqual(LOCAL);
    expect(by("skipped").toSorted()).toEqual([...AWS_ONLY, "payloads"].toSorted());
    expect(lines.filter((line) => line.result === "skipped" && !line.reason)).toEqual([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("a check that fails says why, and the exit code is 1", { timeout: MINUTE }, async () => {
    const nobody = { ...environment, AWS_ENDPOINT_URL_DYNAMODB: environment.AWS_ENDPOINT_URL_SQS ?? "" };
    const { code, stdout } = await smoke(["--only", "time-to-live"], nobody);
    expect(stdout).toMatch(/^failed +time-to-live +\w/);
    expect(code).toBe(1);
  });
});
