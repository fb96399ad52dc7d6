// Traces over the real protocols, through a worker and the processes of its pool.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startLocalStack } from "../../lib/local/stack.ts";
import { silentLogger } from "../../lib/log.ts";
import { startWorker } from "../../lib/worker/worker.ts";
import { app, exit, noted, outer, type SpanLine } from "../fixtures/traces/app.ts";
import { useCredentialsOf } from "../support/credentials.ts";

const appPath = fileURLToPath(new URL("../fixtures/traces/app.ts", import.meta.url));

test("a run in a process of the pool is in its caller's trace, what it calls and what follows too, and one that was killed as well", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lovage-traces-"));
  const file = join(folder, "spans");
  process.env.SPANS_FILE = file;
  const stack = await startLocalStack({ app });
  useCredentialsOf(stack);
  Object.assign(process.env, stack.environment);
  onTestFinished(async () => {
    await app.close();
    await stack.stop();
    rmSync(folder, { recursive: true });
  });
  const worker = await startWorker(app, { appPath, waitSeconds: 1, log: silentLogger });
  const ended = new Map<string, () => void>();
  const has = (task: string) => new Promise<void>((resolve) => ended.set(task, resolve));
  const over = [has("inner"), has("noted")];
  app.on("taskSuccess", ({ ctx }) => ended.get(ctx.task)?.());

  await expect((await exit.delay()).get({ timeout: "25s" })).rejects.toMatchObject({ type: "WorkerLost" });
  const pid = await (await outer.applyAsync([1], { link: noted.s() })).get({ timeout: "25s" });
  await Promise.all(over);
  await worker.stop();

  const lines: SpanLine[] = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const span = (name: string, task: string) => {
    const found = lines.filter((line) => line.name === name && line.task === task);
    expect(found, `${name} of ${task}`).toHaveLength(1);
    return found[0] as SpanLine;
  };
  const [sent, ran, called, innerRan] = [
    span("send traces-renders", "outer"),
    span("process traces-renders", "outer"),
    span("send traces-default", "inner"),
    span("process traces-default", "inner"),
  ];
  const [linked, notedRan] = [span("send traces-default", "noted"), span("process traces-default", "noted")];
  expect([sent.pid, ran.pid, called.pid, innerRan.pid, linked.pid]).toEqual([
    process.pid,
    pid,
    pid,
    process.pid,
    process.pid,
  ]);
  expect(pid).not.toBe(process.pid);
  expect([ran.parent, called.parent, innerRan.parent]).toEqual([sent.id, ran.id, called.id]);
  expect([linked.parent, notedRan.parent]).toEqual([ran.id, linked.id]);
  expect(new Set([sent, ran, called, innerRan, linked, notedRan].map(({ trace }) => trace)).size).toBe(1);

  const [asked, lost] = [span("send traces-renders", "exit"), span("process traces-renders", "exit")];
  expect(lost).toMatchObject({
    pid: process.pid,
    trace: asked.trace,
    parent: asked.id,
    status: 2,
    error: "WorkerLost",
  });
}, 60_000);
