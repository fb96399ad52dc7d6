// The line that shows how far things are: redrawn in place on a terminal, printed now and then elsewhere.
import { plural } from "./print.ts";
import type { Store } from "./store.ts";

const EVERY_MS = process.stdout.isTTY ? 500 : 2_000;
const BAR = 7;

interface Counts {
  readonly tweets: number;
  readonly kept: number;
  readonly failed: number;
  readonly renders: number;
  readonly posters: number;
  readonly running: number;
}

const COUNTS = `SELECT
  (SELECT count(*) FROM outings) + (SELECT count(*) FROM participants WHERE handle IS NOT NULL) AS tweets,
  (SELECT count(*) FROM tweets) AS kept,
  (SELECT count(*) FROM requests WHERE answer NOT LIKE 'kept%' OR answer LIKE '%lost') AS failed,
  (SELECT count(*) FROM sent WHERE task = 'renderPoster') AS renders,
  (SELECT count(*) FROM posters) AS posters,
  (SELECT count(*) FROM executions WHERE ended_at IS NULL AND pid NOT IN (SELECT pid FROM killed)) AS running`;

const BACK = "SELECT DISTINCT task_id AS id FROM executions e JOIN killed k USING (task_id) WHERE e.pid <> k.pid";

export class ProgressLine {
  readonly #store: Store;
  readonly #began = Date.now();
  readonly #timer: NodeJS.Timeout;
  #shown = "";
  #back = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#timer = setInterval(() => this.draw(), EVERY_MS);
  }

  draw(): void {
    const { tweets, kept, failed, renders, posters, running } = this.#store.query<Counts>(COUNTS)[0] as Counts; // it always has a row
    this.#sayWhatCameBack();
    const line = `tweets ${bar(kept, tweets)}  posters ${bar(posters, renders)}  running ${pad(running, 2)}  refused ${pad(failed, 2)}`;
    if (process.stdout.isTTY)
      process.stdout.write(`\r\x1b[2K${this.#time()}  ${line}`.slice(0, process.stdout.columns + 4));
    else if (line !== this.#shown) process.stdout.write(`${this.#time()}  ${line}\n`);
    this.#shown = line;
  }

  /** Something that happened, on a line of its own. */
  say(text: string): void {
    process.stdout.write(`${process.stdout.isTTY ? "\r\x1b[2K" : ""}${this.#time()}  ${text}\n`);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.draw();
    if (process.stdout.isTTY) process.stdout.write("\n");
  }

  #sayWhatCameBack(): void {
    const now = this.#store.query<{ id: string }>(BACK).length;
    if (now > this.#back)
      this.say(`${plural(now - this.#back, "task")} of the killed worker came back, to be run again`);
    this.#back = now;
  }

  #time(): string {
    return `${pad(((Date.now() - this.#began) / 1_000).toFixed(1), 6)} s`;
  }
}

function bar(done: number, all: number): string {
  const full = all === 0 ? 0 : Math.floor((BAR * done) / all);
  return `${"█".repeat(full)}${"░".repeat(BAR - full)} ${pad(done, String(all).length)}/${all}`;
}

function pad(value: number | string, width: number): string {
  return String(value).padStart(width);
}
