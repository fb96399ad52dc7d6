// What goes wrong on command, and what Lovage makes of it: each task still ends once.
import fc from "fast-check";
import { expect, test } from "vitest";
import { BrokerUnavailable, createApp, onFargate } from "../../lib/index.ts";
import { inMemory } from "../../lib/testing/index.ts";

const runs: string[] = [];
const app = createApp("shop", { workloads: { default: onFargate({ work: "io", maxReceiveCount: 3 }) } });
const add = app.task("add", (x: number, y: number) => {
  runs.push(`add(${x}, ${y})`);
  return x + y;
});
const note = app.task("note", (text: string | number) => void runs.push(`note(${text})`));

const inTest = (options = {}) => {
  runs.length = 0;
  return inMemory(app, options);
};

test("a send that fails reaches its caller, and nothing was sent", async () => {
  await using test = inTest();
  test.broker.failNext("send", { times: 2 });
  await expect(add.delay(1, 1)).rejects.toThrow(BrokerUnavailable);
  await expect(add.delay(1, 1)).rejects.toThrow("send failed, as the test asked");
  test.assertNotSent(add);
  await add.delay(1, 1);
  expect(await test.drain()).toHaveLength(1);
});

test("a send whose answer is lost has sent", async () => {
  await using test = inTest();
  test.broker.loseAnswer("send");
  await expect(add.delay(1, 1)).rejects.toThrow("the answer to send was lost");
  test.assertSent(add, { times: 1 });
  expect(await test.drain()).toHaveLength(1);
});

test("a message delivered twice is one task that ends once", async () => {
  await using test = inTest();
  test.broker.duplicateNext();
  const result = await add.applyAsync([1, 1], { link: note.s() });
  expect(await test.drain()).toMatchObject([{ task: "add" }, { task: "note" }]);
  expect(runs).toEqual(["add(1, 1)", "note(2)"]);
  expect(await result.info()).toMatchObject({ state: "SUCCESS", runs: 1 });
  test.assertSent(add, { times: 1 });
});

test("where an acknowledgement is dropped the message comes again and runs nothing", async () => {
  await using test = inTest();
  test.broker.dropAck();
  const began = test.clock.now().getTime();
  const result = await add.delay(1, 1);
  expect(await test.drain()).toHaveLength(1);
  expect(test.clock.now().getTime() - began).toBe(30_000); // it was invisible until then
  expect(await result.info()).toMatchObject({ state: "SUCCESS", runs: 1 });
});

test("messages come in any order, the same for the same seed", async () => {
  const order = async (seed?: number) => {
    await using test = inTest();
    if (seed !== undefined) test.broker.reorder(seed);
    for (let i = 0; i < 8; i++) await add.delay(i, 0);
    const ran = await test.drain();
    expect(ran).toHaveLength(8);
    return ran.map(({ args }) => args[0]);
  };
  expect(await order()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(await order(3)).not.toEqual(await order());
  expect(await order(3)).toEqual(await order(3));
  expect(await order(4)).not.toEqual(await order(3));
});

test("a receive that fails is tried again", async () => {
  await using test = inTest();
  test.broker.failNext("receive", { times: 3 });
  const result = await add.delay(1, 1);
  expect(await test.drain()).toHaveLength(1);
  expect(await result.get()).toBe(2);
  expect(test.logs.filter(({ message }) => message === "could not receive, trying again")).toHaveLength(3);
});

test("a call that takes long lets time pass", async () => {
  await using test = inTest();
  test.broker.delayNext("send", "2s");
  const began = test.clock.now().getTime();
  await add.delay(1, 1);
  expect(test.clock.now().getTime() - began).toBe(2_000);
});

test("a receive that takes long holds up drain() by the test's clock, and nothing else", async () => {
  await using test = inTest();
  test.broker.delayNext("receive", "10s");
  const began = test.clock.now().getTime();
  await add.delay(1, 1);
  expect(await test.drain()).toHaveLength(1);
  expect(test.clock.now().getTime() - began).toBe(10_000);
});

test("where a claim cannot be written for a moment, the task runs once all the same", async () => {
  await using test = inTest();
  test.store.failNext("write", { change: "claim", times: 2 });
  const result = await add.delay(1, 1);
  expect(await test.drain()).toHaveLength(1);
  expect(await result.info()).toMatchObject({ state: "SUCCESS", runs: 1 });
});

test("where the answer to a claim is lost, the claim is known as its own", async () => {
  await using test = inTest();
  test.store.loseAnswer("write", { change: "claim" });
  const result = await add.delay(1, 1);
  expect(await test.drain()).toHaveLength(1);
  expect(await result.info()).toMatchObject({ state: "SUCCESS", runs: 1 });
});

test("where the answer to an ending is lost, its callbacks are sent and it ends once", async () => {
  await using test = inTest();
  test.store.loseAnswer("write", { change: "succeed" });
  const result = await add.applyAsync([1, 1], { link: note.s() });
  await test.drain();
  expect(runs).toEqual(["add(1, 1)", "note(2)"]);
  expect(await result.get()).toBe(2);
});

test("where the ending cannot be written for long, the task runs again and ends once", async () => {
  await using test = inTest();
  test.store.failNext("write", { change: "succeed", times: 5 });
  const result = await add.delay(1, 1);
  const ran = await test.drain();
  expect(ran.map(({ id }) => id)).toEqual([result.id, result.id]);
  expect(await result.info()).toMatchObject({ state: "SUCCESS", runs: 2 });
});

test("a callback that cannot be sent for a moment is sent with the next delivery", async () => {
  await using test = inTest();
  const result = await add.applyAsync([1, 1], { link: note.s() });
  test.broker.failNext("send");
  await test.drain();
  expect(runs).toEqual(["add(1, 1)", "note(2)"]);
  expect(await result.get()).toBe(2);
});

test("a message nobody could ever handle is recorded through the dead-letter queue", async () => {
  await using test = inTest();
  test.store.failNext("write", { change: "claim", times: Number.POSITIVE_INFINITY });
  const result = await add.delay(1, 1);
  expect(await test.drain()).toEqual([]);
  expect(await result.info()).toMatchObject({ state: "FAILURE", failure: { type: "DeadLettered" } });
});

test("whatever goes wrong, every task ends once and its callback is one task", async () => {
  const operations = ["send", "receive", "delete", "changeVisibility"] as const;
  const changes = ["claim", "succeed", "heartbeat"] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat(),
        fail: fc.array(fc.constantFrom(...operations), { maxLength: 6 }),
        lose: fc.array(fc.constantFrom(...operations), { maxLength: 6 }),
        slow: fc.array(fc.constantFrom(...operations), { maxLength: 3 }),
        failWrites: fc.array(fc.constantFrom(...changes), { maxLength: 6 }),
        loseWrites: fc.array(fc.constantFrom(...changes), { maxLength: 6 }),
        duplicates: fc.nat(3),
        droppedAcks: fc.nat(3),
        concurrency: fc.integer({ min: 1, max: 4 }),
      }),
      async (wrong) => {
        await using test = inTest({ seed: wrong.seed });
        const results = await Promise.all([1, 2, 3, 4, 5].map((n) => add.applyAsync([n, n], { link: note.s() })));
        test.broker.reorder(wrong.seed);
        for (const operation of wrong.fail) test.broker.failNext(operation);
        for (const operation of wrong.lose) test.broker.loseAnswer(operation);
        for (const operation of wrong.slow) test.broker.delayNext(operation, "20s");
        for (const change of wrong.failWrites) test.store.failNext("write", { change });
        for (const change of wrong.loseWrites) test.store.loseAnswer("write", { change });
        if (wrong.duplicates > 0) test.broker.duplicateNext({ times: wrong.duplicates });
        if (wrong.droppedAcks > 0) test.broker.dropAck({ times: wrong.droppedAcks });
        await test.drain({ concurrency: wrong.concurrency });
        test.store.recover();

        expect(await Promise.all(results.map((result) => result.get()))).toEqual([2, 4, 6, 8, 10]);
        const callbacks = test.sentTo(note);
        expect(callbacks.map(({ args }) => args[0]).sort()).toEqual([10, 2, 4, 6, 8]);
        for (const { id } of callbacks) expect(await note.result(id).state()).toBe("SUCCESS");
        expect(await test.drain()).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});

test("a read that fails reaches whoever reads; a slow one takes its time", async () => {
  await using test = inTest();
  const result = await add.delay(1, 1);
  test.store.failNext("read");
  await expect(result.state()).rejects.toThrow("read failed, as the test asked");
  test.store.delayNext("read", "3s");
  const began = test.clock.now().getTime();
  expect(await result.state()).toBe("SUCCESS"); // while somebody waits, the app works
  expect(test.clock.now().getTime() - began).toBe(3_000);
});

test("recover() ends it", async () => {
  await using test = inTest();
  test.broker.failNext("send", { times: Number.POSITIVE_INFINITY });
  test.store.failNext("read", { times: Number.POSITIVE_INFINITY });
  await expect(add.delay(1, 1)).rejects.toThrow("as the test asked");
  test.broker.duplicateNext();
  test.broker.dropAck();
  test.broker.recover();
  test.store.recover();
  const result = await add.delay(1, 1);
  const began = test.clock.now();
  await test.drain();
  expect(await result.get()).toBe(2);
  expect(test.clock.now()).toEqual(began);
  expect(runs).toHaveLength(1);
});

test("a command that cannot be is refused", async () => {
  await using test = inTest();
  expect(() => test.broker.failNext("sent" as never)).toThrow('it takes "send" or "receive"');
  expect(() => test.broker.failNext("send", { times: 0 })).toThrow("times of failNext() is 0; it takes a whole number");
  expect(() => test.broker.duplicateNext({ time: 2 } as never)).toThrow("did you mean times?");
  expect(() => test.broker.delayNext("send", "soon" as never)).toThrow("the delay of a fault");
  expect(() => test.store.failNext("send" as never)).toThrow('it takes "read" or "write"');
  expect(() => test.store.failNext("write", { change: 1 } as never)).toThrow("change of failNext()");
});
