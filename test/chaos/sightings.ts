// Looks at the record of every task soon after it ended, and remembers what it saw first: an ending that is written over later
// is one that the table alone cannot tell.
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../lib/clock.ts";
import { type Effect, FILES, parsed } from "./lines.ts";
import { isOver, readSome, type StoredTask } from "./table.ts";

const EVERY_MS = 500;
const BATCH = 100;
const CHUNK = 4 * 2 ** 20;

export class Sightings {
  readonly seen = new Map<string, StoredTask>();
  readonly #begun = new Map<string, string>();
  readonly #due = new Set<string>();
  readonly #stopped = new AbortController();
  readonly #endpoint: string;
  readonly #table: string;
  readonly #file: number;
  readonly #buffer = Buffer.alloc(CHUNK);
  #rest = "";
  #looking: Promise<void> = Promise.resolve();

  constructor(directory: string, endpoint: string, table: string) {
    this.#endpoint = endpoint;
    this.#table = table;
    this.#file = openSync(join(directory, FILES.effects), "r");
  }

  start(): void {
    this.#looking = this.#lookUntilStopped();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#looking;
    closeSync(this.#file);
  }

  async #lookUntilStopped(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#readLog();
      const due = [...this.#due];
      for (let from = 0; from < due.length; from += BATCH) await this.#look(due.slice(from, from + BATCH));
      await systemClock.sleep(EVERY_MS, this.#stopped.signal).catch(() => {});
    }
  }

  #readLog(): void {
    for (;;) {
      const bytes = readSync(this.#file, this.#buffer, 0, CHUNK, null);
      if (bytes === 0) return;
      const lines = `${this.#rest}${this.#buffer.toString("latin1", 0, bytes)}`.split("\n"); // all of it is ASCII
      this.#rest = lines.pop() ?? "";
      for (const effect of lines.flatMap(parsed<Effect>)) this.#hear(effect);
    }
  }

  #hear(effect: Effect): void {
    if (effect.what === "begin") this.#begun.set(effect.run, effect.id);
    if (effect.what !== "end") return;
    const id = this.#begun.get(effect.run);
    this.#begun.delete(effect.run);
    if (id !== undefined && !this.seen.has(id) && effect.how !== "retry") this.#due.add(id);
  }

  async #look(ids: readonly string[]): Promise<void> {
    let found: readonly StoredTask[];
    try {
      found = await readSome(this.#endpoint, this.#table, ids);
    } catch {
      return; // DynamoDB is just being restarted: the next look
    }
    const byId = new Map(found.map((task) => [task.id, task]));
    for (const id of ids) {
      const task = byId.get(id);
      if (task !== undefined && !isOver(task)) continue; // not yet
      if (task !== undefined) this.seen.set(id, task);
      this.#due.delete(id); // without a record it is one whose result nobody wanted; if not, its next run brings it back
    }
  }
}
