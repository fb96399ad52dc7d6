// The example's own store: one SQLite file that the conductor, the workers and the tweet server all write to.
//
//   outings, participants   what there is
//   sent                    every task id that the queue accepted, written by whoever sent it
//   executions              one row for each execution: started, and how it ended
//   killed                  tasks that a worker was killed in the middle of
//   requests, tweets        what the tweet server was asked, and what it kept
//   posters, unreachable    what the callbacks stored
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { Outing, Participant } from "./outings.ts";

export const DATABASE = "duckling.sqlite";

/** Everything the example writes is in here. */
export function directory(): string {
  return resolve(process.env.DUCKLING_DIR ?? fileURLToPath(new URL("../../.lovage/duckling", import.meta.url)));
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS outings (id INTEGER PRIMARY KEY, title TEXT, place TEXT, hour INTEGER);
  CREATE TABLE IF NOT EXISTS participants (id INTEGER PRIMARY KEY, outing_id INTEGER, name TEXT, handle TEXT);
  CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT);
  CREATE TABLE IF NOT EXISTS sent (id TEXT PRIMARY KEY, task TEXT, outing_id INTEGER, participant_id INTEGER, format TEXT);
  CREATE TABLE IF NOT EXISTS executions (id INTEGER PRIMARY KEY, task_id TEXT, task TEXT, attempt INTEGER, pid INTEGER,
    started_at INTEGER, ended_at INTEGER, outcome TEXT);
  CREATE TABLE IF NOT EXISTS killed (task_id TEXT PRIMARY KEY, pid INTEGER, at INTEGER);
  CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, key TEXT, answer TEXT);
  CREATE TABLE IF NOT EXISTS tweets (key TEXT PRIMARY KEY, outing_id INTEGER, participant_id INTEGER, text TEXT);
  CREATE TABLE IF NOT EXISTS posters (outing_id INTEGER, format TEXT, path TEXT, PRIMARY KEY (outing_id, format));
  CREATE TABLE IF NOT EXISTS unreachable (participant_id INTEGER PRIMARY KEY, task_id TEXT);
`;

export interface Sent {
  readonly id: string;
  readonly task: string;
  readonly outingId: number;
  readonly participantId?: number;
  readonly format?: string;
}

export type ServerAnswer = "kept" | "kept before" | "refused" | "kept, answer lost" | "never answered";

let opened: Store | undefined;

/** One connection for each process or thread, opened at the first use. */
export function openStore(): Store {
  opened ??= new Store(directory());
  return opened;
}

export class Store {
  readonly #directory: string;
  readonly #database: DatabaseSync;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(join(directory, "posters"), { recursive: true });
    this.#database = new DatabaseSync(join(directory, DATABASE), { timeout: 10_000 }); // several processes write
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  }

  /** For the conductor, once, before anybody else opens it. */
  fill(outings: readonly Outing[], participants: readonly Participant[]): void {
    this.#database.exec(SCHEMA);
    this.#together(() => {
      for (const { id, title, place, hour } of outings) {
        this.#write("INSERT INTO outings VALUES (?, ?, ?, ?)", id, title, place, hour);
      }
      for (const { id, outingId, name, handle } of participants) {
        this.#write("INSERT INTO participants VALUES (?, ?, ?, ?)", id, outingId, name, handle);
      }
    });
  }

  outing(id: number): Outing {
    return this.#one<Outing>("SELECT id, title, place, hour FROM outings WHERE id = ?", id);
  }

  outings(): readonly Outing[] {
    return this.#all<Outing>("SELECT id, title, place, hour FROM outings ORDER BY id");
  }

  participant(id: number): Participant {
    return this.#one<Participant>("SELECT id, outing_id AS outingId, name, handle FROM participants WHERE id = ?", id);
  }

  participants(outingId: number): readonly Participant[] {
    return this.#all<Participant>(
      "SELECT id, outing_id AS outingId, name, handle FROM participants WHERE outing_id = ? ORDER BY id",
      outingId,
    );
  }

  setServerUrl(url: string): void {
    this.#write("INSERT OR REPLACE INTO settings VALUES ('server', ?)", url);
  }

  serverUrl(): string {
    return this.#one<{ value: string }>("SELECT value FROM settings WHERE name = 'server'").value;
  }

  recordSent(sent: readonly Sent[]): void {
    this.#together(() => {
      for (const { id, task, outingId, participantId, format } of sent) {
        const row = [id, task, outingId, participantId ?? null, format ?? null];
        this.#write("INSERT OR IGNORE INTO sent VALUES (?, ?, ?, ?, ?)", ...row);
      }
    });
  }

  /** `pid` is the worker's: a CPU-heavy task runs in a child of it. */
  executionStarted(taskId: string, task: string, attempt: number, pid: number): number {
    const { lastInsertRowid } = this.#write(
      "INSERT INTO executions (task_id, task, attempt, pid, started_at) VALUES (?, ?, ?, ?, ?)",
      ...[taskId, task, attempt, pid, Date.now()],
    );
    return Number(lastInsertRowid);
  }

  executionEnded(execution: number, outcome: string): void {
    this.#write("UPDATE executions SET ended_at = ?, outcome = ? WHERE id = ?", Date.now(), outcome, execution);
  }

  /** What a process has started and not ended, oldest first. */
  runningIn(pid: number): readonly { readonly taskId: string; readonly startedAt: number }[] {
    return this.#all(
      "SELECT task_id AS taskId, started_at AS startedAt FROM executions WHERE pid = ? AND ended_at IS NULL ORDER BY id",
      pid,
    );
  }

  /** Tasks that an execution in this process has ended. */
  endedIn(pid: number): readonly string[] {
    const rows = this.#all<{ id: string }>("SELECT task_id AS id FROM executions WHERE pid = ? AND ended_at > 0", pid);
    return rows.map(({ id }) => id);
  }

  recordKilled(taskIds: readonly string[], pid: number): void {
    for (const id of taskIds) this.#write("INSERT INTO killed VALUES (?, ?, ?)", id, pid, Date.now());
  }

  /** The server's side. A key that was kept before changes nothing. */
  keepTweet(key: string, outingId: number, participantId: number, text: string): "kept" | "kept before" {
    const insert = "INSERT OR IGNORE INTO tweets VALUES (?, ?, ?, ?)";
    return this.#write(insert, key, outingId, participantId, text).changes === 0 ? "kept before" : "kept";
  }

  recordRequest(key: string, answer: ServerAnswer): void {
    this.#write("INSERT INTO requests (key, answer) VALUES (?, ?)", key, answer);
  }

  /** Written beside its place and renamed: a reader, or a killed worker, never leaves half a file under its name. */
  writePoster(name: string, png: Buffer): string {
    const path = join("posters", name);
    const part = join(this.#directory, `${path}.${process.pid}.part`);
    writeFileSync(part, png);
    renameSync(part, join(this.#directory, path));
    return path;
  }

  recordPoster(outingId: number, format: string, path: string): void {
    this.#write("INSERT OR REPLACE INTO posters VALUES (?, ?, ?)", outingId, format, path);
  }

  recordUnreachable(participantId: number, taskId: string): void {
    this.#write("INSERT OR REPLACE INTO unreachable VALUES (?, ?)", participantId, taskId);
  }

  sent(): readonly Sent[] {
    return this.#all("SELECT id, task, outing_id AS outingId, participant_id AS participantId, format FROM sent");
  }

  /** Rows of a query: what the progress line and the report read. */
  query<Row>(sql: string): readonly Row[] {
    return this.#all<Row>(sql);
  }

  close(): void {
    this.#database.close();
  }

  #write(sql: string, ...values: (string | number | null)[]) {
    return this.#database.prepare(sql).run(...values);
  }

  #all<Row>(sql: string, ...values: (string | number | null)[]): Row[] {
    return this.#database.prepare(sql).all(...values) as Row[]; // the columns are named in the query
  }

  #one<Row>(sql: string, ...values: (string | number | null)[]): Row {
    const row = this.#database.prepare(sql).get(...values);
    if (row === undefined) throw new Error(`the store has no row for ${sql} with ${values.join(", ")}`);
    return row as Row; // as above
  }

  #together(body: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      body();
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}
