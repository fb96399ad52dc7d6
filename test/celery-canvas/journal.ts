// What tasks leave outside of their results, as those of Celery's tests leave it in Redis: who ran, and what was pushed to a list.

export interface Run {
  readonly id: string;
  readonly task: string;
  readonly retries: number;
  readonly args: readonly unknown[];
  readonly stamps: Readonly<Record<string, unknown>>;
}

export class Journal {
  readonly #runs: Run[] = [];
  readonly #again: Run[] = [];
  readonly #lists = new Map<string, unknown[]>();

  ran(run: Run): void {
    const same = this.#runs.some(({ id, retries }) => id === run.id && retries === run.retries);
    if (same) this.#again.push(run);
    this.#runs.push(run);
  }

  /** It asked to be run once more, as the same attempt. */
  givenBack(run: Run): void {
    this.#runs.splice(this.#runs.indexOf(run), 1);
  }

  /** Celery's tests: RPUSH. */
  push(key: string, value: unknown): void {
    const list = this.#lists.get(key) ?? [];
    this.#lists.set(key, list);
    list.push(value);
  }

  /** What was pushed, in order. */
  list(key: string): readonly unknown[] {
    return this.#lists.get(key) ?? [];
  }

  /** Runs of a task, or of all, in order. */
  runs(task?: string): readonly Run[] {
    return this.#runs.filter((run) => task === undefined || run.task === task);
  }

  /** Runs of an attempt that had been run: a delivery too many has run a task again. */
  get again(): readonly Run[] {
    return this.#again;
  }
}
