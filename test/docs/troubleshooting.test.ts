// docs/guides/troubleshooting.md says how each cause shows: here each is brought about, on the local stack and with the built
// command, and what the guide's `console` blocks show is compared with what is printed.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { lovage } from "../cli/lovage.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { consoleBlocks } from "./console.ts";
import { filesOf } from "./guide.ts";
import { Lab, queuesOf, RECEIVES } from "./lab.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const GUIDE = readFileSync(`${ROOT}/docs/guides/troubleshooting.md`, "utf8");
const BLOCKS = consoleBlocks(GUIDE);
/** The app's clock, so much later that leases of before are over. */
const later = (minutes: number) => ({ AHEAD: String(60 * minutes) });

let cwd: string;
let stack: LocalStack;

beforeAll(async () => {
  await mkdir(`${ROOT}/.lovage`, { recursive: true });
  cwd = await mkdtemp(`${ROOT}/.lovage/troubleshooting-`);
  stack = await startLocalStack();
});
afterAll(async () => {
  await stack.stop();
  await rm(cwd, { recursive: true, force: true });
});

type Show = (options?: { id?: string; env?: Readonly<Record<string, string>>; in?: Lab }) => Promise<void>;

const lab = () => new Lab({ cwd, files: filesOf(GUIDE), app: "shop", stack }).open();

/** Each `show` plays the section's next block. */
const SITUATIONS: Readonly<Record<string, (lab: Lab, show: Show) => Promise<void>>> = {
  "1. No worker runs": async (lab, show) => {
    const id = await lab.send("add", "2", "3");
    await show({ id });
  },
  "2. The app's name differs": async (shop, show) => {
    const id = await shop.send("add", "2", "3");
    await show({ id });
    await using staging = await lab();
    await show({ id, in: staging });
  },
  "3. Producer and worker look at different places": async (lab, show) => {
    await using elsewhere = await startLocalStack({
      queues: queuesOf(lab.name),
    });
    await lab.send("add", "2", "3");
    await show();
    await show({ env: elsewhere.environment });
  },
  "4. The worker serves other workloads": async (_, show) => {
    await show();
    await show();
  },
  "5. The task's module is not included": async (lab, show) => {
    await lab.edit("app.ts", (code) => code.replace('include: ["./tasks.ts"],', ""));
    await show();
  },
  "6. The name is another": async (shop, show) => {
    const renamed = (code: string) => code.replace('"crawl"', '"pages.crawl"');
    const id = await shop.send("crawl", "1");
    await shop.edit("tasks.ts", renamed);
    await show({ id });
    await using later = await lab();
    const late = await later.send("crawl", "1");
    await later.edit("tasks.ts", renamed);
    for (let i = 0; i < 3; i++) await later.receiveAndGiveBack("default"); // what 10, 30 and 60 s bring
    await later.worker();
    await later.reaches(late, "FAILURE");
    await show({ id: late, in: later });
    await show();
  },
  "7. The worker does not start": async (_, show) => {
    await using proxy = await startFaultProxy(stack.sqsEndpoint);
    const message =
      "User: arn:aws:sts::123456789012:assumed-role/shop-worker/1 is not authorized to perform: sqs:getqueueurl on resource: arn:aws:sqs:eu-west-1:123456789012:shop-default because no identity-based policy allows the sqs:getqueueurl action";
    const fault = { kind: "status", status: 403, code: "AccessDeniedException", message } as const;
    proxy.on({ operation: "GetQueueUrl", fault });
    await show({ env: { AWS_ENDPOINT_URL_SQS: proxy.endpoint } });
    await show({ env: { AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:9" } });
    await show();
  },
  "8. It is not time yet": async (lab, show) => {
    await lab.send("add", "2", "3", "--countdown", "10m");
    await show();
    const id = await lab.send("crawl", "0");
    await lab.worker();
    await lab.reaches(id, "RETRY");
    await show({ id });
  },
  "9. A worker has it, or died with it": async (lab, show) => {
    const worker = await lab.worker(["--concurrency", "1"]);
    const id = await lab.send("crawl", "600");
    await lab.reaches(id, "STARTED");
    await lab.send("add", "2", "3");
    await show({ id });
    worker.kill("SIGKILL");
    await show({ id, env: later(1) });
  },
  "10. It expired, or was revoked": async (lab, show) => {
    const id = await lab.send("add", "2", "3");
    await lovage(["revoke", id], lab);
    await show({ id });
  },
  "11. It was never sent": async (lab, show) => {
    execFileSync(process.execPath, ["never.ts"], { cwd: lab.cwd, env: { ...process.env, ...lab.env } });
    await show();
  },
  "12. It is on the dead-letter queue": async (lab, show) => {
    await lab.edit("tasks.ts", (code) => code.replace(/`.*png`/, "{ while (true); }"));
    const id = await lab.send("poster", "duck");
    const options = ["--workloads", "renders", "--concurrency", "1"];
    for (let kill = 0; kill < RECEIVES.renders; kill++) {
      const worker = await lab.worker(options, later(kill));
      await lab.reaches(id, "STARTED", kill + 1);
      worker.kill("SIGKILL");
      await worker.ended();
      await lab.visibleAgain("renders");
    }
    await lab.receiveAndGiveBack("renders"); // nobody gets it: SQS moves it
    await show();
    await lab.worker(options, later(RECEIVES.renders));
    await lab.reaches(id, "FAILURE");
    await show({ id, env: later(RECEIVES.renders) });
    await show({ id, env: later(RECEIVES.renders) });
  },
  "13. Clocks differ": async (_, show) => {
    await using proxy = await startFaultProxy(stack.sqsEndpoint);
    const message =
      "Signature expired: 20261121T120000Z is now earlier than 20261121T121500Z (20261121T123000Z - 15 min.)";
    const fault = { kind: "status", status: 403, code: "InvalidSignatureException", message } as const;
    proxy.on({ operation: "GetQueueUrl", fault });
    await show({ env: { AWS_ENDPOINT_URL_SQS: proxy.endpoint } });
  },
};

describe.concurrent("docs/guides/troubleshooting.md", () => {
  test("every console block belongs to a situation that is brought about", ({ expect }) => {
    expect(new Set(BLOCKS.map(({ heading }) => heading))).toEqual(new Set(Object.keys(SITUATIONS)));
  });

  for (const [heading, situation] of Object.entries(SITUATIONS)) {
    const blocks = BLOCKS.filter((block) => block.heading === heading);
    const run = async () => {
      const left = [...blocks];
      await using here = await lab();
      await situation(here, async ({ in: place = here, ...options } = {}) => {
        const block = left.shift();
        if (block === undefined) throw new Error(`"${heading}" has fewer console blocks than are shown here`);
        await place.shows(block, options);
      });
      if (left.length > 0) throw new Error(`line ${left[0]?.line}: nothing shows this block`);
    };
    test(heading, run, 120_000);
  }
});
