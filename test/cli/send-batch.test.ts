// send --batch, --args and --kwargs, and result --follow, as a user runs them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalStack } from "../../lib/local/stack.ts";
import { cliStack, json, lovage, type Running, start } from "./lovage.ts";

const NAME = ["--name", "clitest"];

let stack: LocalStack;
let worker: Running;
let there: { env: LocalStack["environment"] };
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lovage-batch-"));
  stack = await cliStack();
  there = { env: stack.environment };
  worker = start(["worker", "--json", "--wait-seconds", "1", "--workloads", "default"], there);
  await worker.said('"graceSeconds"');
});

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await stack?.stop();
  rmSync(folder, { recursive: true });
});

function file(name: string, ...lines: readonly unknown[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""));
  return path;
}

const linesOf = (text: string) =>
  text
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe.concurrent("send --batch", () => {
  test("sends every line, tells ids as JSON lines, and a summary last", async () => {
    const path = file("sums.jsonl", [1, 2], "", { args: [3, 4], id: "batch-mine" }, { task: "echo", args: ["hi"] });
    const { code, stdout } = await lovage(["send", "add", "--batch", path, "--json"], there);
    expect(code).toBe(0);
    const told = linesOf(stdout);
    expect(told.at(-1)).toEqual({ summary: { sent: 3, refused: 0, failed: 0, complete: true } });
    const sent = told.slice(0, -1).sort((a, b) => a.line - b.line);
    expect(sent.map(({ line, task }) => [line, task])).toEqual([
      [1, "add"],
      [3, "add"],
      [4, "echo"],
    ]);
    expect(sent[1].id).toBe("batch-mine");
    const values = await Promise.all(sent.map(({ id }) => json(["result", id, "--wait", ...NAME], there)));
    expect(values.map(({ value }) => value)).toEqual([3, 7, ["hi"]]);
  });

  test("a wrong line is named, the others are sent: exit code 1", async () => {
    const path = file("wrong.jsonl", [1, 2], "{oops", { arg: [1] }, { task: "ad", args: [] }, [5, 6]);
    const { code, stdout, stderr } = await lovage(["send", "add", "--batch", path], there);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "sent 2; 3 refused\n" });
    expect(stderr).toContain("error: line 2: it is not JSON");
    expect(stderr).toContain('error: line 3: unknown option "arg" of a call; did you mean args?');
    expect(stderr).toContain('error: line 4: app "clitest" has no task "ad"; did you mean add?');
  });

  test("--errors keeps the calls, to be mended and sent again; --ids keeps the ids", async () => {
    const path = file("half.jsonl", [1, 2], { arg: [1] }, "[1");
    const [errors, ids] = [join(folder, "errors.jsonl"), join(folder, "ids.jsonl")];
    const ended = await lovage(["send", "add", "--batch", path, "--errors", errors, "--ids", ids], there);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain(`mend it, then: jq -c .call ${errors} | lovage send add --batch -`);
    const kept = linesOf(readFileSync(errors, "utf8"));
    expect(kept.map(({ line, code, call }) => [line, code, call])).toEqual([
      [2, "LOVAGE_INVALID_OPTION", { arg: [1] }],
      [3, "LOVAGE_INVALID_OPTION", "[1"],
    ]);
    expect(linesOf(readFileSync(ids, "utf8"))).toEqual([{ line: 1, id: expect.any(String), task: "add" }]);
  });

  test("from stdin, from a line on", async () => {
    await using batch = start(["send", "add", "--batch", "-", "--from-line", "3", "--json"], {
      ...there,
      stdin: "pipe",
    });
    batch.child.stdin?.end("[1,1]\n[2,2]\n[3,3]\n[4,4]");
    const { code, stdout } = await batch.ended();
    expect(code).toBe(0);
    const [, , last] = linesOf(stdout);
    expect(
      linesOf(stdout)
        .flatMap(({ line }) => line ?? [])
        .sort(),
    ).toEqual([3, 4]);
    expect(last.summary).toMatchObject({ sent: 2, complete: true });
  });

  test("Ctrl-C: what is under way is waited for, and where to go on is said", async () => {
    await using batch = start(["send", "nothing", "--batch", "-", "--json"], { ...there, stdin: "pipe" });
    batch.child.stdin?.write("[]\n".repeat(300));
    await batch.said('"id"', 300);
    batch.kill("SIGINT");
    const { code, stdout } = await batch.ended();
    expect(code).toBe(130);
    expect(linesOf(stdout).at(-1)).toEqual({
      summary: { sent: 300, refused: 0, failed: 0, complete: false, fromLine: 301 },
    });
  });

  test("where SQS is gone it stops, instead of failing line by line", async () => {
    const path = file("many.jsonl", ...Array.from({ length: 1_000 }, (_, i) => [i, i]));
    const env = { ...stack.environment, AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:9" };
    const { code, stdout, stderr } = await lovage(["send", "add", "--batch", path, "--json"], { env });
    expect(code).toBe(1);
    const { summary } = linesOf(stdout).at(-1);
    expect(summary).toMatchObject({ sent: 0, refused: 0, complete: false, fromLine: 1 });
    expect(summary.failed).toBeLessThan(1_000);
    expect(stderr).toContain("LOVAGE_BROKER_UNAVAILABLE");
  });

  test.each([
    [["add", "1", "--batch", "x"], "the arguments come from the file"],
    [["add", "--batch", "x", "--wait"], "--wait is for one call"],
    [["add", "--ids", "x"], "--ids goes with --batch"],
    [["add", "--from-line", "2"], "--from-line goes with --batch"],
    [["add", "1", "--args", "[1]"], "arguments were given twice"],
    [["add", "--args", "nowhere.json"], "--args nowhere.json: there is no such file"],
    [["add", "--args", '{"a":1}'], "--args takes a JSON array"],
    [["add", "--args", "[1,"], "it is not JSON"],
    [["add", "--args", "-", "--kwargs", "-"], "stdin cannot be both"],
    [["add", "--id", ""], "1 to 255 printable ASCII"],
  ])("send %j is wrong use", async (args, problem) => {
    const { code, stderr } = await lovage(["send", ...args]);
    expect(stderr).toContain(problem);
    expect(code).toBe(2);
  });

  test("a file that is not there is the one cause", async () => {
    const { code, stderr } = await lovage(["send", "add", "--batch", "nowhere.jsonl"], there);
    expect(code).toBe(1);
    expect(stderr).toContain('error: there is no file "nowhere.jsonl"; give one, or - for stdin');
  });
});

describe.concurrent("send --args", () => {
  test("takes a file, with or without @, and stdin", async () => {
    const args = file("args.json", [1, { deep: [2] }]);
    const kwargs = file("kwargs.json", { colour: "blue" });
    const sent = ["send", "echo", "--wait", "--args", `@${args}`, "--kwargs", kwargs];
    expect(JSON.parse((await lovage(sent, there)).stdout)).toEqual([1, { deep: [2] }, { colour: "blue" }]);
    await using piped = start(["send", "echo", "--wait", "--args", "-"], { ...there, stdin: "pipe" });
    piped.child.stdin?.end('["from stdin"]');
    expect(JSON.parse((await piped.ended()).stdout)).toEqual(["from stdin"]);
  });
});

describe.concurrent("result --follow", () => {
  test("tells every change, and what each of several tasks ended with", async () => {
    await using own = await cliStack();
    const alone = { env: own.environment };
    const calls = [["steps"], ["boom", "bang"]];
    const ids = await Promise.all(
      calls.map(async (call) => (await json<{ id: string }>(["send", ...call, ...NAME], alone)).id),
    );
    await using following = start(["result", ...ids, "--follow", "--json", ...NAME], alone);
    await using words = start(["result", ids[0] ?? "", "--follow", ...NAME], alone);
    await following.said("PENDING", 2);
    await words.said("PENDING");
    await using _ = start(["worker", "--json", "--wait-seconds", "1", "--workloads", "default"], alone);
    const { code, stdout } = await following.ended();
    expect(code).toBe(3);
    const of = (id: string | undefined) => linesOf(stdout).filter((line) => line.id === id);
    expect(of(ids[0])[0]).toMatchObject({ state: "PENDING" });
    expect(of(ids[0])).toContainEqual(expect.objectContaining({ state: "STARTED", progress: { done: 1 } }));
    expect(of(ids[0]).at(-1)).toMatchObject({ state: "SUCCESS", value: "done" });
    expect(of(ids[1]).at(-1)).toMatchObject({ state: "FAILURE", failure: { message: "boom: bang" } });
    const text = await words.ended();
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^\d\d:\d\d:\d\dZ {3}STARTED {3}\{"done":1\}$/m);
    expect(text.stdout).toMatch(/^SUCCESS {3}/m);
  });

  test("Ctrl-C leaves the task alone; time that is over ends with 4; an id of nobody's with 1", async () => {
    const { id } = await json<{ id: string }>(["send", "add", "1", "2", "--countdown", "10m"], there);
    await using following = start(["result", id, "--follow", ...NAME], there);
    await following.said("PENDING");
    following.kill("SIGINT");
    const { code, stderr } = await following.ended();
    expect(code).toBe(130);
    expect(stderr).toContain("followed no longer; the task goes on");
    const late = await lovage(["result", id, "--follow", "--timeout", "200ms", ...NAME], there);
    expect(late.code).toBe(4);
    expect(late.stderr).toContain("it goes on, only the following ended");
    const unknown = await lovage(["result", "nobody", "--follow", ...NAME], there);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain("error: task nobody is UNKNOWN");
    expect(await json(["result", id, ...NAME], there)).toMatchObject({ state: "PENDING" });
  });
});
