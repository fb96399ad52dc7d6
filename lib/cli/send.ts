import type { Command } from "commander";
import { printableJson, printableLine } from "../printable.ts";
import { parseExact } from "./exact-json.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { jsonArray, jsonObject } from "./json-input.ts";
import { exitCodeOf, outcomeJson, outcomeOf, remarkOn } from "./outcome.ts";
import { Output } from "./output.ts";
import type { Verb } from "./program.ts";
import { sendBatchVerb } from "./send-batch.ts";
import { callOf, type SendVerbOptions } from "./send-call.ts";
import { target, withTarget } from "./target.ts";
import { argument, taskId, time, wholeFrom1 } from "./values.ts";

const HELP = `
Each argument is read as JSON where it is JSON, and is the text itself otherwise: 3 is a number, '"3"' and three are strings,
'{"a":1}' is an object. Negative numbers are fine; other arguments that start with a dash follow "--".
--args and --kwargs take JSON, a file with JSON (args.json or @args.json), or - for stdin.
Prints the id. With --wait the id goes to stderr and the value, as JSON, to stdout: 0 SUCCESS, 3 FAILURE, REVOKED or LOST,
4 not in time.

--batch sends one call for each line of a file: an array of arguments, or an object {"task", "args", "kwargs", "id",
"countdown", "eta", "expires", "workload", "headers", "ignoreResult", "timeLimit", "softTimeLimit"}. The task named before it is
for lines that name none. A line that is wrong is reported with its number, and the others are sent: exit code 1.
Ctrl-C waits for what is being sent, and says where to go on (--from-line).

Examples:
  $ lovage send add 2 3
  $ lovage send add 2 3 --wait --timeout 30s
  $ lovage send tweet "good morning" --countdown 10m --id morning-2026-11-20
  $ lovage send images.resize --args page.json --kwargs '{"width":640}' --name duckling --workload renders
  $ lovage send add --batch sums.jsonl --errors wrong.jsonl --ids ids.jsonl
  $ jq -c '[.id]' users.json | lovage send welcome --batch -`;

export const sendVerb: Verb = (program, done) => {
  withTarget(program.command("send"))
    .description("send a task by its name, or a file of calls")
    .argument("[task]", "the task's name")
    .argument("[args...]", "its arguments, each as JSON or text", collect)
    .option("--args <json>", "all arguments at once: a JSON array, a file with one, or -")
    .option(
      "--kwargs <json>",
      "keyword arguments, a JSON object, a file with one, or -: for tasks in Python, or a handler's last argument",
    )
    .option("--countdown <time>", "pause before it may start, such as 5s; at most 15m", time)
    .option("--workload <name>", "workload to send it to (default: the task's)")
    .option("--id <id>", "an id of your own; the same id is not run twice", taskId)
    .option("--wait", "until it has ended, and print its value")
    .option("--timeout <time>", "longest wait, such as 30s (default: without end)", time)
    .option("--batch <file>", "a call for each line of a file, or of stdin (-)")
    .option("--from-line <n>", "with --batch: begin at this line", wholeFrom1)
    .option("--ids <file>", "with --batch: append line and id of each call to this file, as JSON lines")
    .option("--errors <file>", "with --batch: append each call that was not sent, and why, to this file")
    .option("-q, --quiet", "with --batch: show no progress")
    .addHelpText("after", HELP)
    .action(async (task: string | undefined, args: readonly unknown[] = [], _options: object, command: Command) => {
      const options = command.optsWithGlobals() as SendVerbOptions; // the options declared above
      demandSense(command, task, args, options);
      if (options.batch !== undefined) return done(await sendBatchVerb(command, task, options.batch, options));
      if (task === undefined) return command.error("error: missing required argument 'task'");
      done(await sendOne(command, task, args, options));
    });
};

const collect = (value: string, before: readonly unknown[] = []) => [...before, argument(value)];

const meantAsJson = (text: string) => /^[[{]/.test(text) && !("value" in parseExact(text));

async function sendOne(
  command: Command,
  task: string,
  given: readonly unknown[],
  options: SendVerbOptions,
): Promise<ExitCode> {
  const wait = options.wait ?? false;
  const args = options.args === undefined ? given : await jsonArray(command, "--args", options.args);
  const kwargs = options.kwargs === undefined ? {} : await jsonObject(command, "--kwargs", options.kwargs);
  await using found = await target(command, options, options.workload === undefined ? [] : [options.workload]);
  const call = callOf(task, found, options);
  const output = new Output(options);
  for (const text of command.args.slice(1).filter(meantAsJson))
    output.remark(({ dim }) => dim(`note: ${printableLine(text)} begins like JSON and is none: it is sent as text`));
  const result = await found.app.sendTask(task, args, { ...call, kwargs });
  if (!wait) {
    output.show({ id: result.id, task, workload: call.workload ?? "default" }, () => result.id);
    return EXIT.ok;
  }
  output.remark(({ dim }) => dim(result.id));
  const outcome = await outcomeOf(result, true, options.timeout);
  const code = exitCodeOf(outcome, true);
  if (output.json || outcome.value !== undefined)
    output.show(outcomeJson(outcome), () => printableJson(outcome.value) ?? "");
  if (code !== EXIT.ok || outcome.gone !== undefined) remarkOn(outcome, output, options.timeout);
  return code;
}

/** Options that say nothing together are wrong use. */
function demandSense(
  command: Command,
  task: string | undefined,
  args: readonly unknown[],
  options: SendVerbOptions,
): void {
  const given = (names: readonly (keyof SendVerbOptions)[]) => names.find((name) => options[name] !== undefined);
  const flag = (name: string) => `--${name.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}`;
  if (options.batch === undefined) {
    const lost = given(["fromLine", "ids", "errors", "quiet"]);
    if (lost !== undefined) command.error(`error: ${flag(lost)} goes with --batch`);
    if (options.timeout !== undefined && !options.wait) command.error("error: --timeout goes with --wait");
    if (task !== undefined && options.args !== undefined && args.length > 0)
      command.error("error: arguments were given twice: one by one, and with --args");
    if (options.args === "-" && options.kwargs === "-")
      command.error("error: stdin cannot be both --args and --kwargs");
    return;
  }
  if (args.length > 0) command.error("error: with --batch the arguments come from the file");
  const alone = given(["args", "kwargs", "id", "wait", "timeout"]);
  if (alone !== undefined) command.error(`error: ${flag(alone)} is for one call; with --batch each line has its own`);
}
