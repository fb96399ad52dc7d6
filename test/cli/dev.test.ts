// lovage dev: starts everything, reloads, and leaves nothing behind.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FIXTURES, json, lovage, type Running, start } from "./lovage.ts";

const APP = `
import { createApp } from "lovage";
export const app = createApp("clidev");
export const calculate = app.task("calculate", (x: number, y: number) => x OPERATOR y);
export const slow = app.task("slow", async (ms: number) => { await new Promise((resolve) => setTimeout(resolve, ms)); });
`;

/** A directory with an app of its own, inside the repository, where "lovage" is found. */
class Project implements Disposable {
  readonly cwd = mkdtempSync(join(FIXTURES, ".dev-"));

  write(operator: string, more = ""): void {
    writeFileSync(join(this.cwd, "app.ts"), APP.replace("OPERATOR", operator) + more);
  }

  place(): Place {
    return JSON.parse(readFileSync(join(this.cwd, ".lovage/dev.json"), "utf8"));
  }

  calculate(): Promise<Record<string, unknown>> {
    return json(["send", "calculate", "3", "4", "--local", "--wait", "--timeout", "15s"], this);
  }

  [Symbol.dispose](): void {
    rmSync(this.cwd, { recursive: true });
  }
}

interface Place {
  readonly pid: number;
  readonly sqs: string;
  readonly dynamodb: string;
}

async function gone(url: string): Promise<boolean> {
  return fetch(url).then(
    () => false,
    () => true,
  );
}

/** The worker's pid, from the line that says it is ready. */
function workerPids(dev: Running): readonly number[] {
  return [...dev.stdout.matchAll(/"worker":"[^:"]+:(\d+):/g)].map(([, pid]) => Number(pid));
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const LAMBDA_APP = `
import { createApp, onFargate, onLambda } from "lovage";
const workloads = { default: onLambda({ timeout: "3s", memory: "256MB" }), long: onFargate({ work: "io" }) };
export const app = createApp("clidev", { workloads });
export const calculate = app.task("calculate", { bind: true }, (ctx, x: number, y: number) => {
  ctx.log.info({ sandbox: process.pid }, "calculating");
  return x + y;
});
export const pid = app.task("pid", { workload: "long" }, () => process.pid);
export const loop = app.task("loop", () => { for (;;); });
`;

describe.concurrent("lovage dev", () => {
  test("runs Lambda workloads as Lambda does, in processes of their own, and says what becomes of them", async () => {
    using project = new Project();
    writeFileSync(join(project.cwd, "app.ts"), LAMBDA_APP);
    await using dev = start(["dev", "--json"], project);
    await dev.said('"event":"ready"');
    const ready = JSON.parse(dev.stdout.split("\n").find((line) => line.includes('"event":"ready"')) ?? "");
    expect(ready.workloads.map(({ name }: { name: string }) => name)).toEqual(["long"]);
    expect(ready.functions).toMatchObject([{ name: "default", lambda: { timeoutSeconds: 3 }, memoryMb: 256 }]);

    const answer = await project.calculate();
    expect(answer).toMatchObject({ value: 7 });
    const said = dev.stderr.split("\n").find((line) => line.includes('"calculating"'));
    expect(JSON.parse(said ?? "")).toMatchObject({ task: "calculate", id: answer.id });
    const worker = await json(["send", "pid", "--local", "--wait", "--timeout", "15s"], project);
    expect(worker.value).toBe(workerPids(dev)[0]);

    const { stdout } = await lovage(["send", "loop", "--local"], project);
    await dev.said(`clidev-default: the function failed with loop ${stdout.trim()}: timed out`);
    dev.kill("SIGINT");
    expect((await dev.ended()).code).toBe(0);
  });

  test("says that an app has no tasks, and waits for them", async () => {
    using project = new Project();
    writeFileSync(join(project.cwd, "app.ts"), APP.split("\n").slice(0, 3).join("\n"));
    await using dev = start(["dev", "--json"], project);
    await dev.said('"event":"broken"');
    expect(dev.stdout).toContain('app \\"clidev\\" has no tasks, so nothing could run; name the modules');
    project.write("+");
    await dev.said('"event":"ready"');
  });

  test("runs tasks, reloads changed code, survives broken code, and stops with nothing left", async () => {
    using project = new Project();
    project.write("+");
    await using dev = start(["dev", "--json"], project);
    await dev.said('"event":"ready"');
    const { pid, sqs, dynamodb } = project.place();
    expect(pid).toBe(dev.child.pid);
    expect(await project.calculate()).toMatchObject({ value: 7 });

    project.write("*");
    await dev.said('"event":"ready"', 2);
    expect(await project.calculate()).toMatchObject({ value: 12 });

    project.write("+", 'throw new Error("half-written");');
    await dev.said('"event":"broken"');
    expect(dev.stderr).toContain("half-written");
    project.write("-");
    await dev.said('"event":"ready"', 3);
    expect(await project.calculate()).toMatchObject({ value: -1 });

    const second = await lovage(["dev"], project);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`a "lovage dev" runs in this directory already, as process ${pid}`);

    dev.kill("SIGINT");
    expect((await dev.ended()).code).toBe(0);
    expect(workerPids(dev)).toHaveLength(3);
    expect(workerPids(dev).filter(alive)).toEqual([]);
    expect(await Promise.all([gone(sqs), gone(dynamodb)])).toEqual([true, true]);
    expect(existsSync(join(project.cwd, ".lovage/dev.json"))).toBe(false);
  });

  test("code that does not load at first is waited for; the screen says where everything is", async () => {
    using project = new Project();
    project.write("+", 'throw new Error("not yet");');
    await using dev = start(["dev"], project);
    await dev.said("waiting for a change");
    expect(dev.stderr).toContain("error: cannot load the app's module app.ts: Error: not yet");
    const { sqs, dynamodb } = project.place();
    expect(dev.stdout).toContain(`export AWS_ENDPOINT_URL_SQS=${sqs}\n`);
    expect(dev.stdout).toContain(`export AWS_ENDPOINT_URL_DYNAMODB=${dynamodb}\n`);
    project.write("+");
    await dev.said("ready clidev: 2 tasks");
    expect(dev.stdout).toMatch(/default +10 at a time +calculate, slow/);
    dev.kill("SIGTERM");
    expect((await dev.ended()).code).toBe(0);
  });

  test("large arguments and results go through its S3, and send and result bring them back", async () => {
    using project = new Project();
    project.write(
      "+",
      'export const big = createApp("clibig", { payloads: { bucket: "clibig", argsOver: 2048, resultsOver: 1024 } });',
    );
    writeFileSync(
      join(project.cwd, "big.ts"),
      'import { big } from "./app.ts";\nexport const app = big;\napp.task("echo", (text: string) => text);\n',
    );
    const text = "x".repeat(5_000);
    await using dev = start(["dev", "--app", "big.ts", "--json"], project);
    await dev.said('"event":"ready"');
    const place = JSON.parse(readFileSync(join(project.cwd, ".lovage/dev.json"), "utf8"));
    const sent = await json(["send", "echo", text, "--local", "--wait", "--timeout", "15s"], project);
    expect(sent.value).toBe(text);
    expect((await json(["result", String(sent.id), "--local"], project)).value).toBe(text);
    const listed = await fetch(`${place.environment.AWS_ENDPOINT_URL_S3}/clibig?list-type=2`);
    expect([...(await listed.text()).matchAll(/<Key>clibig\/\d+d\/(\w+)\//g)].map(([, kind]) => kind).sort()).toEqual([
      "args",
      "results",
    ]);
    // An app of that name alone does not know the bucket, and says so instead of nothing.
    const named = await lovage(["result", String(sent.id), "--name", "clibig", "--local"], project);
    expect(`${named.stdout}${named.stderr}`).toContain("give createApp() the same payloads");
    dev.kill("SIGINT");
    expect((await dev.ended()).code).toBe(0);
  });

  test("a second Ctrl-C ends it at once, with 130", async () => {
    using project = new Project();
    project.write("+");
    await using dev = start(["dev", "--json", "--debug", "--grace", "60s"], project);
    await dev.said('"event":"ready"');
    await lovage(["send", "slow", "60000", "--local"], project);
    await dev.said('"message":"started"');
    const { sqs } = project.place();
    dev.kill("SIGINT");
    await dev.said("stopping: 1 in hand");
    dev.kill("SIGINT");
    expect((await dev.ended()).code).toBe(130);
    expect(workerPids(dev).filter(alive)).toEqual([]);
    expect(await gone(sqs)).toBe(true);
  });

  test("killed, it leaves no process behind either", async ({ expect }) => {
    using project = new Project();
    project.write("+");
    await using dev = start(["dev", "--json"], project);
    await dev.said('"event":"ready"');
    const { sqs, dynamodb } = project.place();
    const [worker = 0] = workerPids(dev);
    for (const stream of [dev.child.stdout, dev.child.stderr]) stream?.destroy(); // its terminal is gone too
    dev.kill("SIGKILL");
    await dev.ended();
    await expect.poll(() => alive(worker), { timeout: 15_000 }).toBe(false);
    await expect.poll(async () => [await gone(sqs), await gone(dynamodb)], { timeout: 10_000 }).toEqual([true, true]);
    expect((await lovage(["queues", "--local"], project)).stderr).toContain('no "lovage dev" runs in');
  });

  test("a port in use: one cause, exit code 1", async () => {
    using project = new Project();
    project.write("+");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const { code, stderr } = await lovage(["dev", "--sqs-port", String(port)], project);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `^error: the local SQS cannot listen on 127\\.0\\.0\\.1:${port}: port ${port} is in use; .*\nhint: {2}leave out --sqs-port for a free one\n$`,
      ),
    );
  });
});
