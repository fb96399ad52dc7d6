// tasks, send, result, queues, and the command line itself.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { onFargate } from "../../lib/workload.ts";
import { cliStack, FIXTURES, json, lovage, type Running, start } from "./lovage.ts";

const ownPackage = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

let stack: LocalStack;
let worker: Running;
let env: LocalStack["environment"];

beforeAll(async () => {
  stack = await cliStack();
  env = stack.environment;
  worker = start(["worker", "--json", "--wait-seconds", "1"], { env });
  await worker.said('"graceSeconds"');
});

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await stack?.stop();
});

describe.concurrent("the command line", () => {
  test("an unknown verb is wrong use, and a near one is suggested", async () => {
    const ended = await lovage(["taks"]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("unknown command 'taks'");
    expect(ended.stderr).toContain("Did you mean tasks?");
  });

  test("--json makes an object of a usage error too", async () => {
    const { code, stderr, stdout } = await lovage(["queues", "--frob", "--json"]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(JSON.parse(stderr)).toEqual({ error: { code: "USAGE", message: "unknown option '--frob'" } });
  });

  test.each([
    [["worker", "--concurrency", "none"], "it takes a whole number from 1"],
    [["worker", "--grace", "soon"], "it takes seconds, or a string such as"],
    [["worker", "--wait-seconds", "30"], "whole seconds from 0 to 20"],
    [["send", "add", "--kwargs", "[1]"], "it takes a JSON object"],
    [["send", "add", "12345678901234567890"], "beyond the whole numbers JavaScript holds exactly"],
    [["send", "add", "--timeout", "3s"], "--timeout goes with --wait"],
    [["send"], "missing required argument 'task'"],
    [["tasks", "--name", "x"], "unknown option '--name'"],
    [["queues", "--app", "app.ts", "--name", "clitest"], "exclude each other"],
    [["dev", "--sqs-port", "70000"], "it takes a port from 1 to 65535"],
  ])("%j is wrong use", async (args, problem) => {
    const { code, stderr } = await lovage(args);
    expect(stderr).toContain(problem);
    expect(code).toBe(2);
  });

  test("no app anywhere is wrong use, and says how to name one", async () => {
    const empty = mkdtempSync(join(tmpdir(), "lovage-cli-"));
    const { code, stderr } = await lovage(["tasks"], { cwd: empty });
    rmSync(empty, { recursive: true });
    expect(stderr).toContain("pass --app ./path/to/app.ts or set LOVAGE_APP");
    expect(code).toBe(2);
  });

  test("a mistake in TypeScript's syntax is named with its place, also in a module that the app imports", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lovage-cli-"));
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    writeFileSync(join(folder, "app.ts"), 'import "./broken.ts";\n');
    writeFileSync(join(folder, "broken.ts"), "const a = 1;\n\nconst b = = 2;\n");
    const { code, stderr } = await lovage(["tasks"], { cwd: folder });
    rmSync(folder, { recursive: true });
    expect(stderr).toMatch(/^error: cannot load the app's module app\.ts: SyntaxError: .+ \(at broken\.ts:3\)\n$/);
    expect(code).toBe(1);
  });

  test("every verb has help with examples", async () => {
    const { code, stdout } = await lovage(["--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("Exit codes:");
    const helps = await Promise.all(
      ["init", "dev", "worker", "send", "result", "revoke", "workflow", "purge", "queues", "tasks", "completion"].map(
        (verb) => lovage([verb, "--help"]),
      ),
    );
    for (const help of helps) {
      expect(help.code).toBe(0);
      expect(help.stdout).toContain("Examples:\n  $ lovage ");
      expect(help.stdout).toContain("--json");
    }
  });

  test("an older Node than the package's is refused before anything else is imported", async () => {
    const oldest = /^>=(\d+)\.(\d+)$/.exec(ownPackage.engines.node);
    const pretend = (version: string) => {
      const script = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`;
      const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(script)}`;
      return lovage(["--version"], { env: { NODE_OPTIONS } });
    };
    const [older, old] = [`${oldest?.[1]}.${Number(oldest?.[2]) - 1}.9`, `${oldest?.[1]}.${oldest?.[2]}.0`];
    const [refused, taken] = await Promise.all([pretend(older), pretend(old)]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(new RegExp(`^error: lovage needs Node ${oldest?.[1]}\\.${oldest?.[2]} or later`));
    expect(taken).toMatchObject({ code: 0, stdout: `${ownPackage.version}\n` });
  });

  test("--version is the package's", async () => {
    expect((await lovage(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe.concurrent("tasks", () => {
  test("lists names, workloads, limits and retries", async () => {
    const { code, stdout, stderr } = await lovage(["tasks"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^clitest: \d+ tasks\n/);
    expect(stdout).toMatch(/add +default +1 on TypeError, backoff 1 s +5 min +4\.5 min/);
    expect(stderr).toBe("the app's module greets\n"); // what the module prints stays out of the output
  });

  test("as JSON, of the app in LOVAGE_APP", async () => {
    const found = await json<{ app: string; tasks: unknown[] }>(["tasks"], { env: { LOVAGE_APP: "./empty.ts" } });
    expect(found).toMatchObject({
      app: "cliempty",
      table: "cliempty",
      tasks: [],
      workloads: [{ name: "default", queue: "cliempty-default", maxReceiveCount: 8 }],
    });
  });
});

describe.concurrent("revoke", () => {
  test("what has not started never will", async () => {
    const { stdout } = await lovage(["send", "add", "1", "1", "--countdown", "10m"], { env });
    const id = stdout.trim();
    const { code, stdout: said } = await lovage(["revoke", id], { env });
    expect({ code, said }).toEqual({ code: 0, said: "revoked: it had not started and never will\n" });
    expect(await json(["result", id], { env })).toMatchObject({ state: "REVOKED" });
    expect((await lovage(["result", id, "--wait"], { env })).code).toBe(3);
  });

  test("an id of nobody's is revoked in advance, and said to be", async () => {
    const { code, stdout } = await lovage(["revoke", "of-nobody"], { env });
    expect(code).toBe(0);
    expect(stdout).toContain("this app did not make the id");
  });

  test("what has ended stays as it is", async () => {
    const { stdout } = await lovage(["send", "add", "1", "1", "--wait", "--json"], { env });
    const { id } = JSON.parse(stdout);
    expect(await json(["revoke", id], { env })).toEqual({ id, known: true, answer: "ended" });
    expect(await json(["result", id], { env })).toMatchObject({ state: "SUCCESS" });
  });
});

describe.concurrent("workflow", () => {
  /** The id of one that a program has called. */
  async function called(...args: readonly string[]): Promise<string> {
    const { stdout, stderr } = await lovage(args, { env, entry: join(FIXTURES, "flow.ts") });
    const id = /^id (.+)$/m.exec(stdout)?.[1];
    expect(id, stderr).toBeDefined();
    return id ?? "";
  }

  test("--watch shows the tree until all of it has ended; without it, it is shown once", async () => {
    const id = await called();
    const watched = await lovage(["workflow", id, "--watch"], { env });
    expect(watched.code).toBe(0);
    const lines = watched.stdout.trimEnd().split("\n").slice(-7);
    expect(lines.map((line) => line.replace(/ +SUCCESS .*$/, ": SUCCESS"))).toEqual([
      "chain: SUCCESS",
      "├─ add: SUCCESS",
      "└─ chord: SUCCESS",
      "   ├─ group: SUCCESS",
      "   │  ├─ add: SUCCESS",
      "   │  └─ add: SUCCESS",
      "   └─ echo: SUCCESS",
    ]);
    const { code, stdout } = await lovage(["workflow", id], { env });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${lines.join("\n")}\n` });
    expect(await json(["workflow", id, "--name", "clitest"], { env })).toMatchObject({
      kind: "chain",
      id,
      state: "SUCCESS",
    });
  });

  test("--watch of one that fails exits with 3, and shows the error where it happened", async () => {
    const { code, stdout } = await lovage(["workflow", await called("boom"), "--watch"], { env });
    expect(code).toBe(3);
    expect(stdout).toMatch(
      / {2}└─ boom +FAILURE +\S+ +.*RangeError: boom: no\n.*echo +FAILURE +\S+ +did not run, ChordError/,
    );
  });

  test("--revoke cancels what has not started; one that does not end in time is left with 4", async () => {
    const id = await called("later");
    expect((await lovage(["workflow", id, "--watch", "--timeout", "0.2"], { env })).code).toBe(4);
    const { code, stdout } = await lovage(["workflow", id, "--revoke", "--watch"], { env });
    expect(stdout).toMatch(/^4 revoked: they had not started and never will\nchain +REVOKED /);
    expect(code).toBe(3);
  });

  test("an id of no workflow is refused, and said what it takes", async () => {
    const { code, stderr } = await lovage(["workflow", "of-nobody"], { env });
    expect(code).toBe(1);
    expect(stderr).toContain('no workflow of app "clitest" is known by id of-nobody; it takes the id of the handle');
  });

  test("options that go with others are refused without them", async () => {
    for (const args of [["--timeout", "3s"], ["--terminate"]]) {
      const { code, stderr } = await lovage(["workflow", "of-nobody", ...args], { env });
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(`${args[0]} goes with --`) });
    }
  });
});

describe.concurrent("send and result", () => {
  test("send prints the id, result --wait the rest", async () => {
    const { code, stdout } = await lovage(["send", "add", "2", "-3"], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    const found = await json(["result", stdout.trim(), "--wait", "--timeout", "10s"], { env });
    expect(found).toMatchObject({ id: stdout.trim(), state: "SUCCESS", value: -1, task: "add", runs: 1, retries: 0 });
    const text = await lovage(["result", stdout.trim()], { env });
    expect(text.stdout).toMatch(/^SUCCESS {3}/);
    expect(text.stdout).toMatch(/value +-1\n/);
  });

  test("arguments are JSON, or else text; keyword arguments come last", async () => {
    const args = [
      "send",
      "echo",
      "5",
      '"5"',
      "five",
      '{"a":[1]}',
      "007",
      "true",
      "--kwargs",
      '{"k":1}',
      "--wait",
      "--",
      "-x",
      "--wait",
    ];
    const { code, stdout } = await lovage(args, { env });
    expect(JSON.parse(stdout)).toEqual([5, "5", "five", { a: [1] }, "007", true, "-x", "--wait", { k: 1 }]);
    expect(code).toBe(0);
  });

  test("text that begins like JSON and is none is sent as text, and said to be", async () => {
    const { stdout, stderr } = await lovage(["send", "echo", '{"a":', "--wait"], { env });
    expect(JSON.parse(stdout)).toEqual(['{"a":']);
    expect(stderr).toContain('note: {"a": begins like JSON and is none: it is sent as text');
    const plain = await lovage(["send", "echo", '{"a":1}'], { env });
    expect(plain.stderr).not.toContain("note:");
  });

  test("send --wait: the value on stdout, the id on stderr", async () => {
    const { code, stdout, stderr } = await lovage(["send", "sum", "1000", "--wait"], { env });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "500500\n" });
    expect(stderr).toMatch(/^[0-9a-f-]{36}$/m);
  });

  test("a failing task ends with 3, with its message and stack", async () => {
    const text = await lovage(["send", "boom", "bang", "--wait"], { env });
    expect(text.code).toBe(3);
    expect(text.stdout).toBe("");
    expect(text.stderr).toContain("FAILURE: RangeError: boom: bang\n    at ");
    const asJson = await lovage(["send", "boom", "bang", "--wait", "--json"], { env });
    expect(asJson.code).toBe(3);
    const found = JSON.parse(asJson.stdout);
    expect(found).toMatchObject({ state: "FAILURE", failure: { type: "RangeError", message: "boom: bang" } });
    expect((await lovage(["result", found.id], { env })).code).toBe(0); // asked and answered
    expect((await lovage(["result", found.id, "--wait"], { env })).code).toBe(3);
  });

  test("not in time ends with 4, and the task goes on", async () => {
    const { code, stdout } = await lovage(["send", "slow", "60000", "--wait", "--timeout", "300ms", "--json"], { env });
    const { id, timedOut } = JSON.parse(stdout);
    expect({ code, timedOut }).toEqual({ code: 4, timedOut: true });
    const again = await lovage(["result", id, "--wait", "--timeout", "50ms"], { env });
    expect(again.code).toBe(4);
    expect(again.stderr).toContain("error: it has not ended within 0.05s");
    expect(await json(["result", id], { env })).toMatchObject({ state: "STARTED", runs: 1 });
  });

  test("an id of one's own, an app's name instead of its module, and nothing imported", async () => {
    const sent = await lovage(["send", "add", "1", "2", "--id", "mine-1", "--name", "clitest"], { env });
    expect(sent).toMatchObject({ code: 0, stdout: "mine-1\n", stderr: "" });
    expect(await json(["result", "mine-1", "--wait", "--name", "clitest"], { env })).toMatchObject({ value: 3 });
  });

  test("a name nobody registered is questioned", async () => {
    const { code, stderr } = await lovage(["send", "ad", "1", "--json"], { env });
    expect(code).toBe(1);
    const line = stderr.split("\n").find((one) => one.startsWith("{"));
    expect(JSON.parse(line ?? "").error).toMatchObject({
      code: "LOVAGE_NOT_REGISTERED",
      message: expect.stringContaining("did you mean add?"),
    });
  });

  test("a workload the app does not have is refused", async () => {
    const { code, stderr } = await lovage(["send", "add", "1", "2", "--workload", "nope"], { env });
    expect(code).toBe(1);
    expect(stderr).toContain('error: app "clitest" has no workload "nope"; it has default, renders\n');
  });

  test("an id nobody made is UNKNOWN, and not waited for", async () => {
    const told = await lovage(["result", "nobody"], { env });
    expect(told).toMatchObject({ code: 0, stdout: expect.stringMatching(/^UNKNOWN {3}nobody\n/) });
    const waited = await lovage(["result", "nobody", "--wait"], { env });
    expect(waited.code).toBe(1);
    expect(waited.stderr).toContain("error: task nobody is UNKNOWN");
  });
});

describe("queues", () => {
  test("what waits, is in flight, delayed and dead, and the oldest, which the local SQS can tell", async () => {
    await using own = await cliStack();
    const there = { env: own.environment };
    await lovage(["send", "add", "1", "2"], there);
    await lovage(["send", "add", "1", "2", "--countdown", "10m"], there);
    const found = await json<{ queues: Record<string, unknown>[] }>(["queues"], there);
    expect(found.queues[0]).toMatchObject({
      workload: "default",
      queue: "clitest-default",
      waiting: 1,
      inFlight: 0,
      delayed: 1,
      dead: 0,
      oldestSeconds: expect.any(Number),
    });
    expect(found.queues[1]).toMatchObject({ workload: "renders", waiting: 0, oldestSeconds: null });
    const { stdout } = await lovage(["queues", "--name", "clitest", "--workloads", "renders"], there);
    expect(stdout).toMatch(/workload +waiting +in flight +delayed +dead +oldest\n +renders +0 +0 +0 +0 +-\n/);
  });
});

test("what no worker would start for can be sent to, looked at and purged all the same", async () => {
  const workloads = { default: onFargate({ work: "io" }), renders: onFargate({ work: "io" }) };
  await using own = await startLocalStack({ app: { name: "cliidle", workloads } });
  const there = { env: own.environment };
  const app = ["--app", "idle.ts"];
  const sent = await json<{ id: string }>(["send", "add", "1", "2", "--workload", "renders", ...app], there);
  const { queues } = await json<{ queues: Record<string, unknown>[] }>(["queues", ...app], there);
  expect(queues[1]).toMatchObject({ workload: "renders", waiting: 1 });
  expect(await json(["purge", "renders", "--yes", ...app], there)).toMatchObject({ purged: 1 });
  expect(await json(["result", sent.id, ...app], there)).toMatchObject({ state: "REVOKED" });
});

describe.concurrent("what cannot be reached", () => {
  test("--local without a lovage dev", async () => {
    const { code, stderr } = await lovage(["queues", "--local"], { env });
    expect(code).toBe(1);
    expect(stderr).toContain('error: no "lovage dev" runs in ');
  });

  test("an AWS_REGION that is set to nothing is no region", async () => {
    const { code, stderr } = await lovage(["queues"], { env: { AWS_REGION: "" } });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("error: no AWS region is set") });
  });

  test("no region: one line", async () => {
    const { code, stderr } = await lovage(["queues", "--name", "clitest"], { env: { HOME: tmpdir() } });
    expect(code).toBe(1);
    expect(stderr).toBe("error: no AWS region is set; set AWS_REGION, or a region in the AWS profile\n");
  });

  test("--debug adds the stack", async () => {
    const { stderr } = await lovage(["queues", "--local", "--debug"], { env });
    expect(stderr).toContain("\n    at ");
  });
});
