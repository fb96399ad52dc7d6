// examples/outbox: a call is sent if and only if its transaction was committed, and runs once however often it is sent.
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { createOutbox, enqueue, relay, transaction } from "../../examples/outbox/outbox.ts";
import { BrokerUnavailable } from "../../lib/index.ts";
import { memoryApp } from "../support/memory-app.ts";

async function shop() {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT)");
  createOutbox(database);
  const shipped: string[] = [];
  const it = await memoryApp((app) => ({ ship: app.task("ship", (item: string) => void shipped.push(item)) }));
  const { app, tasks } = it;
  const order = (item: string) =>
    transaction(database, app, () => {
      database.prepare("INSERT INTO orders (item) VALUES (?)").run(item);
      const id = enqueue(database, tasks.ship, item);
      if (item === "out of stock") throw new RangeError("out of stock");
      return id;
    });
  const waiting = () => database.prepare("SELECT count(*) AS n FROM outbox").get()?.n;
  return { it, app, database, order, shipped, waiting };
}

describe("the outbox", () => {
  test("sends what was committed; its id is the task's", async () => {
    const { it, app, order, shipped, waiting } = await shop();
    await using _ = it;
    const id = await order("a chair");
    expect(await it.settle(app.result(id))).toBe("SUCCESS");
    expect(shipped).toEqual(["a chair"]);
    expect(waiting()).toBe(0);
  });

  test("sends nothing of what was rolled back", async () => {
    const { it, order, shipped, waiting } = await shop();
    await using _ = it;
    await expect(order("out of stock")).rejects.toThrow("out of stock");
    await it.advance(5);
    expect(shipped).toEqual([]);
    expect(waiting()).toBe(0);
  });

  test("keeps what could not be sent, and sends it with the next relay", async () => {
    const { it, app, database, order, shipped, waiting } = await shop();
    await using _ = it;
    const send = it.broker.send;
    it.broker.send = async () => {
      throw new BrokerUnavailable("the queue is down");
    };
    await order("a table");
    expect(waiting()).toBe(1);
    it.broker.send = send;
    expect(await relay(database, app)).toBe(1);
    await it.advance(1);
    expect(shipped).toEqual(["a table"]);
    expect(waiting()).toBe(0);
  });

  test("sends twice after a crash between sending and forgetting, and the task runs once", async () => {
    const { it, app, database, order, shipped } = await shop();
    await using _ = it;
    const id = await order("a lamp");
    await it.settle(app.result(id));
    database.prepare("INSERT INTO outbox (id, task, args) VALUES (?, 'ship', '[\"a lamp\"]')").run(id);
    await Promise.all([relay(database, app), relay(database, app)]);
    await it.advance(5);
    expect(shipped).toEqual(["a lamp"]);
  });
});
