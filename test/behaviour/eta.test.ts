import { describe, expect, test } from "vitest";
import { encode } from "../../lib/wire/envelope.ts";
import { memoryApp, QUEUE } from "../support/memory-app.ts";
import { envelopeOf } from "../support/messages.ts";

const tasks = (started: number[] = []) =>
  memoryApp((app) => ({ note: app.task("note", () => void started.push(app.clock.now())) }));

describe("a delayed task is PENDING and does not run before its time (test_tasks.py::test_eta)", () => {
  test.each(["countdown", "eta"])("by %s", async (how) => {
    const started: number[] = [];
    await using it = await tasks(started);
    const due = it.clock.now() + 3_000;
    const result = await it.tasks.note.applyAsync([], how === "countdown" ? { countdown: 3 } : { eta: new Date(due) });
    await it.advance(2.9);
    expect(await result.state()).toBe("PENDING");
    expect(await it.settle(result)).toBe("SUCCESS");
    expect(started[0]).toBeGreaterThanOrEqual(due);
    expect(started[0]).toBeLessThan(due + 1_500);
  });
});

test("an eta in the past, and a countdown of 0, run at once (native_delayed_delivery: eta_in_the_past, zero)", async () => {
  await using it = await tasks();
  const past = await it.tasks.note.applyAsync([], { eta: new Date(it.clock.now() - 60_000) });
  const zero = await it.tasks.note.applyAsync([], { countdown: 0 });
  await it.advance(1);
  expect([await past.state(), await zero.state()]).toEqual(["SUCCESS", "SUCCESS"]);
});

test("tasks of the same eta all run, each once (native_delayed_delivery: same_eta)", async () => {
  const started: number[] = [];
  await using it = await tasks(started);
  const eta = new Date(it.clock.now() + 10_000);
  const results = [];
  for (let i = 0; i < 15; i++) results.push(await it.tasks.note.applyAsync([], { eta }));
  await it.settle(...results);
  expect(started).toHaveLength(15);
  expect(Math.min(...started)).toBeGreaterThanOrEqual(eta.getTime());
});

test("a delay over 15 minutes, as Python sends it, hops until it is due (native_delayed_delivery: test_long_delay)", async () => {
  const started: number[] = [];
  await using it = await tasks(started);
  const due = it.clock.now() + 25 * 3_600_000;
  const result = it.app.result("from-python");
  await it.send(encode(envelopeOf({ id: result.id, task: "note", args: [], lang: "py", eta: due }), "default"));
  await it.advance(24.9 * 3_600);
  expect(started).toEqual([]);
  expect(it.broker.bodies(QUEUE)).toHaveLength(1);
  await it.advance(0.2 * 3_600);
  expect(started).toHaveLength(1);
  expect(started[0]).toBeGreaterThanOrEqual(due);
  expect(await result.state()).toBe("SUCCESS");
});

test("a delayed task can be revoked (native_delayed_delivery: revoke_delayed_task)", async () => {
  const started: number[] = [];
  await using it = await tasks(started);
  const result = await it.tasks.note.applyAsync([], { countdown: "10s" });
  expect(await result.revoke()).toBe("revoked");
  await it.advance(20);
  expect(started).toEqual([]);
  expect(it.messages()).toEqual([]);
  expect(await result.state()).toBe("REVOKED");
});
