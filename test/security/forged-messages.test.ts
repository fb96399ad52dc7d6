// What docs/security.md says of a message that somebody who may send has made up.
import { describe, expect, test } from "vitest";
import { encode } from "../../lib/wire/envelope.ts";
import { memoryApp, QUEUE } from "../support/memory-app.ts";
import { envelopeOf, signatureOf } from "../support/messages.ts";

async function victim() {
  const seen: unknown[][] = [];
  const running = Promise.withResolvers<void>();
  const memory = await memoryApp((app) => ({
    secret: app.task("secret", (word: string) => `the ${word}`),
    note: app.task("note", (...args: unknown[]) => void seen.push(args)),
    slow: app.task("slow", () => running.promise),
  }));
  const forge = (facts: Parameters<typeof envelopeOf>[0]) => memory.send(encode(envelopeOf(facts), QUEUE));
  return { memory, seen, forge, running, [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose]() };
}

describe("a message under the id of another's task", () => {
  test("that has ended cannot change its ending, and nothing runs again", async () => {
    await using it = await victim();
    const result = await it.memory.tasks.secret.delay("word");
    await it.memory.settle(result);
    const before = it.memory.record(result);
    await it.forge({ id: result.id, task: "note", args: ["forged"] });
    await it.memory.advance(60);
    expect(it.memory.record(result)).toEqual(before);
    expect(it.seen).toEqual([]);
  });

  test("that has ended calls the callbacks that it names, with the result: this is not defended", async () => {
    await using it = await victim();
    const result = await it.memory.tasks.secret.delay("word");
    await it.memory.settle(result);
    await it.forge({ id: result.id, task: "secret", args: [], link: [signatureOf("note", { args: ["forged"] })] });
    await it.memory.advance(60);
    expect(it.seen).toEqual([["the word", "forged"]]);
  });

  test("that runs does not disturb it", async () => {
    await using it = await victim();
    const result = await it.memory.tasks.slow.delay();
    await it.memory.until("it runs", async () => (await result.state()) === "STARTED");
    await it.forge({ id: result.id, task: "note", args: ["forged"] });
    await it.memory.advance(60);
    expect(it.memory.record(result)).toMatchObject({ task: "slow", state: "STARTED", runs: 1 });
    it.running.resolve();
    expect(await it.memory.settle(result)).toBe("SUCCESS");
    await it.memory.advance(60);
    expect(it.seen).toEqual([]);
  });

  test("that waits takes its place: this is not defended", async () => {
    await using it = await victim();
    const result = await it.memory.tasks.secret.applyAsync(["word"], { countdown: 60 });
    await it.forge({ id: result.id, task: "note", args: ["forged"] });
    await it.memory.settle(result);
    await it.memory.advance(120);
    expect(it.seen).toEqual([["forged"]]);
    expect(it.memory.record(result)).toMatchObject({ task: "note", state: "SUCCESS", runs: 1 });
  });
});

test("a callback that names another's queue goes to none: it is one of this app's names, or is recorded as failed", async () => {
  await using it = await victim();
  await it.forge({
    id: "forged",
    task: "note",
    link: [signatureOf("note", { options: { queue: "other-app-default", task_id: "next" } })],
  });
  await it.memory.until("it is recorded", () => it.memory.record({ id: "next" }) !== undefined);
  expect(it.memory.record({ id: "next" })).toMatchObject({
    state: "FAILURE",
    failure: { type: "QueueNotFound", message: expect.stringContaining('"duckling-other-app-default"') },
  });
});
