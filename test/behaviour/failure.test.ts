import { expect, test } from "vitest";
import { TaskFailed } from "../../lib/errors.ts";
import { memoryApp } from "../support/memory-app.ts";

class PaymentDeclined extends Error {
  readonly code = "E_DECLINED";
}

const failing = (throws: unknown) =>
  memoryApp((app) => ({
    fails: app.task("fails", () => {
      throw throws;
    }),
  }));

test("type, message, stack, code and cause of the error arrive (test_tasks.py::test_fail)", async () => {
  const error = new PaymentDeclined("card expired", { cause: new RangeError("month 13") });
  await using it = await failing(error);
  const result = await it.tasks.fails.delay();
  expect(await it.settle(result)).toBe("FAILURE");
  expect(await result.failed()).toBe(true);
  const thrown = await result.get().catch((reason: unknown) => reason);
  expect(thrown).toBeInstanceOf(TaskFailed);
  expect(thrown).toMatchObject({
    taskId: result.id,
    type: "PaymentDeclined",
    message: "card expired",
    remoteStack: error.stack,
    cause: { name: "PaymentDeclined", message: "card expired", code: "E_DECLINED", cause: expect.any(RangeError) },
  });
  expect(await result.traceback()).toBe(error.stack);
  expect((await result.info()).failure).toMatchObject({
    type: "PaymentDeclined",
    cause: { type: "RangeError", message: "month 13" },
  });
});

test("a built-in error is one again (test_tasks.py::test_fail)", async () => {
  await using it = await failing(new TypeError("no"));
  const result = await it.tasks.fails.delay();
  await it.settle(result);
  await expect(result.get()).rejects.toMatchObject({ cause: expect.any(TypeError) });
});

test("an error with what JSON cannot hold keeps its class and message (test_fail_with_unpickleable_exception)", async () => {
  const error = Object.assign(new PaymentDeclined("no"), { socket: Symbol("open"), retry: () => 1 });
  await using it = await failing(error);
  const result = await it.tasks.fails.delay();
  await it.settle(result);
  await expect(result.get()).rejects.toMatchObject({ type: "PaymentDeclined", message: "no" });
});

test.each(["a string", undefined, null, { status: 404 }])("whatever is thrown is a failure: %j", async (thrown) => {
  await using it = await failing(thrown);
  const result = await it.tasks.fails.delay();
  expect(await it.settle(result)).toBe("FAILURE");
  await expect(result.get()).rejects.toMatchObject({ type: "NonError" });
});

test("get() throws the same again and again, in any process", async () => {
  await using it = await failing(new Error("no"));
  const result = await it.tasks.fails.delay();
  await it.settle(result);
  for (const one of [result, it.app.result(result.id)]) await expect(one.get()).rejects.toThrow("no");
});

test("an expected error is logged in one line, an unexpected one with its stack", async () => {
  await using it = await memoryApp((app) => ({
    expected: app.task("expected", { throws: [PaymentDeclined] }, () => {
      throw new PaymentDeclined("no");
    }),
    unexpected: app.task("unexpected", () => {
      throw new PaymentDeclined("no");
    }),
  }));
  await it.settle(await it.tasks.expected.delay(), await it.tasks.unexpected.delay());
  const lines = it.logs.filter(({ error }) => error === "PaymentDeclined: no");
  expect(lines).toMatchObject([
    { level: "info", task: "expected" },
    { level: "error", task: "unexpected", stack: expect.stringContaining("at ") },
  ]);
  expect(lines[0]).not.toHaveProperty("stack");
});
