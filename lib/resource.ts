// Resources: what tasks share and somebody has to open and close. One per worker process (a database pool), or one per run of
// a task (a session). Opened at the first use, closed in the reverse order.
import { running, type TaskContext } from "./context.ts";
import { InvalidOption, WrongContext } from "./errors.ts";
import type { OpenResources } from "./open-resources.ts";
import { callable, check, oneOf, text } from "./options.ts";

export interface WorkerResourceOptions<T> {
  /** One for each process: a worker, a process of its pool, a Lambda sandbox, or whoever else uses it. @default "worker" */
  readonly per?: "worker";
  readonly open: () => T | Promise<T>;
  /** When the worker ends, or `app.close()`. @default - nothing to close */
  readonly close?: (value: T) => unknown;
}

export interface TaskResourceOptions<T> {
  /** One for each run of a task. */
  readonly per: "task";
  readonly open: (ctx: TaskContext) => T | Promise<T>;
  /**
   * When the run's code has ended. Here a session commits or rolls back: where it throws after the code succeeded, the task
   * fails with that. `error` is what the code threw, or why its outcome does not count any more: a hard limit that had passed,
   * a revoke with `terminate`, a shutdown, a claim that was lost. @default - nothing to close
   */
  readonly close?: (value: T, error: unknown) => unknown;
}

export interface Resource<T> {
  /**
   * Opens it at the first use, or waits for that. Rejects with what `open` threw, and opens again at the next use; with
   * WrongContext where it is one per task and no task runs here any more.
   */
  get(): Promise<T>;
  /** Replaces it by `value` until disposed of: for tests. It is not closed. */
  use(value: T): Disposable;
}

const RULES = { per: oneOf("worker", "task"), open: callable, close: callable };

/** Makes a resource whose worker-wide values live in `worker`. Throws InvalidOption. */
export function makeResource<T>(
  name: string,
  options: WorkerResourceOptions<T> | TaskResourceOptions<T>,
  worker: OpenResources,
): Resource<T> {
  text(name, "a resource's name");
  const owner = `resource "${name}"`;
  check(owner, options, RULES);
  if (options.open === undefined) throw new InvalidOption(`${owner} has no open; it takes { open, close }`);
  const replacements: { readonly value: T }[] = [];
  const resource: Resource<T> = {
    get: async () => {
      const replaced = replacements.at(-1);
      if (replaced) return replaced.value;
      if (options.per !== "task") return worker.take(resource, options.open, (value) => options.close?.(value));
      const task = running();
      if (task === undefined)
        throw new WrongContext(`${owner} is one per task, and was asked for outside a running task`);
      if (task.resources.ended)
        throw new WrongContext(
          `${owner} is one per task, and was asked for after its run has ended; await what uses it before the task returns`,
        );
      return task.resources.take(
        resource,
        () => options.open(task.context),
        (value, error) => options.close?.(value, error),
      );
    },
    use: (value) => {
      const replacement = { value };
      replacements.push(replacement);
      return { [Symbol.dispose]: () => void replacements.splice(replacements.indexOf(replacement), 1) };
    },
  };
  return Object.freeze(resource);
}
