import type { Command } from "commander";
import { WORKER_DEFAULTS } from "../defaults.ts";
import { useEnvironment } from "../environment.ts";
import { requireDev } from "./dev-file.ts";
import { longRunning, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { endWhileStarting, runWorker } from "./run-worker.ts";
import { APP_OPTION, appPath, load, shownPath } from "./target.ts";
import { names, pollSeconds, portOrFree, timeOption, wholeFrom1 } from "./values.ts";
import { workerScreen } from "./worker-screen.ts";

interface Options extends OutputOptions {
  readonly app?: string;
  readonly local?: boolean;
  readonly workloads?: readonly string[];
  readonly concurrency?: number;
  readonly deadLetters: boolean;
  readonly grace: number;
  readonly stall: number;
  readonly waitSeconds: number;
  readonly screen: boolean;
  readonly port?: number;
  readonly host?: string;
}

const HELP = `
Stopping: the first SIGTERM or Ctrl-C receives no more, lets what runs end within the grace, gives the rest back for
others to run at once, and exits with 0. It waits for the poll that is under way, for what that brings. A second one
gives back what runs, within a second, and exits with 143 or 130.
Stalling: SQS and DynamoDB silent for --stall, or code that blocks the main thread for as long: it says so and exits
with 1 (blocked: SIGKILL), for a supervisor to start it again.
With --port, GET /healthz says whether it makes progress and GET /readyz whether it takes tasks: 200, or 503 with the cause.
Logs are JSON lines on stderr, or readable ones where that is a terminal; LOVAGE_LOG_FORMAT=json|pretty chooses.

Examples:
  $ lovage worker --app ./app.ts
  $ lovage worker --workloads renders --concurrency 4
  $ lovage worker --port 8080
  $ LOVAGE_LOG_FORMAT=json lovage worker --grace 60s --debug`;

export const workerVerb: Verb = (program, done) => {
  const { graceSeconds, stallSeconds, waitSeconds, healthHost } = WORKER_DEFAULTS;
  program
    .command("worker")
    .description("run a worker until it is told to stop")
    .option(...APP_OPTION)
    .option("--local", 'work for the "lovage dev" that runs in this directory, not for AWS')
    .option("--workloads <names>", "workloads to serve, separated by commas (default: all)", names)
    .option("--concurrency <n>", "runs at a time, for each workload (default: the workload's)", wholeFrom1)
    .addOption(timeOption("--grace <time>", "what running tasks get when it stops", graceSeconds))
    .addOption(timeOption("--stall <time>", "silence after which it ends itself", stallSeconds))
    .addOption(timeOption("--wait-seconds <n>", "long poll, 0 to 20; a stop waits for it", waitSeconds, pollSeconds))
    .option("--no-dead-letters", "leave the dead-letter queues to somebody else")
    .option("--port <n>", "serve /healthz and /readyz there (0: a free one; default: neither)", portOrFree)
    .option("--host <address>", `address to serve them on (default: ${healthHost})`)
    .option("--no-screen", "start without the summary")
    .addHelpText("after", HELP)
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      if (options.host !== undefined && options.port === undefined) command.error("error: --host goes with --port");
      const output = longRunning(options);
      const started = endWhileStarting();
      if (options.local) useEnvironment(requireDev().environment);
      const path = appPath(command, options.app);
      const app = await load(path);
      app.logTo(output.logger(app.clock));
      const worker = {
        appPath: path,
        ...(options.workloads === undefined ? {} : { workloads: options.workloads }),
        ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
        deadLetters: options.deadLetters,
        graceSeconds: options.grace,
        stallSeconds: options.stall,
        waitSeconds: options.waitSeconds,
        ...(options.port === undefined ? {} : { port: options.port }),
        ...(options.host === undefined ? {} : { host: options.host }),
      };
      const code = await runWorker(app, worker, app.log, (description) => {
        started();
        if (!options.screen) return;
        output.show(description, (style) => workerScreen(description, options, shownPath(path), style));
      });
      done(code);
    });
};
