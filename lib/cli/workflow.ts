import { type Duration, seconds } from "../duration.ts";
import { type Workflow, type WorkflowRevoked, workflow } from "../workflow.ts";
import { EXIT } from "./exit-codes.ts";
import { Output, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { type TargetOptions, target, withTarget } from "./target.ts";
import { taskId, time } from "./values.ts";
import { treeText } from "./workflow-text.ts";
import { watchTree } from "./workflow-watch.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly watch?: boolean;
  readonly timeout?: Duration;
  readonly revoke?: boolean;
  readonly terminate?: boolean;
}

const HELP = `
The id is that of the handle which calling a chain, group or chord returned, or of the workflow's first task. It is known for 90 days.
A step that waits for others is PENDING, too. Of a group of more than 64 members it shows how many are in which state, and the first
that failed. Without --watch the exit code is 0 whatever has become of it. With it: 0 SUCCESS, 3 FAILURE, REVOKED or LOST, 4 not in time.
Ctrl-C ends the watching, never the workflow.

Examples:
  $ lovage workflow 019a7c5e-...                       what is known now
  $ lovage workflow 019a7c5e-... --watch --timeout 10m
  $ lovage workflow 019a7c5e-... --revoke              cancels all of it that has not ended
  $ lovage workflow 019a7c5e-... --name duckling --json | jq .state`;

export const workflowVerb: Verb = (program, done) => {
  withTarget(program.command("workflow"))
    .description("show a workflow as a tree, with states, times and errors; or cancel it")
    .argument("<id>", "the id of its handle, or of its first task", taskId)
    .option("--watch", "show it again whenever it changes, until all of it has ended")
    .option("--timeout <time>", "longest watch, such as 30s (default: without end)", time)
    .option("--revoke", "end what has not started, and ask workers to stop what runs")
    .option("--terminate", "with --revoke: kill what runs instead of asking it to stop")
    .addHelpText("after", HELP)
    .action(async (id: string, _options: object, command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      const { watch = false, timeout, revoke = false, terminate = false } = options;
      if (timeout !== undefined && !watch) command.error("error: --timeout goes with --watch");
      if (terminate && !revoke) command.error("error: --terminate goes with --revoke");
      await using found = await target(command, options);
      const { app } = found;
      const output = new Output(options);
      const seen = workflow(id, app);
      if (revoke) await cancel(seen, terminate, output);
      if (watch) {
        const limitMs = timeout === undefined ? undefined : seconds(timeout, "--timeout") * 1_000;
        return done(await watchTree(seen, app.clock, limitMs, output));
      }
      if (!revoke) {
        const tree = await seen.tree();
        output.show(tree, (style) => treeText(tree, style, app.clock.now()));
      }
      done(EXIT.ok);
    });
};

async function cancel(seen: Workflow, terminate: boolean, output: Output): Promise<void> {
  const told = await seen.revoke({ terminate });
  output.show({ id: seen.id, ...told }, () => toldText(told));
}

function toldText({ revoked, asked, ended, untracked }: WorkflowRevoked): string {
  const parts = [
    `${revoked} revoked: they had not started and never will`,
    ...(asked > 0 ? [`${asked} asked to stop: they run; their workers are told at the next heartbeat`] : []),
    ...(ended > 0 ? [`${ended} had ended already`] : []),
    ...(untracked > 0 ? [`${untracked} sent with ignoreResult: they run where they come to it`] : []),
  ];
  return parts.join("\n");
}
