import type { Command } from "commander";
import type { SendOptions } from "../app.ts";
import type { Duration } from "../duration.ts";
import { LovageError } from "../errors.ts";
import { closest } from "../options.ts";
import { EXIT } from "./exit-codes.ts";
import { exitCodeOf, outcomeJson, outcomeOf, remarkOn } from "./outcome.ts";
import { Output, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { type Target, type TargetOptions, target, withTarget } from "./target.ts";
import { argument, jsonObject, time } from "./values.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly countdown?: Duration;
  readonly workload?: string;
  readonly id?: string;
  readonly wait?: boolean;
  readonly timeout?: Duration;
}

const HELP = `
Each argument is read as JSON where it is JSON, and is the text itself otherwise: 3 is a number, '"3"' and three are strings,
'{"a":1}' is an object. Negative numbers are fine; other arguments that start with a dash follow "--".
Prints the id. With --wait the id goes to stderr and the value, as JSON, to stdout: 0 SUCCESS, 3 FAILURE, REVOKED or LOST,
4 not in time.

Examples:
  $ lovage send add 2 3
  $ lovage send add 2 3 --wait --timeout 30s
  $ lovage send tweet "good morning" --countdown 10m --id morning-2026-11-20
  $ lovage send images.resize --kwargs '{"width":640}' --name duckling --workload renders`;

export const sendVerb: Verb = (program, done) => {
  withTarget(program.command("send"))
    .description("send a task by its name")
    .argument("<task>", "the task's name")
    .argument("[args...]", "its arguments, each as JSON or text", collect)
    .option(
      "--kwargs <json>",
      "keyword arguments, a JSON object: for tasks in Python, or a handler's last argument",
      jsonObject,
    )
    .option("--countdown <time>", "pause before it may start, such as 5s; at most 15m", time)
    .option("--workload <name>", "workload to send it to (default: the task's)")
    .option("--id <id>", "an id of your own; the same id is not run twice")
    .option("--wait", "until it has ended, and print its value")
    .option("--timeout <time>", "longest wait, such as 30s (default: without end)", time)
    .addHelpText("after", HELP)
    .action(async (task: string, args: readonly unknown[] = [], _options: object, command: Command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      const wait = options.wait ?? false;
      if (options.timeout !== undefined && !wait) command.error("error: --timeout goes with --wait");
      await using found = await target(command, options, options.workload === undefined ? [] : [options.workload]);
      const call = callOf(task, found, options);
      const output = new Output(options);
      const result = await found.app.sendTask(task, args, call);
      if (!wait) {
        output.show({ id: result.id, task, workload: call.workload ?? "default" }, () => result.id);
        return done(EXIT.ok);
      }
      output.remark(({ dim }) => dim(result.id));
      const outcome = await outcomeOf(result, true, options.timeout);
      const code = exitCodeOf(outcome, true);
      if (output.json || outcome.value !== undefined)
        output.show(outcomeJson(outcome), () => JSON.stringify(outcome.value));
      if (code !== EXIT.ok || outcome.gone !== undefined) remarkOn(outcome, output, options.timeout);
      done(code);
    });
};

const collect = (value: string, before: readonly unknown[] = []) => [...before, argument(value)];

/** What the task's own definition would have given the call. */
function callOf(task: string, { module }: Target, options: Options): SendOptions {
  const settings = module?.tasks.get(task)?.settings;
  if (module !== undefined && settings === undefined) throw unknownTask(task, module.name, [...module.tasks.keys()]);
  const workload = options.workload ?? settings?.workload;
  return {
    ...(options.kwargs === undefined ? {} : { kwargs: options.kwargs }),
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
