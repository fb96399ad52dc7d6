// The whole of Lovage over the real protocols on bad days: answers lost after the effect, throttles, an emulator restarted.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { chain, chord, group } from "../../lib/canvas.ts";
import { type GroupResult, groupResult } from "../../lib/group-result.ts";
import { collect } from "../support/collect.ts";
import { INTERNAL_ERROR, THROTTLED_DYNAMODB, THROTTLED_SQS } from "../support/fault-proxy.ts";
import { realApp } from "../support/real-app.ts";

/** Every n-th request from the first on. */
const every = (n: number, from = 1) => Array.from({ length: 400 }, (_, i) => from + i * n);

test("a task runs and its result is read by id", async () => {
  await using real = await realApp("plain");
  const add = real.app.task("add", (x: number, y: number) => x + y);
  await real.work();

  const { id } = await add.delay(2, 3);

  expect(await real.app.result(id).get({ timeout: "20s" })).toBe(5);
});

test("answers lost after their effect change nothing: every task ends once, its callback runs once", async () => {
  // Given SQS and DynamoDB that do what they are asked and often cannot say so
  await using real = await realApp("lostanswers");
  const ran = new Map<number, number>();
  const called: number[] = [];
  const done = real.app.task("done", (n: number) => void called.push(n));
  const double = real.app.task("double", (n: number) => {
    ran.set(n, (ran.get(n) ?? 0) + 1);
    return n * 2;
  });
  real.dynamodb.on({ operation: "BatchExecuteStatement", nth: every(3), fault: { kind: "drop after" } });
  real.dynamodb.on({ operation: "BatchExecuteStatement", nth: every(7, 2), fault: { kind: "duplicate" } });
  real.dynamodb.on({ operation: "UpdateItem", nth: every(5), fault: { kind: "drop after" } });
  real.dynamodb.on({ operation: "UpdateItem", nth: every(11, 3), fault: THROTTLED_DYNAMODB });
  real.dynamodb.on({ operation: "UpdateItem", nth: every(13, 4), fault: { kind: "duplicate" } });
  real.sqs.on({ operation: "SendMessageBatch", nth: every(4), fault: { kind: "drop after" } });
  real.sqs.on({ operation: "DeleteMessageBatch", nth: every(4), fault: { kind: "drop before" } });
  real.sqs.on({ operation: "DeleteMessageBatch", nth: every(6, 2), fault: { kind: "drop after" } });
  real.sqs.on({ operation: "ReceiveMessage", nth: every(9, 2), fault: INTERNAL_ERROR });
  real.sqs.on({ operation: "ReceiveMessage", nth: every(10, 5), fault: THROTTLED_SQS });
  await real.work();

  // When sixty tasks are sent
  const numbers = Array.from({ length: 60 }, (_, n) => n);
  const results = await Promise.all(numbers.map((n) => double.applyAsync([n], { link: done.s() })));
  const values = await Promise.all(results.map((result) => result.get({ timeout: "60s" })));

  // Then each has its value, and nothing ran twice: no worker died and no lease ended
  expect(values).toEqual(numbers.map((n) => n * 2));
  expect([...ran.values()].filter((runs) => runs !== 1)).toEqual([]);
  await expect.poll(() => called.length, { timeout: 30_000 }).toBe(60);
  expect(called.sort((a, b) => a - b)).toEqual(values);
}, 90_000);

test("a group's results are read by its id, and by what follows it, through answers that are lost", async () => {
  await using real = await realApp("groups");
  const { app } = real;
  const add = app.task("add", (x: number, y: number) => x + y);
  const total = app.task("total", { results: "stream" }, async (all: AsyncIterable<number>) => {
    let sum = 0;
    for await (const one of all) sum += one;
    return sum;
  });
  const lists = app.task("lists", (all: readonly (readonly number[])[]) => all.map((list) => list.length));
  real.dynamodb.on({ operation: "BatchGetItem", nth: every(7), fault: { kind: "drop after" } });
  real.dynamodb.on({ operation: "BatchGetItem", nth: every(11, 2), fault: THROTTLED_DYNAMODB });
  await real.work();

  const adds = Array.from({ length: 130 }, (_, n) => add.s(n, n));
  const sent = await group(adds).delay();
  const sum = await chord(adds, total.s()).delay();
  const pair = chain(add.s(1, 1), group([add.s(1), add.s(2)]));
  const lengths = await chord([pair, pair], lists.s()).delay();

  const expected = adds.map((_, n) => 2 * n);
  // One look, with the tries that the SDK makes: where all of them are hit, it is asked again.
  const restored = await vi.waitFor(() => groupResult<number>(sent.id, app), { timeout: 20_000 });
  expect(restored.size).toBe(130);
  expect(await restored.get({ timeout: "60s" })).toEqual(expected);
  const ended = await collect(restored.iterate({ timeout: "60s" }));
  expect(ended.toSorted(([a], [b]) => a - b)).toEqual([...expected.entries()]);
  const once = () => restored.completedCount().catch(() => undefined); // one look, with the tries that the SDK makes
  await expect.poll(once, { timeout: 20_000 }).toBe(130);
  expect(await sum.get({ timeout: "60s" })).toBe(130 * 129);
  expect(await lengths.get({ timeout: "60s" })).toEqual([2, 2]);
  const header = lengths.parent as GroupResult<number[][]>;
  expect(await header.get({ timeout: "60s" })).toEqual([
    [3, 4],
    [3, 4],
  ]);
  expect(await app.result(header.at(1).id).get({ timeout: "60s" })).toEqual([3, 4]);
}, 90_000);

test("a DynamoDB restart in the middle loses nothing", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "lovage-restart-"));
  await using cleanup = { [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) };
  await using real = await realApp("restarted", {}, { dataDir });
  const slow = real.app.task("slow", { bind: true }, async (ctx, n: number) => {
    await ctx.sleep("50ms");
    return n;
  });
  await real.work();

  const results = await Promise.all(Array.from({ length: 100 }, (_, n) => slow.delay(n)));
  for (let i = 0; i < 3; i++) {
    await results[i * 30]?.get({ timeout: "60s" });
    await real.stack.restart("dynamodb");
  }

  const values = await Promise.all(results.map((result) => result.get({ timeout: "60s" })));
  expect(values).toEqual(Array.from({ length: 100 }, (_, n) => n));
  expect(cleanup).toBeDefined();
}, 120_000);

test("an SQS that forgets everything at a restart leaves its tasks PENDING, not wrong", async () => {
  await using real = await realApp("forgotten");
  const add = real.app.task("add", (x: number, y: number) => x + y);
  const before = await add.delay(1, 1);
  await real.stack.restart("sqs");
  await real.work();

  const after = await add.delay(2, 2);

  expect(await after.get({ timeout: "20s" })).toBe(4);
  expect(await before.state()).toBe("PENDING");
});
