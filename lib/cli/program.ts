// The command line: verbs, what they share, and how the process ends.
import { Command, CommanderError } from "commander";
import { lenientEnvironment } from "../environment.ts";
import { printable, printableJson } from "../printable.ts";
import { completionVerb } from "./complete.ts";
import { costVerb } from "./cost.ts";
import { devVerb } from "./dev.ts";
import { EXIT, EXIT_CODES_HELP, type ExitCode } from "./exit-codes.ts";
import { failuresVerb } from "./failures.ts";
import { hintFor } from "./hint.ts";
import { initVerb } from "./init.ts";
import { Output } from "./output.ts";
import { ownPackage } from "./own-package.ts";
import { purgeVerb } from "./purge.ts";
import { queuesVerb } from "./queues.ts";
import { redriveVerb } from "./redrive.ts";
import { resultVerb } from "./result.ts";
import { revokeVerb } from "./revoke.ts";
import { sendVerb } from "./send.ts";
import { tasksVerb } from "./tasks.ts";
import { workerVerb } from "./worker.ts";
import { workflowVerb } from "./workflow.ts";

/** Adds a verb. Its action ends by telling `done` the exit code. */
export type Verb = (program: Command, done: (code: ExitCode) => void) => void;

const VERBS: readonly Verb[] = [
  initVerb,
  devVerb,
  workerVerb,
  sendVerb,
  resultVerb,
  revokeVerb,
  workflowVerb,
  purgeVerb,
  queuesVerb,
  failuresVerb,
  redriveVerb,
  tasksVerb,
  costVerb,
  completionVerb,
];

const EXAMPLES = `
Examples:
  $ lovage init my-app                  a project that runs
  $ lovage dev --app ./app.ts           everything on this machine, reloading
  $ lovage send add 2 3 --local --wait  in another terminal
  $ lovage worker --workloads renders   a worker against AWS
  $ lovage queues --json | jq           what waits where

Region, credentials and endpoints are found as the AWS SDK finds them: AWS_REGION, AWS_PROFILE,
AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL_DYNAMODB, ~/.aws/config, a container's or machine's role.
LOVAGE_APP stands in for --app, LOVAGE_LOG_FORMAT=json|pretty chooses the format of logs.`;

/** Runs one command line and ends the process: an app's module may hold timers and sockets that would keep it alive. */
export async function main(argv: readonly string[]): Promise<void> {
  outliveReaders();
  const code = await run(argv);
  await Promise.all([written(process.stdout), written(process.stderr)]);
  process.exit(code);
}

/** Runs one command line. Resolves with the exit code it asks for. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const json = flagged(argv, "--json");
  const program = commandLine(json);
  for (const verb of VERBS) verb(program, (ended) => (code = ended));
  try {
    await program.parseAsync([...argv]);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, json);
    const options = { json, debug: flagged(argv, "--debug") };
    new Output(options, lenientEnvironment()).error(error, hintFor(error, flagged(argv, "--local")));
    return EXIT.failed;
  }
}

function commandLine(json: boolean): Command {
  return new Command("lovage")
    .description("Celery's tasks for TypeScript, on SQS and DynamoDB.")
    .version(ownPackage().version, "-V, --version")
    .option("--json", "print JSON: results on stdout, logs and errors on stderr")
    .option("--debug", "log every decision; show the stack of every error")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput(json ? { writeErr: () => {} } : { outputError: (text, write) => write(printable(text)) })
    .showHelpAfterError("(--help shows how to use it)")
    .addHelpText("after", `${EXIT_CODES_HELP}\n${EXAMPLES}`)
    .exitOverride();
}

/** Commander has said it already, unless it was to be JSON. */
function usage(error: CommanderError, json: boolean): ExitCode {
  if (error.exitCode === 0) return EXIT.ok; // --help, --version
  const message = error.message.replace(/^error: /, "").split("\n")[0];
  const said = error.code === "commander.help" ? "no verb given; lovage --help lists them" : message;
  if (json) process.stderr.write(`${printableJson({ error: { code: "USAGE", message: said } })}\n`);
  return EXIT.usage;
}

/** Commander has not looked at the command line yet where it fails to understand it. */
function flagged(argv: readonly string[], flag: string): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? undefined : end).includes(flag);
}

/** `lovage tasks | head -1` is no error, and a worker outlives the terminal it wrote to. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}
