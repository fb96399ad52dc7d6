import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memoryApp, QUEUE } from "../support/memory-app.ts";

interface Captured {
  readonly MessageBody: string;
  readonly envelope: { readonly headers: { readonly id: string; readonly root_id: string } };
}
/** What a real Celery 5.6 sent through SQS. */
const captured: Record<string, readonly Captured[]> = JSON.parse(
  readFileSync(new URL("../fixtures/celery_wire_fixtures.json", import.meta.url), "utf8"),
).sqs;
const message = (name: string, index = 0): Captured => {
  const found = captured[name]?.[index];
  if (found === undefined) throw new Error(`the fixtures have no "${name}"`);
  return found;
};

const proj = (start = new Date("2026-11-21T04:00:00Z")) =>
  memoryApp(
    (app) => ({
      add: app.task("proj.tasks.add", (x: number, y: number | { y: number }) => x + (typeof y === "number" ? y : y.y)),
      again: app.task("proj.tasks.again", { bind: true }, (ctx, n: number) => [n, ctx.retries]),
      xsum: app.task("proj.tasks.xsum", (sum: number) => sum),
    }),
    { start },
  );

describe("a message sent by Python", () => {
  test.each(["add(2,3)", "gzip"])("runs and is recorded: %s", async (name) => {
    await using it = await proj();
    const { MessageBody, envelope } = message(name);
    const result = it.app.result<number>(envelope.headers.id);
    expect(await result.state()).toBe("UNKNOWN"); // its id cannot speak for it
    await it.send(MessageBody);
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toBe(5);
    expect(await result.info()).toMatchObject({ task: "proj.tasks.add", workload: "default", runs: 1 });
  });

  test("runs once, however often it comes", async () => {
    await using it = await proj();
    const { MessageBody, envelope } = message("add(2,3)");
    for (let i = 0; i < 3; i++) await it.send(MessageBody);
    await it.settle(it.app.result(envelope.headers.id));
    await it.advance(60);
    expect(it.store.records.get(envelope.headers.id)?.runs).toBe(1);
    expect(it.messages()).toEqual([]);
  });

  test("that is past its expires is revoked", async () => {
    await using it = await proj(new Date("2026-11-22T00:00:00Z"));
    const { MessageBody, envelope } = message("all options");
    await it.send(MessageBody);
    expect(await it.settle(it.app.result(envelope.headers.id))).toBe("REVOKED");
  });

  test("with every option waits for its eta, and its callback follows", async () => {
    await using it = await proj();
    const { MessageBody, envelope } = message("all options");
    await it.send(MessageBody);
    const result = it.app.result<number>(envelope.headers.id);
    await it.advance(60);
    expect(await result.state()).toBe("UNKNOWN");
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(it.clock.now()).toBeGreaterThanOrEqual(Date.parse("2026-11-21T04:13:11.504Z"));
    await it.advance(5);
    const [callback] = [...it.store.records.values()].filter(({ task }) => task === "proj.tasks.xsum");
    expect(callback).toMatchObject({ state: "SUCCESS", result: "5" });
  });

  test("of a retry keeps its attempt", async () => {
    await using it = await proj();
    const { MessageBody, envelope } = message("retry (second send, same id)");
    await it.send(MessageBody);
    const result = it.app.result(envelope.headers.id);
    await it.settle(result);
    expect(await result.get()).toEqual([3, 1]);
  });

  test("begins a line; a retry of it by a Python worker, which copies our headers back, keeps its place", async () => {
    await using it = await memoryApp((app) => ({
      again: app.task("proj.tasks.again", { bind: true }, (ctx, n: number) => [n, ctx.retries, ctx.hops]),
    }));
    const { MessageBody, envelope } = message("retry (second send, same id)");
    const body = JSON.parse(Buffer.from(MessageBody, "base64").toString());
    await it.send(MessageBody);
    const first = it.app.result(envelope.headers.id);
    await it.settle(first);
    expect(await first.get()).toEqual([3, 1, 0]);

    await it.send(JSON.stringify({ ...body, headers: { ...body.headers, id: "ours-once", lovage_hops: 12 } }));
    const copied = it.app.result("ours-once");
    await it.settle(copied);
    expect(await copied.get()).toEqual([3, 1, 12]);
  });

  test("of a chain goes on with its steps, under the ids that Python gave them", async () => {
    await using it = await proj();
    const { MessageBody } = message("chain");
    for (let i = 0; i < 2; i++) await it.send(MessageBody);
    const last = it.app.result("c623480a-9590-4204-b7f1-1d03d57ff7df");
    expect(await it.settle(last)).toBe("SUCCESS");
    expect(await last.get()).toBe(30);
    await it.advance(60);
    expect(it.messages()).toEqual([]);
    expect([...it.store.records.values()].map(({ runs }) => runs)).toEqual([1, 1, 1]);
  });

  test("of a chain with a group in the middle begins the chord, and its body ends under Python's id", async () => {
    await using it = await memoryApp((app) => ({
      add: app.task("proj.tasks.add", (x: number, y: number) => x + y),
      xsum: app.task("proj.tasks.xsum", (all: readonly number[]) => all.reduce((sum, one) => sum + one, 0)),
    }));
    await it.send(message("chain with group in the middle (upgraded to chord)").MessageBody);
    const body = it.app.result("77509d6b-0bbc-4900-95a1-584aec37f60e");
    expect(await it.settle(body)).toBe("SUCCESS");
    expect(await body.get()).toBe(3 + 4);
  });

  test("of a member of a chord runs; where Python says no size, its own `celery.chord_unlock` counts", async () => {
    await using it = await proj();
    const both = captured.chord as readonly Captured[];
    for (const { MessageBody } of both) await it.send(MessageBody);
    const results = both.map(({ envelope }) => it.app.result<number>(envelope.headers.id));
    await it.settle(...results);
    expect(await Promise.all(results.map((result) => result.get()))).toEqual([0, 2]);
    await it.advance(60);
    expect(it.store.records.size).toBe(2);
  });

  test("of a starmap calls the task for each item", async () => {
    await using it = await proj();
    const { MessageBody, envelope } = message("starmap");
    await it.send(MessageBody);
    const result = it.app.result(envelope.headers.id);
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(await result.get()).toEqual([2, 4]);
  });

  test("of a group member runs by itself", async () => {
    await using it = await proj();
    const both = captured.group as readonly Captured[];
    for (const { MessageBody } of both) await it.send(MessageBody);
    const results = both.map(({ envelope }) => it.app.result<number>(envelope.headers.id));
    await it.settle(...results);
    expect(await Promise.all(results.map((result) => result.get()))).toEqual([0, 2]);
  });
});

test("a message for Python names its queue, by which kombu acknowledges and returns it", async () => {
  await using it = await memoryApp(() => ({}), { worker: false });
  await it.during(it.app.sendTask("proj.tasks.add", [2, 3]));
  const [body = ""] = it.broker.bodies(QUEUE);
  expect(JSON.parse(body).properties.delivery_info).toEqual({ exchange: "", routing_key: QUEUE });
});
