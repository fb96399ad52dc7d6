import { definitionOf, type TaskDefinition } from "./definition.ts";
import { EXIT } from "./exit-codes.ts";
import { Output, type OutputOptions, span, table } from "./output.ts";
import type { Verb } from "./program.ts";
import { APP_OPTION, appPath, load } from "./target.ts";

const HELP = `
Nothing is contacted: it imports the app's module and prints what is registered.
Retries: how many after the first run, for which errors ("when it asks": by ctx.retry() alone), and the pause before them
("backoff 1 s" doubles up to its limit).

Examples:
  $ lovage tasks
  $ lovage tasks --app ./src/app.ts --json | jq '.tasks[].name'`;

export const tasksVerb: Verb = (program, done) => {
  program
    .command("tasks")
    .description("list the tasks an app defines, their workloads, limits and retries")
    .option(...APP_OPTION)
    .addHelpText("after", HELP)
    .action(async (_options: object, command) => {
      const options = command.optsWithGlobals() as OutputOptions & { app?: string }; // the options declared above
      const definition = definitionOf(await load(appPath(command, options.app)));
      new Output(options).show(definition, (style) => {
        const count = definition.tasks.length;
        const head = `${style.bold(definition.app)}: ${count === 1 ? "1 task" : `${count} tasks`}`;
        if (count === 0) return `${head}\n  none is registered: name the task modules in the app's include list`;
        return `${head}\n\n${table(["task", "workload", "retries", "time limit", "soft", "result kept", "mode"], definition.tasks.map(row), style)}`;
      });
      done(EXIT.ok);
    });
};

function row(task: TaskDefinition): readonly string[] {
  const mode = task.ignoreResult ? "no result" : task.claim ? "" : "no claim";
  return [
    task.name,
    task.workload,
    retries(task),
    span(task.timeLimit),
    span(task.softTimeLimit),
    span(task.resultExpires),
    mode,
  ];
}

function retries({ maxRetries, retryBackoff, defaultRetryDelay, autoRetryFor }: TaskDefinition): string {
  if (maxRetries === 0) return "none";
  const pause = retryBackoff === false ? `after ${span(defaultRetryDelay)}` : `backoff ${span(retryBackoff)}`;
  const when = autoRetryFor.length === 0 ? "when it asks" : `on ${autoRetryFor.join(", ")}`;
  return `${maxRetries ?? "endless"} ${when}, ${pause}`;
}
