// A worker as a process: its screen, its logs, its signals, and each reason not to start.
import { describe, expect, test } from "vitest";
import { startLocalStack } from "../../lib/local/stack.ts";
import { members, parse } from "../support/emf-lines.ts";
import { cliStack, type Ended, json, logLines, lovage, QUEUES, type Running, start } from "./lovage.ts";

/** Without threads, which the machine would be busy starting. */
const POLL = ["--wait-seconds", "1", "--workloads", "default"];

interface Queues {
  readonly queues: readonly { readonly workload: string; readonly waiting: number; readonly inFlight: number }[];
}

async function started(worker: Running): Promise<Running> {
  await worker.said('"graceSeconds"');
  return worker;
}

/** The lines about the one cause: no stack, nothing else. */
function causes({ stderr }: Ended): readonly string[] {
  return stderr.split("\n").filter((line) => line !== "" && line !== "the app's module greets");
}

describe.concurrent("at work", () => {
  test("one screen says where it is, what it serves, and its limits", async () => {
    await using stack = await cliStack();
    await using worker = start(["worker", "--concurrency", "3", "--grace", "20s", ...POLL], { env: stack.environment });
    await worker.said("without progress");
    worker.kill("SIGTERM");
    const { code, stdout } = await worker.ended();
    expect(code).toBe(0);
    for (const said of [
      stack.sqsEndpoint,
      `${stack.dynamodbEndpoint}, table clitest`,
      "./app.ts",
      "add, nothing, echo",
      "up to 20 s",
    ])
      expect(stdout).toContain(said);
    expect(stdout).toMatch(/default +3 at a time +3 +30 s +8 +shared +ended here/);
    expect(stdout).not.toContain("renders");
    expect(stdout).not.toContain("\x1b");
  });

  test("--json: the screen is an object, every line about a run names its task, id and attempt, --debug shows decisions", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await using worker = await started(start(["worker", "--json", "--debug", "--wait-seconds", "1"], there));
    expect(JSON.parse(worker.stdout.split("\n")[0] ?? "")).toMatchObject({
      app: "clitest",
      deadLetters: true,
      workloads: [
        { name: "default", concurrency: 10 },
        { name: "renders", concurrency: 1 },
      ],
    });
    const { id } = await json<{ id: string }>(["send", "add", "1", "2", "--wait"], there);
    worker.kill("SIGTERM");
    const { code, stderr } = await worker.ended();
    expect(code).toBe(0);
    const about = logLines(stderr).filter((line) => line.id === id);
    expect(about.map(({ message }) => message)).toEqual(expect.arrayContaining(["started", "succeeded"]));
    for (const line of about) expect(line).toMatchObject({ task: "add", id, attempt: 0 });
    expect(logLines(stderr)).toContainEqual(expect.objectContaining({ message: "settled", row: expect.any(String) }));
  });

  // Only Linux has a device that is always full.
  const skip = process.platform !== "linux";
  test("logs that a full disk does not take cost the logs, not the worker", { skip }, async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await using worker = await started(start(["worker", "--json", ...POLL], { ...there, stderr: "/dev/full" }));
    const { value } = await json<{ value: number }>(["send", "add", "1", "2", "--wait"], there);
    expect(value).toBe(3);
    worker.kill("SIGTERM");
    expect((await worker.ended()).code).toBe(0);
  });

  test("LOVAGE_METRICS: stdout ends with lines of metrics, each whole; readable logs are elsewhere", async () => {
    await using stack = await cliStack();
    const env = { ...stack.environment, LOVAGE_METRICS: "task", LOVAGE_LOG_FORMAT: "pretty" };
    await using worker = start(["worker", ...POLL], { env });
    await worker.said("without progress");
    await json(["send", "add", "1", "2", "--wait"], { env: stack.environment });
    await json(["send", "nothing", "--wait"], { env: stack.environment });
    worker.kill("SIGTERM");
    const { code, stdout, stderr } = await worker.ended();
    expect(code).toBe(0);
    expect(stderr).toContain("succeeded");
    expect(stderr).not.toContain("_aws");
    const documents = parse(stdout.slice(stdout.indexOf('{"_aws"')));
    expect(documents.map(members)).toMatchObject([
      { Workload: "default", Task: "add", Successes: 1 },
      { Workload: "default", Task: "nothing", Successes: 1 },
    ]);
  });

  test("a promise nobody handled is reported, and the worker lives on", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await using worker = await started(start(["worker", "--json", ...POLL], there));
    expect(await json(["send", "stray", "--wait"], there)).toMatchObject({ value: "fine" });
    await worker.said("nobody handled it");
    expect(await json(["send", "add", "1", "2", "--wait"], there)).toMatchObject({ value: 3 });
  });
});

describe.concurrent("stopping", () => {
  test("SIGTERM: what runs ends and is recorded, exit code 0", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await using worker = await started(start(["worker", "--json", "--debug", ...POLL], there));
    const { id } = await json<{ id: string }>(["send", "slow", "1500", "--name", "clitest"], there);
    await worker.said('"started"');
    worker.kill("SIGTERM");
    const { code, stderr } = await worker.ended();
    expect(code).toBe(0);
    expect(logLines(stderr).map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        "stopping: 1 in hand, up to 100 s; again to stop at once",
        "succeeded",
        "stopped, nothing in hand",
      ]),
    );
    expect(await json(["result", id], there)).toMatchObject({ state: "SUCCESS", value: "done", runs: 1 });
  });

  test("what the pending poll brings after SIGTERM is handed back, not lost and not held", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await using worker = await started(
      start(["worker", "--json", "--wait-seconds", "4", "--workloads", "default"], there),
    );
    worker.kill("SIGTERM");
    await worker.said("stopping: 0 in hand");
    await lovage(["send", "add", "1", "2", "--name", "clitest"], there);
    const { code, stderr } = await worker.ended();
    expect(code).toBe(0);
    expect(stderr).not.toContain("succeeded");
    const { queues } = await json<Queues>(["queues", "--name", "clitest"], there);
    expect(queues[0]).toMatchObject({ workload: "default", waiting: 1, inFlight: 0 });
  });

  test("after the grace, what still runs is handed back: exit code 0", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await using worker = await started(start(["worker", "--json", "--debug", "--grace", "500ms", ...POLL], there));
    await lovage(["send", "slow", "60000", "--name", "clitest"], there);
    await worker.said('"started"');
    worker.kill("SIGINT");
    expect((await worker.ended()).code).toBe(0);
    expect((await json<Queues>(["queues", "--name", "clitest"], there)).queues[0]).toMatchObject({
      waiting: 1,
      inFlight: 0,
    });
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("a second %s ends it at once with %i, and gives back what ran", async (signal, expected) => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await using worker = await started(
      start(["worker", "--json", "--debug", "--wait-seconds", "20", "--workloads", "default"], there),
    );
    await lovage(["send", "slow", "60000", "--name", "clitest"], there);
    await worker.said('"started"');
    worker.kill(signal);
    await worker.said("stopping: 1 in hand");
    worker.kill(signal);
    const { code, stderr } = await worker.ended();
    expect(code).toBe(expected);
    expect(logLines(stderr)).toContainEqual(
      expect.objectContaining({ message: "stopped at once", given_back: 1, in_hand: 0 }),
    );
    expect((await json<Queues>(["queues", "--name", "clitest"], there)).queues[0]).toMatchObject({
      waiting: 1,
      inFlight: 0,
    });
  });
});

test("told to stop before it has begun, it ends with 0", async () => {
  await using stack = await cliStack();
  const nobody = { ...stack.environment, AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:9" }; // it asks for 10 s
  await using worker = start(["worker"], { env: nobody });
  await worker.said("greets");
  worker.kill("SIGTERM");
  expect((await worker.ended()).code).toBe(0);
});

describe.concurrent("one clear cause, and exit code 1", () => {
  const dead = "http://127.0.0.1:9"; // discard: nobody listens

  test("a queue that is missing", async () => {
    await using stack = await startLocalStack({ tables: ["clitest"] });
    const ended = await lovage(["worker"], { env: stack.environment });
    expect(ended.code).toBe(1);
    expect(causes(ended)).toEqual([expect.stringContaining('error: queue "clitest-default" does not exist at ')]);
  });

  test("a dead-letter queue that is missing, unless it is left to others", async () => {
    await using stack = await startLocalStack({
      tables: ["clitest"],
      queues: [{ ...QUEUES[0], deadLetter: "other" } as never, QUEUES[1] as never],
    });
    const ended = await lovage(["worker"], { env: stack.environment });
    expect(causes(ended)).toEqual([expect.stringContaining('error: queue "clitest-default-dead" does not exist at ')]);
    await using worker = await started(
      start(["worker", "--json", "--no-dead-letters", ...POLL], { env: stack.environment }),
    );
    worker.kill("SIGTERM");
    expect((await worker.ended()).code).toBe(0);
  });

  test("a table that is missing", async () => {
    await using stack = await startLocalStack({ queues: QUEUES });
    const ended = await lovage(["worker"], { env: stack.environment });
    expect(ended.code).toBe(1);
    expect(causes(ended)).toEqual([expect.stringContaining('error: table "clitest" does not exist at ')]);
  });

  test("a DynamoDB that cannot be reached, as JSON", async () => {
    await using stack = await cliStack();
    const ended = await lovage(["worker", "--json"], {
      env: { ...stack.environment, AWS_ENDPOINT_URL_DYNAMODB: dead },
    });
    expect(ended.code).toBe(1);
    const [line, ...more] = causes(ended);
    expect(more).toEqual([]);
    expect(JSON.parse(line ?? "")).toEqual({
      error: {
        code: "LOVAGE_STORE_UNAVAILABLE",
        message: expect.stringContaining(`at ${dead} failed`),
        hint: expect.stringContaining("nothing listens there"),
      },
    });
  });

  test("an SQS that cannot be reached, with a hint", async () => {
    await using stack = await cliStack();
    const ended = await lovage(["worker"], { env: { ...stack.environment, AWS_ENDPOINT_URL_SQS: dead } });
    expect(ended.code).toBe(1);
    expect(causes(ended)).toEqual([
      expect.stringMatching(/^error: .*clitest-default.*ECONNREFUSED/),
      expect.stringMatching(/^hint: {2}nothing listens there/),
    ]);
  });

  test("no credentials", async () => {
    const ended = await lovage(["worker"], { env: { AWS_REGION: "eu-central-1", HOME: "/nonexistent" } });
    expect(ended.code).toBe(1);
    expect(causes(ended)).toEqual([expect.stringContaining("error: no usable AWS credentials were found")]);
  });

  test.each([
    [
      "a module that throws",
      ["--app", "throws.ts"],
      "error: cannot load the app's module throws.ts: TypeError: DATABASE_URL is not set",
    ],
    ["no such file", ["--app", "nowhere.ts"], 'nowhere.ts" does not exist'],
    ["a module without an app", ["--app", "exports-nothing.ts"], "exports no app, it exports port"],
    [
      "an unknown workload",
      ["--workloads", "render"],
      'error: app "clitest" has no workload "render"; did you mean renders?',
    ],
    [
      "an app without tasks",
      ["--app", "empty.ts"],
      'error: app "cliempty" has no tasks, so nothing could run; name the',
    ],
    [
      "a workload that no task names",
      ["--app", "idle.ts"],
      'error: no task of app "cliidle" names workload "renders"; include the module of its tasks',
    ],
    ["a timeout over Lambda's", ["--app", "too-long.ts"], "timeout of onLambda() is 960 s; Lambda allows 900 s"],
    [
      "a name that SQS refuses",
      ["--app", "misnamed.ts"],
      'workload name "hot.fixes" is not allowed; use 1 to 80 letters',
    ],
    [
      "a task on an unknown workload",
      ["--app", "misplaced.ts"],
      'workload of task "draw" is "renders"; app "misplaced" has default',
    ],
  ])("%s", async (_, args, problem) => {
    const ended = await lovage(["worker", ...args], { env: { AWS_REGION: "eu-central-1" } });
    expect(ended.code).toBe(1);
    expect(causes(ended)).toEqual([expect.stringContaining(problem)]);
  });

  test.each([
    ["LOVAGE_LOG_FORMAT", 'LOVAGE_LOG_FORMAT is "xml"; it takes "json" or "pretty"'],
    ["LOVAGE_METRICS", 'LOVAGE_METRICS is "xml"; it takes "task" or "workload" or "off"'],
  ])("a variable with a value it does not take: %s", async (name, problem) => {
    const ended = await lovage(["worker"], { env: { [name]: "xml", AWS_REGION: "eu-central-1" } });
    expect(ended.code).toBe(1);
    expect(causes(ended)).toEqual([`error: ${problem}`]);
  });
});

test("silence: it says why and ends with 1", async () => {
  const stack = await cliStack();
  await using worker = await started(start(["worker", "--json", "--stall", "2s", ...POLL], { env: stack.environment }));
  await stack.stop();
  const { code, stderr } = await worker.ended();
  expect(code).toBe(1);
  expect(logLines(stderr).at(-1)).toMatchObject({
    level: "error",
    code: "LOVAGE_WORKER_STALLED",
    message: expect.stringMatching(/^the worker ends: no progress for \d s/),
  });
});
