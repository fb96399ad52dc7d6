import { Option } from "commander";
import { COST_DEFAULTS } from "../defaults.ts";
import { estimate } from "./cost-estimate.ts";
import { costReport } from "./cost-report.ts";
import { EXIT } from "./exit-codes.ts";
import { Output, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { APP_OPTION, appPath, load } from "./target.ts";
import { batchEntries, perMonth, timeOption, wholeFrom0 } from "./values.ts";

interface Options extends OutputOptions {
  readonly app?: string;
  readonly workload?: string;
  readonly duration: number;
  readonly argsBytes: number;
  readonly resultBytes: number;
  readonly reads: number;
  readonly batch: number;
  readonly rate: number;
}

const HELP = `
AWS is not asked: it imports the app's module and multiplies. Every line says how its units were counted; docs/cost.md says
what is counted, what is not, and where the prices are from.

million tasks  what a million cost, of the workload's tasks in equal parts
each alone     the same where no two share a request or an invocation (--batch 1)
idle month     a month in which nothing is sent: no compute runs
month of n     an idle month, and n tasks on each workload

Examples:
  $ lovage cost
  $ lovage cost --duration 5s --result-bytes 3000 --rate 10/s
  $ lovage cost --workload renders --json | jq '.workloads[0].perMillion.dollars'`;

export const costVerb: Verb = (program, done) => {
  program
    .command("cost")
    .description("estimate what an app costs: a million tasks, and a month without any")
    .option(...APP_OPTION)
    .option("--workload <name>", "only this one")
    .addOption(timeOption("--duration <time>", "how long a task's code runs", COST_DEFAULTS.durationSeconds))
    .addOption(number("--args-bytes <n>", "size of a task's arguments as JSON", COST_DEFAULTS.argsBytes))
    .addOption(number("--result-bytes <n>", "size of its result as JSON", COST_DEFAULTS.resultBytes))
    .addOption(number("--reads <n>", "how often its result is looked at", COST_DEFAULTS.reads))
    .addOption(number("--batch <n>", "tasks that share a request, 1 to 10", COST_DEFAULTS.together, batchEntries))
    .addOption(
      number("--rate <rate>", 'tasks of each workload: a month, or "10/s"', COST_DEFAULTS.tasksPerMonth, perMonth),
    )
    .addHelpText("after", HELP)
    .action(async (_options: object, command) => {
      const { app: path, workload, rate, batch, duration, ...options } = command.optsWithGlobals() as Options; // the options declared above
      const app = await load(appPath(command, path));
      const { argsBytes, resultBytes, reads } = options;
      const work = { durationSeconds: duration, argsBytes, resultBytes, reads, together: batch };
      const found = estimate(app, workload === undefined ? Object.keys(app.workloads) : [workload], work, rate);
      new Output(options).show(found, (style) => costReport(found, style));
      done(EXIT.ok);
    });
};

function number(flags: string, description: string, value: number, parse = wholeFrom0): Option {
  return new Option(flags, description).argParser(parse).default(value);
}
