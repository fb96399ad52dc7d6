import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { readEnvironment } from "../environment.ts";
import { type LocalStack, startLocalStack } from "../local/stack.ts";
import { demandNoDev, removeDev, writeDev } from "./dev-file.ts";
import { functionsOf } from "./dev-functions.ts";
import { devReport, devScreen } from "./dev-screen.ts";
import { DevSession } from "./dev-session.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { longRunning, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { APP_OPTION, appPath } from "./target.ts";
import { port, timeOption, wholeFrom1 } from "./values.ts";
import { watchCode } from "./watch.ts";

interface Options extends OutputOptions {
  readonly app?: string;
  readonly sqsPort?: number;
  readonly dynamodbPort?: number;
  readonly dataDir?: string;
  readonly concurrency?: number;
  readonly grace: number;
  readonly watch?: readonly string[];
}

/** A reload should not wait for long: what runs on is given back, and the new code runs it again. */
const GRACE_SECONDS = 5;
/** A stop waits for the poll under way. */
const POLL_SECONDS = 1;

const HELP = `
Starts SQS (fauxqs) and DynamoDB (dynoxide) on 127.0.0.1, makes the app's queues, dead-letter queues and table, and runs
one worker for all of them, its dead letters too. Lambda workloads run as on Lambda: an event source mapping hands batches to
processes with the function's timeout and memory. Needs no AWS account, no Docker, and cannot reach AWS.
Messages are kept in memory. Items are too, unless --data-dir keeps them.

At every change of code (.ts, .js and their kin) below the app's directory the worker drains and starts again; node_modules,
dist and hidden directories are not watched. Code that does not load is reported, and waited for.

While it runs, .lovage/dev.json says where it is: "lovage send --local", "result --local", "queues --local" and
"worker --local" read it. Without --local they never do.

Ctrl-C: the worker drains, then everything ends. Again: at once.

Examples:
  $ lovage dev
  $ lovage dev --app ./src/app.ts --watch ./shared
  $ lovage dev --sqs-port 9324 --dynamodb-port 8000 --data-dir .lovage/data`;

export const devVerb: Verb = (program, done) => {
  program
    .command("dev")
    .description("run everything on this machine: queues, table and a worker that reloads")
    .option(...APP_OPTION)
    .option("--sqs-port <n>", "port of the local SQS (default: a free one)", port)
    .option("--dynamodb-port <n>", "port of the local DynamoDB (default: a free one)", port)
    .option("--data-dir <path>", "keep DynamoDB's items there (default: in memory)")
    .option("--concurrency <n>", "runs at a time, for each workload (default: the workload's)", wholeFrom1)
    .addOption(timeOption("--grace <time>", "what running tasks get at a reload or stop", GRACE_SECONDS))
    .option("--watch <path>", "another directory to watch; may be repeated", collect)
    .addHelpText("after", HELP)
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      done(await dev(appPath(command, options.app), options));
    });
};

const collect = (path: string, before: readonly string[] = []) => [...before, path];

async function dev(module: string, options: Options): Promise<ExitCode> {
  const output = longRunning(options);
  demandNoDev();
  const ending = new AbortController();
  const early = () => ending.abort();
  process.on("SIGTERM", early).on("SIGINT", early);
  const otherDynamodb = readEnvironment().dynamodbEndpoint; // for platforms the local one does not exist for
  let stack: LocalStack;
  try {
    stack = await startLocalStack({
      signal: ending.signal,
      ...(otherDynamodb === undefined ? {} : { dynamodbEndpoint: otherDynamodb }),
      ...(options.sqsPort === undefined ? {} : { sqsPort: options.sqsPort }),
      ...(options.dynamodbPort === undefined ? {} : { dynamodbPort: options.dynamodbPort }),
      ...(options.dataDir === undefined ? {} : { dataDir: resolve(options.dataDir) }),
    });
  } catch (error) {
    if (ending.signal.aborted) return EXIT.ok;
    throw error;
  }
  try {
    await using _ = stack;
    const watcher = watchCode([dirname(module), ...(options.watch ?? []).map((path) => resolve(path))]);
    const { sqsEndpoint: sqs, dynamodbEndpoint: dynamodb, environment } = stack;
    writeDev({ pid: process.pid, module, sqs, dynamodb, environment });
    output.show({ event: "started", pid: process.pid, module, sqs, dynamodb, environment }, (style) =>
      devScreen(module, stack, options.dataDir, style),
    );
    const session = new DevSession({
      module,
      stack,
      watcher,
      worker: workerOptions(options),
      startFunctions: functionsOf(module, stack, output),
      report: (event) => devReport(event, output),
    });
    process.off("SIGTERM", early).off("SIGINT", early);
    const code = endOnSignals(session, () =>
      output.remark(({ dim }) => dim("stopping: the worker drains; again to stop at once")),
    );
    if (ending.signal.aborted) session.stop();
    await session.run();
    watcher.close();
    return code();
  } finally {
    removeDev();
  }
}

function workerOptions({ concurrency, grace, json, debug }: Options): readonly string[] {
  return [
    ...["--grace", `${grace}s`, "--wait-seconds", String(POLL_SECONDS)],
    ...(concurrency === undefined ? [] : ["--concurrency", String(concurrency)]),
    ...(json ? ["--json"] : []),
    ...(debug ? ["--debug"] : []),
  ];
}

/** Returns what tells the exit code, once the session has ended. */
function endOnSignals(session: DevSession, onFirst: () => void): () => ExitCode {
  let code: ExitCode = EXIT.ok;
  let stopping = false;
  const on = (again: ExitCode) => () => {
    if (stopping) {
      code = again;
      session.stopAtOnce();
      return;
    }
    stopping = true;
    onFirst();
    session.stop();
  };
  process.on("SIGTERM", on(EXIT.terminated)).on("SIGINT", on(EXIT.interrupted));
  return () => code;
}
