// failures and redrive, as a user runs them. What becomes of each task is in test/behaviour/redrive.test.ts.
import { describe, expect, test } from "vitest";
import { DynamoResultStore } from "../../lib/aws/dynamo-result-store.ts";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import * as changes from "../../lib/core/changes.ts";
import { freshId, idKey } from "../../lib/core/ids.ts";
import { redriveId } from "../../lib/core/redrive.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import type { Failure } from "../../lib/store/record.ts";
import { encode } from "../../lib/wire/envelope.ts";
import { envelopeOf } from "../support/messages.ts";
import { cliStack, json, lovage, QUEUES, start } from "./lovage.ts";

const NAME = ["--name", "clitest"];
const KEY = idKey("clitest");
const NO_BANK: Failure = {
  type: "PaymentTimeout",
  message: "no bank\nfor this order",
  stack: "PaymentTimeout: no bank\nfor this order\n    at charge (tasks.ts:3:9)",
};

interface Failed {
  readonly task?: string;
  readonly agoSeconds?: number;
  readonly failure?: Failure;
  readonly args?: readonly (string | number)[];
  readonly kept?: boolean;
}

/** Records failures as a worker would; answers with their ids. */
async function fail(stack: LocalStack, ...failed: readonly Failed[]): Promise<readonly string[]> {
  Object.assign(process.env, stack.environment); // the SDK's own: region and credentials
  const store = new DynamoResultStore({ table: "clitest", endpoint: stack.dynamodbEndpoint });
  const write = async ({ task = "add", agoSeconds = 60, failure = NO_BANK, args = [2, 3], kept = true }: Failed) => {
    const now = Date.now() - agoSeconds * 1_000;
    const id = freshId(KEY, now, crypto.getRandomValues(new Uint8Array(10)));
    const body = encode(envelopeOf({ id, task, args, rootId: id }), "clitest-default");
    const claim = { id, task, workload: "default", attempt: 0, token: "t" };
    await store.write(changes.failUnheld(claim, now, failure, 86_400, kept ? body : undefined));
    return id;
  };
  try {
    return await Promise.all(failed.map(write));
  } finally {
    await store.close();
  }
}

/** Fresh ids of `fail` say when it failed: their first 48 bits are that millisecond. */
function redrivenAs(id: string, redrives: number): string {
  const endedAt = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
  return redriveId(KEY, { id, endedAt }, redrives, false);
}

async function waiting(stack: LocalStack): Promise<number> {
  const broker = new SqsBroker({ endpoint: stack.sqsEndpoint });
  try {
    return (await broker.depth("clitest-default")).visible;
  } finally {
    await broker.close();
  }
}

describe.concurrent("failures", { timeout: 90_000 }, () => {
  test("lists the newest first, with age, task, error, message, id and redrives", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    const [first, second] = await fail(
      stack,
      { agoSeconds: 7_300 },
      { agoSeconds: 200, task: "greet", failure: { type: "TypeError", message: "x".repeat(80) } },
    );
    const { code, stdout } = await lovage(["failures", ...NAME], there);
    expect(code).toBe(0);
    expect(stdout.split("\n").map((line) => line.trim().split(/\s{3,}/))).toEqual([
      ["age", "task", "error", "message", "id", "redriven"],
      [expect.stringMatching(/^3\.\d min$/), "greet", "TypeError", `${"x".repeat(59)}…`, second, "-"],
      ["2 h", "add", "PaymentTimeout", "no bank for this order", first, "-"],
      [""],
    ]);
  });

  test("by task, error, age and number; as JSON", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    const dead = { type: "DeadLettered", message: "its worker was lost" };
    const [old, late, other] = await fail(
      stack,
      { agoSeconds: 7_300 },
      { agoSeconds: 100, failure: dead },
      { agoSeconds: 50, task: "greet" },
    );
    const ids = async (...filters: readonly string[]) => {
      const { failures } = await json<{ failures: { id: string }[] }>(["failures", ...filters, ...NAME], there);
      return failures.map(({ id }) => id);
    };
    const asked: readonly (readonly [readonly string[], readonly (string | undefined)[]])[] = [
      [[], [other, late, old]],
      [
        ["--task", "add"],
        [late, old],
      ],
      [
        ["--error", "PaymentTimeout"],
        [other, old],
      ],
      [["--dead-letters"], [late]],
      [
        ["--since", "1h"],
        [other, late],
      ],
      [["--until", "1h"], [old]],
      [["--since", "2020-01-01", "--until", "2020-02-01T10:00Z"], []],
      [["--workload", "renders"], []],
    ];
    for (const [filters, expected] of asked) expect(await ids(...filters), filters.join(" ")).toEqual(expected);
    const some = await json(["failures", "--limit", "1", ...NAME], there);
    expect(some).toMatchObject({
      app: "clitest",
      failures: [
        { id: other, task: "greet", workload: "default", errorType: "PaymentTimeout", redrives: 0, attempt: 0 },
      ],
      more: true,
    });
  });

  test("shows one with its arguments, error, stack and redrives", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    const [id = ""] = await fail(stack, { args: ["o-1", 5] });
    await lovage(["redrive", id, ...NAME], there);
    const { stdout, code } = await lovage(["failures", id, ...NAME], there);
    expect(code).toBe(0);
    for (const shown of [
      `FAILURE   ${id}`,
      "PaymentTimeout: no bank",
      '["o-1",5]',
      "at charge (tasks.ts:3:9)",
      redrivenAs(id, 0),
    ])
      expect(stdout).toContain(shown);
    expect(await json(["failures", id, ...NAME], there)).toMatchObject({
      id,
      args: ["o-1", 5],
      failure: NO_BANK,
      redrivenAs: [redrivenAs(id, 0)],
    });
    const result = await lovage(["result", id, ...NAME], there);
    expect(result.stdout).toMatch(/redriven +once/);
  });

  test("says what is no failure, what was not kept, and that a table is too old", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    const unknown = await lovage(["failures", "nobody", ...NAME], there);
    expect(unknown).toMatchObject({ code: 1, stderr: /task nobody has no record, and no FAILURE/ });
    const [bare = ""] = await fail(stack, { kept: false });
    expect((await lovage(["failures", bare, ...NAME], there)).stdout).toMatch(/arguments +its message was not kept/);
    await using empty = await startLocalStack({ queues: QUEUES });
    const missing = await lovage(["failures", ...NAME], { env: empty.environment });
    expect(missing).toMatchObject({ code: 1, stderr: /table "clitest" does not exist/ });
  });

  test.each([
    [["failures", "one", "--task", "add"], /ids and filters exclude each other/],
    [["failures", "--dead-letters", "--error", "E"], /--dead-letters is --error DeadLettered/],
    [["failures", "--since", "1h", "--until", "2h"], /--since is after --until/],
    [["failures", "--since", "2026-99-99"], /it takes a time such as/],
    [["failures", "--since", "yesterday"], /--since.*it takes a time such as .*, or 2h for two hours ago/],
    [["redrive"], /redrive takes ids, or what to look for/],
    [["redrive", "--limit", "5"], /redrive takes ids, or what to look for/],
    [["redrive", "one", "--error", "E"], /ids and filters exclude each other/],
    [["redrive", "--task", "add"], /pass --yes, or --dry-run/],
    [["redrive", "one", "--rate", "fast"], /it takes a rate above 0/],
    [["redrive", "one", "--rate", "0/s"], /it takes a rate above 0/],
  ])("%j is wrong use", async (args, stderr) => {
    const env = { AWS_REGION: "eu-central-1", AWS_ENDPOINT_URL: "http://127.0.0.1:1" };
    expect(await lovage([...args, ...NAME], { env })).toMatchObject({ code: 2, stderr: expect.stringMatching(stderr) });
  });
});

describe.concurrent("redrive", { timeout: 90_000 }, () => {
  test("by ids: each says what became of it; one that cannot be sent ends with 1", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    const [id = "", bare = ""] = await fail(stack, {}, { kept: false });
    const as = redrivenAs(id, 0);
    const sent = await lovage(["redrive", id, id, ...NAME], there); // named twice, it is sent once
    expect(sent).toMatchObject({ code: 0, stdout: `${id}   sent again as ${as}\n` });
    expect(await waiting(stack)).toBe(1);
    const twice = await lovage(["redrive", id, bare, ...NAME], there);
    expect(twice.code).toBe(1);
    expect(twice.stdout).toContain(`${id}   redriven before, as ${as}; --again sends it once more`);
    expect(twice.stdout).toContain(`${bare}   not sent: its message was not kept`);
    const again = await lovage(["redrive", id, "--again", "--json", ...NAME], there);
    expect(
      again.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { id, task: "add", redrivenAs: redrivenAs(id, 1), answer: "sent" },
      { summary: { sent: 1, skipped: 0, refused: 0, complete: true } },
    ]);
    expect(await waiting(stack)).toBe(2);
  });

  test("by filters: a dry run shows what would be sent, --yes sends it, and the next one leaves it alone", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    const ids = await fail(stack, {}, { agoSeconds: 70 }, { task: "greet" }, { agoSeconds: 8_000 });
    const filters = ["--task", "add", "--since", "1h", ...NAME];
    const dry = await lovage(["redrive", ...filters, "--dry-run"], there);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain(`${ids[0]}   add, would be sent again as ${redrivenAs(ids[0] ?? "", 0)}`);
    expect(dry.stdout).toContain("would send 2 tasks again");
    expect(await waiting(stack)).toBe(0);
    const sent = await lovage(["redrive", ...filters, "--yes"], there);
    expect(sent).toMatchObject({ code: 0, stdout: "sent 2 tasks again\n" });
    const { code, stdout } = await lovage(["redrive", ...filters, "--yes", "--json"], there);
    expect({ code, summary: JSON.parse(stdout) }).toEqual({
      code: 0,
      summary: { summary: { sent: 0, skipped: 2, refused: 0, complete: true } },
    });
    expect(await waiting(stack)).toBe(2);
  });

  test("a redriven task runs on a worker, and names where it came from", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    const [id = ""] = await fail(stack, { args: [20, 22] });
    await using worker = start(["worker", "--wait-seconds", "0"], there);
    await worker.said("stall ");
    await lovage(["redrive", id, ...NAME], there);
    const as = redrivenAs(id, 0);
    const found = await json(["result", as, "--wait", "--timeout", "30s", ...NAME], there);
    expect(found).toMatchObject({ state: "SUCCESS", value: 42, redrivenFrom: id });
  });

  test("Ctrl-C: what is in hand is finished and counted, the same command goes on, exit code 130", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await fail(stack, ...Array.from({ length: 40 }, (_, i) => ({ agoSeconds: 60 + i })));
    const args = ["redrive", "--task", "add", "--yes", "--rate", "20/s", "--json", ...NAME];
    await using redrive = start(args, there);
    await redrive.said('"answer":"sent"', 3);
    redrive.kill("SIGINT");
    const { code, stdout } = await redrive.ended();
    expect(code).toBe(130);
    const { summary } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { summary: { sent: number } }; // its last line
    expect(summary).toMatchObject({ skipped: 0, refused: 0, complete: false });
    expect(summary.sent).toBeLessThan(40);
    expect(await waiting(stack)).toBe(summary.sent);
    const rest = await lovage([...args, "--rate", "1000/s"], there);
    expect(rest.stdout).toContain(`"summary":{"sent":${40 - summary.sent},"skipped":${summary.sent}`);
    expect(await waiting(stack)).toBe(40);
  });

  test("where SQS is down it says so, and what was not sent stays to be sent", async () => {
    await using stack = await cliStack();
    await fail(stack, {});
    const env = { ...stack.environment, AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:1" };
    const down = await lovage(["redrive", "--task", "add", "--yes", ...NAME], { env });
    expect(down.code).toBe(1);
    expect(down.stdout).toContain("sent 0 tasks again");
    expect(down.stderr).toContain("the same command goes on");
    const again = await lovage(["redrive", "--task", "add", "--yes", "--again", ...NAME], { env });
    expect(again.stderr).toContain("--again would send once more what has just been sent: go on with --until");
    expect(again.stderr).not.toContain("the same command goes on");
    const up = await lovage(["redrive", "--task", "add", "--yes", ...NAME], { env: stack.environment });
    expect(up.stdout).toBe("sent 1 task again\n");
  });
});
