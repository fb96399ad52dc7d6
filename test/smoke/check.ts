// One thing that only AWS can show, and how it went.
import type { App } from "lovage";
import type * as smokeTasks from "./tasks.ts";

export type Outcome =
  | { readonly result: "passed"; readonly detail: string }
  | { readonly result: "failed" | "skipped"; readonly reason: string };

export interface World {
  readonly app: App;
  /** Of the smoke test's own app; another's are not called. */
  readonly tasks: typeof smokeTasks | undefined;
  /** Emulators, which take any signature and allow everything. */
  readonly local: boolean;
  /** Queues of its own may be made, and are removed. */
  readonly scratch: boolean;
}

export interface Check {
  readonly name: string;
  /** What it shows of AWS that no emulator can. */
  readonly proves: string;
  /** Why it cannot run elsewhere. @default - it runs on the local stack, too */
  readonly onlyOnAws?: string;
  /** Longest time it may take, in seconds. */
  readonly seconds: number;
  run(world: World, signal: AbortSignal): Promise<Outcome>;
}

export const passed = (detail: string): Outcome => ({ result: "passed", detail });
export const failed = (reason: string): Outcome => ({ result: "failed", reason });
export const skipped = (reason: string): Outcome => ({ result: "skipped", reason });

/** Whatever it throws is why it failed; what takes too long has failed, too. */
export async function runCheck(check: Check, world: World): Promise<Outcome> {
  if (world.local && check.onlyOnAws !== undefined) return skipped(`not on the local stack: ${check.onlyOnAws}`);
  const signal = AbortSignal.timeout(check.seconds * 1_000);
  const late = Promise.withResolvers<Outcome>();
  signal.addEventListener("abort", () => late.resolve(failed(`nothing after ${check.seconds} s`)));
  try {
    return await Promise.race([check.run(world, signal), late.promise]);
  } catch (error) {
    return failed(String(error));
  }
}

/** A check that calls tasks of the smoke test's own app. */
export function withTasks(
  run: (tasks: typeof smokeTasks, signal: AbortSignal, world: World) => Promise<Outcome>,
): Check["run"] {
  return async (world, signal) =>
    world.tasks === undefined
      ? skipped(`app "${world.app.name}" is not the smoke test's own, and does not have its tasks`)
      : run(world.tasks, signal, world);
}
