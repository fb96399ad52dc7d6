// Eager mode as an app knows it. What runs the tasks (worker/eager.ts) is loaded with the first call.
import type { App } from "./app.ts";
import type { Connect } from "./connection.ts";
import { describe } from "./duration.ts";
import { InvalidOption } from "./errors.ts";
import { check, flag, type Rule } from "./options.ts";
import { unbundled } from "./unbundled.ts";

export interface EagerOptions {
  /** `delay()` throws TaskFailed where the task fails, as `get()` does (Celery: task_eager_propagates). @default false */
  readonly propagates?: boolean;
}

export const eagerOption: Rule<EagerOptions | false> = (value, name) => {
  if (typeof value === "boolean") return value && {};
  if (typeof value !== "object" || value === null)
    throw new InvalidOption(`${name} is ${describe(value)}; it takes true, false or { propagates: true }`);
  const { propagates } = check(name, value, { propagates: flag });
  return propagates === undefined ? {} : { propagates };
};

export function eagerly(app: App, { propagates = false }: EagerOptions): Connect {
  return async (_, clock) => {
    const { eagerBackends } = await engine();
    return eagerBackends(app, clock, propagates);
  };
}

/** In a variable, so that bundlers leave it out: what is deployed has no use for it, and it brings all that runs tasks. */
const ENGINE: string = "./worker/eager.ts";

async function engine(): Promise<typeof import("./worker/eager.ts")> {
  return unbundled(
    () => import(ENGINE),
    "eager mode is no part of bundles; run it from the installed package, as tests do",
  );
}
