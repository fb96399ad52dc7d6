// What docs/semantics.md says is not promised: each exception as it is, so that none grows unseen.
import { describe, expect, test, vi } from "vitest";
import { derivedId } from "../../lib/core/ids.ts";
import { MAX_DEAD_LETTER_RESENDS } from "../../lib/defaults.ts";
import { Reject } from "../../lib/errors.ts";
import { BOUNDS } from "../support/bounds.ts";
import { DEAD, memoryApp, QUEUE } from "../support/memory-app.ts";

const DAY = 86_400;

function quirks() {
  const ran: string[] = [];
  const called: string[] = [];
  return memoryApp(
    (app) => ({
      work: app.task("work", { bind: true, timeLimit: "2h" }, async (ctx, seconds: number) => {
        ran.push(ctx.id);
        await ctx.sleep(seconds);
        return ran.length;
      }),
      unclaimed: app.task("unclaimed", { bind: true, claim: false }, async (ctx) => {
        ran.push(ctx.id);
        await ctx.sleep(5);
        return ran.length;
      }),
      untracked: app.task("untracked", { ignoreResult: true }, () => {
        ran.push("untracked");
        if (ran.length === 1) throw new Error("the first time");
        return "the second time";
      }),
      requeues: app.task("requeues", { bind: true }, (ctx) => {
        ran.push(ctx.id);
        throw new Reject({ reason: "not here", requeue: true });
      }),
      note: app.task("note", (value: number, what: string) => void called.push(`${value}: ${what}`)),
    }),
    { worker: false },
  ).then((it) => Object.assign(it, { ran, called }));
}

describe("two deliveries side by side", () => {
  test("of a task with ignoreResult both run; where one fails and one succeeds, both its callbacks are sent", async () => {
    await using it = await quirks();
    const link = it.tasks.note.si(1, "succeeded");
    const linkError = it.tasks.note.si(1, "failed");
    await it.tasks.untracked.applyAsync([], { link, linkError });
    await it.duplicate();
    await it.startWorker();
    await it.advance(60);
    expect(it.ran).toHaveLength(2);
    expect(it.called.toSorted()).toEqual(["1: failed", "1: succeeded"]);
  });

  test("of a task without a claim both run; it ends once, with the first one's value, and its callback runs once", async () => {
    await using it = await quirks();
    const result = await it.tasks.unclaimed.applyAsync([], { link: it.tasks.note.s("value") });
    const [body] = it.broker.bodies(QUEUE);
    await it.startWorker();
    await it.advance(1);
    await it.send(body ?? "");
    expect(await it.settle(result)).toBe("SUCCESS");
    await it.advance(600);
    expect(it.ran).toEqual([result.id, result.id]);
    expect(it.called).toEqual([`${await result.get()}: value`]);
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });
});

test("ignoreResult: a worker that dies between a failure's record and its error callback; the next run succeeds, and nobody sends that callback", async () => {
  await using it = await quirks();
  const link = it.tasks.note.si(1, "succeeded");
  const linkError = it.tasks.note.si(1, "failed");
  const result = await it.tasks.untracked.applyAsync([], { link, linkError });
  const first = await it.startWorker();
  first.killBefore("send");
  await it.until("its failure is recorded", async () => (await result.state()) === "FAILURE");
  await it.startWorker();
  await it.advance(600);
  expect(it.ran).toHaveLength(2);
  expect([await result.state(), it.called]).toEqual(["FAILURE", ["1: succeeded"]]);
});

describe("an id", () => {
  test("that was derived has no age: nobody consumes it, and it reads PENDING for ever", async () => {
    await using it = await quirks();
    const { id } = it.app.result(derivedId(it.app.key, "a task that called it", "call:0:x:0"));
    await it.advance(365 * DAY);
    expect(await it.app.result(id).state()).toBe("PENDING");
  });

  test("whose record's 15 days are over reads LOST where it says its age, and PENDING where it was derived", async () => {
    await using it = await quirks();
    const worker = await it.startWorker();
    const fresh = await it.tasks.work.applyAsync([1], { link: it.tasks.note.s("value") });
    await it.until("its callback has run", () => it.called.length === 1);
    const derived = it.app.result(derivedId(it.app.key, fresh.id, "link:0"));
    await it.settle(fresh, derived);
    worker.kill(); // days of polling show nothing
    await it.advance(BOUNDS.record + 60);
    expect([await fresh.state(), await derived.state()]).toEqual(["LOST", "PENDING"]);
  });

  /** Its receives are used up: no write of its worker arrived. */
  async function deadLetter() {
    const it = await quirks();
    const result = await it.tasks.work.delay(1);
    const claim = vi.spyOn(it.store, "write").mockImplementation(() => Promise.reject(new Error("refused")));
    const first = await it.startWorker({ deadLetters: false, guard: false });
    await it.until("it is a dead letter", async () => (await it.broker.depth(DEAD)).visible === 1);
    first.kill();
    claim.mockRestore();
    return { it, result };
  }

  test("whose message is sent again from the dead letters reads LOST when no message of it can be left, and no sooner", async () => {
    const { it, result } = await deadLetter();
    await using _ = it;
    await it.advance(11 * DAY); // nobody consumes dead letters meanwhile
    const undertaker = await it.startWorker();
    const write = it.store.write.bind(it.store);
    vi.spyOn(it.store, "write").mockImplementation((change) =>
      change.kind === "claim" ? Promise.reject(new Error("refused")) : write(change),
    );
    undertaker.killBefore("delete"); // it has sent it again
    await it.until("it is sent again", () => it.messages().length === 1);
    await it.advance(BOUNDS.lost - 60);
    expect(await result.state()).toBe("PENDING");
    await it.advance(60);
    expect(await result.state()).toBe("LOST");
  });

  test("that reads LOST runs all the same where its message was moved by other means than Lovage's", async () => {
    const { it, result } = await deadLetter();
    await using _ = it;
    await it.advance(13 * DAY);
    for (const body of it.broker.bodies(DEAD)) await it.send(body); // as SQS's own redrive of a dead-letter queue
    await it.advance(2 * DAY);
    expect(await result.state()).toBe("LOST");
    await it.startWorker();
    await it.until("it has ended", async () => (await result.state()) === "SUCCESS");
    expect(it.ran).toEqual([result.id]);
  });

  test("that was chosen is free again when its record's 15 days are over: it runs once more", async () => {
    await using it = await quirks();
    const worker = await it.startWorker();
    const send = () => it.tasks.work.applyAsync([1], { taskId: "order-7", link: it.tasks.note.s("value") });
    await it.settle(await send());
    await it.advance(30); // its callback has run
    worker.kill(); // days of polling show nothing
    await it.advance(BOUNDS.record - 90);
    await it.startWorker();
    await send();
    await it.advance(5);
    expect(it.ran).toHaveLength(1);
    await it.advance(61);
    await it.settle(await send());
    await it.advance(60);
    expect(it.ran).toEqual(["order-7", "order-7"]);
    expect(it.called).toEqual(["1: value", "2: value"]);
  });

  test("that was chosen and is sent twice with different arguments runs once, with those of whichever message comes first", async () => {
    await using it = await quirks();
    const send = (seconds: number) => it.tasks.work.applyAsync([seconds], { taskId: "order-7" });
    await send(3);
    const result = await send(5);
    expect(it.messages().map(({ args }) => args)).toEqual([[3], [5]]);
    let picks = 0;
    it.broker.deliverBy((count) => (picks++ === 0 ? count - 1 : 0)); // SQS promises no order
    await it.startWorker({ concurrency: 1 });
    const began = it.clock.now();
    await it.settle(result);
    expect(it.clock.now() - began).toBeGreaterThan(4_500);
    await it.advance(60);
    expect(it.ran).toEqual(["order-7"]);
    expect(it.messages()).toEqual([]);
  });

  test("that was chosen and is used again while its callback's record lives: the callback is taken for sent", async () => {
    await using it = await quirks();
    const worker = await it.startWorker();
    const send = (countdown: number) =>
      it.tasks.work.applyAsync([1], {
        taskId: "order-7",
        link: it.tasks.note.s("value").set({ countdown }),
      });
    await it.settle(await send(600));
    await it.until("its callback has run", () => it.called.length === 1);
    worker.kill(); // days of polling show nothing
    await it.advance(BOUNDS.record - 300); // its own record is gone, its callback's lives on for five minutes
    await it.startWorker();
    await it.settle(await send(0));
    await it.advance(60);
    expect(it.ran).toHaveLength(2);
    expect(it.called).toEqual(["1: value"]);
  });
});

test("a call whose arguments differ each time is another task each time its caller runs", async () => {
  const children: unknown[] = [];
  let runs = 0;
  await using it = await memoryApp(
    (app) => {
      const child = app.task("child", (value: number) => void children.push(value));
      return {
        parent: app.task("parent", { bind: true }, async (ctx) => {
          await child.delay(++runs); // a random number, a time of day
          await ctx.sleep(10);
        }),
      };
    },
    { worker: false },
  );
  const first = await it.startWorker();
  const result = await it.tasks.parent.delay();
  await it.advance(5);
  first.kill();
  await it.startWorker();
  await it.settle(result);
  expect(children).toEqual([1, 2]);
});

describe("a message that SQS drops because its retention is over", () => {
  /** As its retention does, whoever has it in hand. */
  async function dropped() {
    const it = await quirks();
    const changes = vi.spyOn(it.broker, "changeVisibility");
    const worker = await it.startWorker({ guard: false });
    const result = await it.tasks.work.delay(60);
    await it.advance(10);
    const [[delivery] = []] = changes.mock.calls;
    if (delivery) await it.broker.delete(delivery);
    expect(it.messages()).toEqual([]);
    return { it, worker, result };
  }

  test("while its task runs: the task ends and is recorded", async () => {
    const { it, result } = await dropped();
    await using _ = it;
    expect(await it.settle(result)).toBe("SUCCESS");
  });

  test("while its worker dies: the task reads STALLED, and LOST when no message can be left", async () => {
    const { it, worker, result } = await dropped();
    await using _ = it;
    worker.kill();
    await it.advance(BOUNDS.takeover);
    expect(await result.state()).toBe("STALLED");
    await it.advance(BOUNDS.lost - 60);
    expect(await result.state()).toBe("STALLED");
    await it.advance(120);
    expect(await result.state()).toBe("LOST");
    expect(it.ran).toHaveLength(1);
  });
});

describe("what never comes to rest by itself is ended within its bound:", () => {
  test("a task that gives itself back for ever", async () => {
    await using it = await quirks();
    await it.startWorker();
    const result = await it.tasks.requeues.delay();
    const sentAt = it.clock.now();
    expect(await it.settle(result)).toBe("FAILURE");
    expect((it.clock.now() - sentAt) / 1_000).toBeLessThanOrEqual(BOUNDS.requeued + 2);
    expect(it.ran).toHaveLength(8);
  });

  test("a task that no worker can start, sent again from the dead letters as often as that is done", async () => {
    await using it = await quirks();
    const result = await it.tasks.work.delay(1);
    const write = it.store.write.bind(it.store);
    vi.spyOn(it.store, "write").mockImplementation((change) =>
      change.kind === "claim" ? Promise.reject(new Error("refused")) : write(change),
    );
    await it.startWorker({ guard: false });
    await it.settle(result);
    expect(await result.info()).toMatchObject({
      state: "FAILURE",
      failure: { message: `no worker could start it in ${MAX_DEAD_LETTER_RESENDS + 1} rounds of deliveries` },
    });
    expect([...it.messages(), ...it.messages(DEAD)]).toEqual([]);
  });
});

test("a revoke of what runs is heard within a third of the lease", async () => {
  await using it = await memoryApp((app) => ({
    waits: app.task("waits", { bind: true }, (ctx) => ctx.sleep("4m")),
  }));
  const result = await it.tasks.waits.delay();
  await it.advance(10);
  const askedAt = it.clock.now();
  expect(await result.revoke()).toBe("requested");
  expect(await it.settle(result)).toBe("REVOKED");
  expect((it.clock.now() - askedAt) / 1_000).toBeLessThanOrEqual(BOUNDS.revoke + 0.1);
});
