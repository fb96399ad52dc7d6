import { type Duration, seconds } from "../duration.ts";
import { eachOf, worst } from "./each-id.ts";
import { exitCodeOf, outcomeJson, outcomeOf, outcomeText } from "./outcome.ts";
import { Output, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { followAll } from "./result-follow.ts";
import { type TargetOptions, target, withTarget } from "./target.ts";
import { taskIds, time } from "./values.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly wait?: boolean;
  readonly follow?: boolean;
  readonly timeout?: Duration;
}

const HELP = `
States: PENDING, STARTED, RETRY; SUCCESS, FAILURE, REVOKED, LOST (ended); STALLED (its worker is gone),
UNTRACKED (sent with ignoreResult), UNKNOWN (not made by this app).
Without --wait or --follow the exit code is 0 whatever the state. With them: 0 SUCCESS, 3 FAILURE, REVOKED or LOST, 4 not in time.
--follow prints a line for every change: state, progress, retries. Ctrl-C ends the following, never the task.

Examples:
  $ lovage result 019a7c5e-...                     what is known now
  $ lovage result 019a7c5e-... --wait --timeout 1m
  $ lovage result 019a7c5e-... 019a7c5f-... --follow
  $ lovage result 019a7c5e-... --name duckling --json | jq .value`;

export const resultVerb: Verb = (program, done) => {
  withTarget(program.command("result"))
    .description("show a task's state, value, failure, times and runs")
    .argument("<ids...>", "the ids that send printed, or delay() returned", taskIds)
    .option("--wait", "until it has ended")
    .option("--follow", "until it has ended, with every change on the way")
    .option("--timeout <time>", "longest wait, such as 30s (default: without end)", time)
    .addHelpText("after", HELP)
    .action(async (ids: readonly string[], _options: object, command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      const { wait = false, timeout } = options;
      if (options.follow && wait) command.error("error: --follow waits already; leave out --wait");
      if (timeout !== undefined && !wait && !options.follow)
        command.error("error: --timeout goes with --wait or --follow");
      await using found = await target(command, options);
      const output = new Output(options);
      if (options.follow) {
        const limitMs = timeout === undefined ? undefined : seconds(timeout, "--timeout") * 1_000;
        return done(await followAll(found.app, ids, limitMs, output));
      }
      const show = async (id: string) => {
        const outcome = await outcomeOf(found.app.result(id), wait, timeout);
        output.show(outcomeJson(outcome), (style) => outcomeText(outcome, style, found.app.clock.now()));
        if (outcome.timedOut)
          output.remark(
            ({ red }) => `${red("error:")} it has not ended within ${timeout}; it goes on, only the waiting ended`,
          );
        return exitCodeOf(outcome, wait);
      };
      const codes = await eachOf(ids, show, output);
      done(worst(codes));
    });
};
