// What a task's own definition gives to a call that names it.
import type { SendOptions } from "../app.ts";
import type { Duration } from "../duration.ts";
import { LovageError } from "../errors.ts";
import { closest } from "../options.ts";
import type { OutputOptions } from "./output.ts";
import type { Target, TargetOptions } from "./target.ts";

export interface SendVerbOptions extends TargetOptions, OutputOptions {
  readonly args?: string;
  readonly kwargs?: string;
  readonly countdown?: Duration;
  readonly workload?: string;
  readonly id?: string;
  readonly wait?: boolean;
  readonly timeout?: Duration;
  readonly batch?: string;
  readonly fromLine?: number;
  readonly ids?: string;
  readonly errors?: string;
  readonly quiet?: boolean;
}

/** Throws LOVAGE_NOT_REGISTERED where the app is known and the task is not. */
export function callOf(
  task: string,
  { module }: Target,
  options: Pick<SendVerbOptions, "countdown" | "id" | "workload">,
): SendOptions {
  const settings = module?.tasks.get(task)?.settings;
  if (module !== undefined && settings === undefined) throw unknownTask(task, module.name, [...module.tasks.keys()]);
  const workload = options.workload ?? settings?.workload;
  return {
    ...(options.countdown === undefined ? {} : { countdown: options.countdown }),
    ...(options.id === undefined ? {} : { taskId: options.id }),
    ...(workload === undefined ? {} : { workload }),
    ...(settings === undefined ? {} : { ignoreResult: settings.ignoreResult }),
  };
}

function unknownTask(task: string, app: string, known: readonly string[]): LovageError {
  const near = closest(task, known);
  const hint = near === undefined ? `it has ${known.slice(0, 20).join(", ") || "none"}` : `did you mean ${near}?`;
  return new LovageError(
    "LOVAGE_NOT_REGISTERED",
    `app "${app}" has no task "${task}"; ${hint} (--name ${app} sends any name unchecked)`,
  );
}
