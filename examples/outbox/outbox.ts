// Enqueue after commit. A task that is sent inside a transaction may run before the commit, or after a rollback; one that is
// sent after the commit is lost if the process dies in between. The outbox is a table: the call is written in the same
// transaction as the data, and sent from there. Sending twice changes nothing, because the row's id is the task's.
import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { App, JsonValue, Task } from "lovage";

export function createOutbox(database: DatabaseSync): void {
  database.exec(`CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, task TEXT NOT NULL, args TEXT NOT NULL
  )`);
}

/** Writes the call, in the transaction that is open. Returns the id the task will have. */
export function enqueue<A extends readonly unknown[]>(database: DatabaseSync, task: Task<A>, ...args: A): string {
  const id = randomUUID();
  database.prepare("INSERT INTO outbox (id, task, args) VALUES (?, ?, ?)").run(id, task.taskName, JSON.stringify(args));
  return id;
}

/**
 * Sends what has been committed, the oldest first, and returns how many. Run it after each commit, and every few seconds by
 * a timer for what a crash has left. Two at a time do no harm. Throws where the queue cannot be reached: the rows stay.
 */
export async function relay(database: DatabaseSync, app: App, atMost = 100): Promise<number> {
  const rows = database.prepare("SELECT number, id, task, args FROM outbox ORDER BY number LIMIT ?").all(atMost);
  const sent = await Promise.allSettled(
    rows.map(async ({ number, id, task, args }) => {
      await app.sendTask(String(task), JSON.parse(String(args)) as JsonValue[], { taskId: String(id) });
      database.prepare("DELETE FROM outbox WHERE number = ?").run(Number(number)); // only now: it is accepted
    }),
  );
  const failed = sent.find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
  return rows.length;
}

/** Runs `body` in a transaction, then sends what it enqueued. */
export async function transaction<T>(database: DatabaseSync, app: App, body: () => T): Promise<T> {
  database.exec("BEGIN IMMEDIATE");
  let value: T;
  try {
    value = body();
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
  await relay(database, app).catch((error: unknown) =>
    app.log.warn({ error: String(error) }, "committed, not sent yet: the next relay sends it"),
  );
  return value;
}
