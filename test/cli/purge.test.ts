// purge, as a user runs it. What becomes of each message is in test/behaviour/purge.test.ts.
import { describe, expect, test } from "vitest";
import { SqsBroker } from "../../lib/aws/sqs-broker.ts";
import { startLocalStack } from "../../lib/local/stack.ts";
import { cliStack, json, lovage, QUEUES, start } from "./lovage.ts";

const NAME = ["--name", "clitest"];

describe.concurrent("purge", () => {
  test("ends what waits as REVOKED, says what it did and what remains", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    const sent = await Promise.all(
      Array.from({ length: 3 }, () => json<{ id: string }>(["send", "add", "1", "2", ...NAME], there)),
    );
    await lovage(["send", "add", "1", "2", "--countdown", "10m", ...NAME], there);
    const { code, stdout, stderr } = await lovage(["purge", "default", "--yes", ...NAME], there);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "purged 3 tasks of clitest-default\n" });
    expect(stderr).toContain("about 1 delayed (a countdown, or a retry: not due yet) remain; purge again");
    for (const { id } of sent) {
      const found = await json(["result", id, ...NAME], there);
      expect(found).toMatchObject({ state: "REVOKED", failure: { message: "purged" } });
    }
  });

  test("as JSON, of the dead-letter queue", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    const found = await json(["purge", "renders", "--dead-letters", "--yes", ...NAME], there);
    expect(found).toEqual({
      app: "clitest",
      workload: "renders",
      queue: "clitest-renders-dead",
      purged: 0,
      ended: 0,
      superseded: 0,
      failed: 0,
      running: 0,
      moved: 0,
      kept: 0,
      deleted: 0,
      remain: { visible: 0, inFlight: 0, delayed: 0 },
    });
  });

  test("Ctrl-C: what is in hand is finished, the rest is left, exit code 130", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    Object.assign(process.env, stack.environment); // the SDK's own: region and credentials
    const broker = new SqsBroker({ endpoint: stack.sqsEndpoint });
    const body = '{"headers": {"task": "add", "id": "one"}, "body": 5}';
    await Promise.all(Array.from({ length: 3_000 }, () => broker.send("clitest-default", { body, delaySeconds: 0 })));
    await broker.close();
    await using purge = start(["purge", "default", "--yes", ...NAME], there);
    await purge.said("purging about 3,000 messages");
    purge.kill("SIGINT");
    const { code, stdout, stderr } = await purge.ended();
    expect(code).toBe(130);
    const done = Number(/(\d[\d,]*) {3}unreadable, recorded as FAILURE/.exec(stdout)?.[1]?.replace(",", "") ?? 0);
    const left = Number(/about (\d[\d,]*) waiting remain/.exec(stderr)?.[1]?.replace(",", ""));
    expect(left).toBeGreaterThan(0);
    expect(done + left).toBe(3_000);
  });

  test("without a terminal it takes --yes", async () => {
    const { code, stderr } = await lovage(["purge", "default"], { env: { AWS_REGION: "eu-central-1" } });
    expect(code).toBe(2);
    expect(stderr).toContain("purge drops tasks: pass --yes");
  });

  test("a workload the app does not have is questioned, a table that is missing is named before anything is received", async () => {
    const unknown = await lovage(["purge", "render", "--yes"], { env: { AWS_REGION: "eu-central-1" } });
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('has no workload "render"; did you mean renders?');
    await using stack = await startLocalStack({ queues: QUEUES });
    const bare = await lovage(["purge", "default", "--yes", ...NAME], { env: stack.environment });
    expect(bare.stderr).toContain('error: table "clitest" does not exist at ');
  });
});
