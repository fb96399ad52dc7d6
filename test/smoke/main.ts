// npm run smoke: asks a deployed app what no emulator can tell. It deploys nothing; docs/deploy.md#smoke-test has the steps.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { App } from "lovage";
import { type Check, type Outcome, runCheck, type World } from "./check.ts";
import { ACCESS_CHECKS } from "./checks/access.ts";
import { RESOURCE_CHECKS } from "./checks/resources.ts";
import { SCRATCH_CHECKS } from "./checks/scratch.ts";
import { TASK_CHECKS } from "./checks/tasks.ts";

const OWN_APP = "test/smoke/app.ts";
const CHECKS: readonly Check[] = [...TASK_CHECKS, ...ACCESS_CHECKS, ...RESOURCE_CHECKS, ...SCRATCH_CHECKS];
const HELP = `npm run smoke -- [options]

  --app <module>     exports the app that is deployed (default: ${OWN_APP}, whose tasks most checks call)
  --region <region>  where it is deployed (default: the SDK's own)
  --only <names>     these checks, with commas between
  --except <names>   all but these
  --scratch          also checks that make a queue, and remove it
  --list             say what there is, and run nothing
  --json             one object for each check on stdout

Deploy the default app first, take it away afterwards:
  npx cdk deploy --all --app "node test/smoke/infra.ts"
  npx cdk destroy --all --app "node test/smoke/infra.ts"

Exit codes: 0 nothing failed, 1 something did, 2 it could not begin.`;

process.exitCode = await main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  return 2;
});
process.exit(); // clients keep sockets open

async function main(): Promise<number> {
  const options = {
    app: { type: "string", default: OWN_APP },
    region: { type: "string" },
    only: { type: "string" },
    except: { type: "string" },
    scratch: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  const { values } = parseArgs({ options });
  if (values.help) return say(HELP);
  const checks = chosen(values.only, values.except);
  if (values.list) return say(checks.map(({ name, proves }) => `${name.padEnd(22)} ${proves}`).join("\n"));
  if (values.region !== undefined) process.env.AWS_REGION = values.region;
  await demandCredentials();
  const world = await worldOf(values.app, values.scratch);
  let failures = 0;
  for (const check of checks) {
    const outcome = await runCheck(check, world);
    if (outcome.result === "failed") failures++;
    console.log(
      values.json ? JSON.stringify({ check: check.name, proves: check.proves, ...outcome }) : line(check, outcome),
    );
  }
  return failures === 0 ? 0 : 1;
}

function say(text: string): number {
  console.log(text);
  return 0;
}

function line({ name }: Check, outcome: Outcome): string {
  return `${outcome.result.padEnd(8)} ${name.padEnd(22)} ${"detail" in outcome ? outcome.detail : outcome.reason}`;
}

function chosen(only: string | undefined, except = ""): readonly Check[] {
  const names = CHECKS.map(({ name }) => name);
  const wanted = only?.split(",") ?? names;
  const unwanted = except.split(",").filter((name) => name !== "");
  const unknown = [...wanted, ...unwanted].filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`there is no check ${unknown.join(", ")}; there are ${names.join(", ")}`);
  return CHECKS.filter(({ name }) => wanted.includes(name) && !unwanted.includes(name));
}

/** In one line, what is missing. */
async function demandCredentials(): Promise<void> {
  const { config } = new SQSClient({});
  await config.region().catch(() => {
    throw new Error("no region is configured; give --region, or set AWS_REGION");
  });
  await config.credentials().catch(() => {
    throw new Error(
      "no AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in (aws sso login)",
    );
  });
}

async function worldOf(module: string, scratch: boolean): Promise<World> {
  const load = (path: string) => import(pathToFileURL(resolve(path)).href);
  const { app } = (await load(module)) as { app?: App }; // another module may have none
  if (app?.workloads === undefined) throw new Error(`${module} exports no "app"`);
  const tasks = module === OWN_APP ? await import("./tasks.ts") : undefined;
  return { app, tasks, scratch, local: Boolean(process.env.AWS_ENDPOINT_URL_SQS) };
}
